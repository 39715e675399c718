"""Keys: believed for a second, then looked up again."""

from datetime import UTC, datetime

import msgspec
import pytest

from penstock.api import auth
from penstock.api.auth import Authenticator
from penstock.api.parts import Parts
from penstock.store import keys
from tests.api.conftest import KEY, Api, known_key


class SteppedClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def now(self) -> datetime:
        """Return some instant."""
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        """Return the seconds set."""
        return self.seconds


@pytest.fixture
def clock() -> SteppedClock:
    """The authenticator's clock."""
    return SteppedClock()


@pytest.fixture
def parts(parts: Parts, clock: SteppedClock) -> Parts:
    """The same surroundings with an authenticator on that clock."""
    return msgspec.structs.replace(parts, authenticator=Authenticator(parts.store, clock))


async def revoke(api: Api) -> None:
    """Close the first tenant's key."""
    async with api.parts.store.engine() as connection:
        (key,) = await keys.list_keys(connection, api.tenant_id)
        assert await keys.revoke_key(connection, api.tenant_id, key.key_id)


async def test_revoked_key_closes_within_a_second(api: Api, clock: SteppedClock) -> None:
    """A key is believed for its second and no longer."""
    assert (await api.call("GET", "/v1/campaigns")).status == 200
    await revoke(api)
    clock.seconds += auth.REMEMBERED_S - 0.1
    assert (await api.call("GET", "/v1/campaigns")).status == 200
    clock.seconds += 0.2
    assert (await api.call("GET", "/v1/campaigns")).status == 401


async def test_memory_of_keys_is_bounded(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest key is forgotten first; it is only looked up again."""
    monkeypatch.setattr(auth, "REMEMBERED_KEYS", 1)
    second = "pk_second_0123456789abcdef"
    async with api.parts.store.engine() as connection:
        await keys.create_key(connection, api.tenant_id, known_key(second), "")
    assert (await api.call("GET", "/v1/campaigns")).status == 200
    assert (await api.call("GET", "/v1/campaigns", headers={"Authorization": f"bearer {second}"})).status == 200
    await revoke_only(api, KEY)
    assert (await api.call("GET", "/v1/campaigns")).status == 401


async def revoke_only(api: Api, key: str) -> None:
    """Close one of several keys."""
    async with api.parts.store.engine() as connection:
        for known in await keys.list_keys(connection, api.tenant_id):
            if known.prefix == key[:9]:
                await keys.revoke_key(connection, api.tenant_id, known.key_id)
