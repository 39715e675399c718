"""The embedded Valkey with real processes: volatile, bounded, on a private socket."""

from collections.abc import Iterator

import pytest
import redis

from tests.servers import private_valkey


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """One Valkey for all tests of this file."""
    with private_valkey() as url:
        yield url


@pytest.fixture
def client(url: str) -> Iterator[redis.Redis]:
    """Lend a client that is closed in the end."""
    with redis.Redis.from_url(url, decode_responses=True) as client:
        yield client


def test_it_listens_on_no_port(client: redis.Redis) -> None:
    """Only the unix socket is open."""
    assert client.config_get("port") == {"port": "0"}


def test_it_writes_nothing_to_disk(client: redis.Redis) -> None:
    """Neither snapshots nor an append-only file are kept."""
    assert client.config_get("save", "appendonly") == {"save": "", "appendonly": "no"}


def test_it_is_bounded_and_forgets_nothing_by_itself(client: redis.Redis) -> None:
    """Its memory has a limit, and at the limit it refuses instead of evicting."""
    assert client.config_get("maxmemory", "maxmemory-policy") == {
        "maxmemory": str(256 * 1024**2),
        "maxmemory-policy": "noeviction",
    }


def test_settings_of_the_caller_win() -> None:
    """A caller's setting replaces the default."""
    with private_valkey(settings={"maxmemory": "64mb"}) as url, redis.Redis.from_url(url, decode_responses=True) as client:
        assert client.config_get("maxmemory") == {"maxmemory": str(64 * 1024**2)}
