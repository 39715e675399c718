import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from penstock.store.migrate import SchemaMismatchError, check_schema, migrate, migrations
from penstock.store.pool import Connection, connect
from tests.servers import Databases


@asynccontextmanager
async def connection_to(dsn: str) -> AsyncIterator[Connection]:
    """One connection."""
    connection = await connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def migrate_once(dsn: str, mode: str = "mock") -> list[str]:
    """Migrate on a connection of its own."""
    async with connection_to(dsn) as connection:
        return await migrate(connection, mode)


async def test_an_empty_database_gets_everything(databases: Databases) -> None:
    """From nothing every migration is applied in order, and the database is then at this version."""
    async with databases.empty() as dsn, connection_to(dsn) as connection:
        assert await migrate(connection, "real") == [migration.name for migration in migrations()]
        await check_schema(connection, "real")


async def test_migrating_twice_does_nothing(dsn: str) -> None:
    """A database at this version is left alone."""
    assert await migrate_once(dsn) == []


async def test_migrators_that_start_together_take_turns(databases: Databases) -> None:
    """Of several migrators at once one does the work and the others find it done."""
    async with databases.empty() as dsn:
        applied = await asyncio.gather(*(migrate_once(dsn) for _ in range(4)))
        assert sorted(map(len, applied)) == [0, 0, 0, len(migrations())]


async def test_numbers_are_consecutive() -> None:
    """Migrations are numbered from 1 without gaps, so that two of one number cannot slip in."""
    assert [migration.number for migration in migrations()] == list(range(1, len(migrations()) + 1))


@pytest.mark.parametrize("check", [migrate, check_schema])
async def test_a_changed_migration_is_refused(dsn: str, check: type) -> None:
    """A file that is not the one that was applied stops the start."""
    async with connection_to(dsn) as connection:
        await connection.execute("UPDATE schema_migration SET checksum = 'other' WHERE number = 1")
        with pytest.raises(SchemaMismatchError, match="differs"):
            await check(connection, "mock")


@pytest.mark.parametrize("check", [migrate, check_schema])
async def test_a_newer_database_is_refused(dsn: str, check: type) -> None:
    """A program older than its database does not touch it."""
    async with connection_to(dsn) as connection:
        await connection.execute("INSERT INTO schema_migration (number, name, checksum) VALUES (9999, 'future', 'x')")
        with pytest.raises(SchemaMismatchError, match="newer"):
            await check(connection, "mock")


@pytest.mark.parametrize("check", [migrate, check_schema])
async def test_the_other_mode_is_refused(dsn: str, check: type) -> None:
    """A database of mock mode never serves real mode."""
    async with connection_to(dsn) as connection:
        with pytest.raises(SchemaMismatchError, match="mock mode"):
            await check(connection, "real")


async def test_a_failed_migration_leaves_nothing_and_frees_the_lock(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A migration that fails half-way is undone, and the next migrator is not kept waiting."""
    broken = type(migrations()[0])(1, "0001_broken", "CREATE TABLE half (a int); SELECT 1 / 0;")
    async with databases.empty() as dsn:
        with monkeypatch.context() as patched:
            patched.setattr("penstock.store.migrate.migrations", lambda: [broken])
            with pytest.raises(Exception, match="division by zero"):
                await migrate_once(dsn)
        assert await migrate_once(dsn) == [migration.name for migration in migrations()]
        async with connection_to(dsn) as connection:
            assert await connection.fetchval("SELECT to_regclass('half')") is None


async def test_an_unmigrated_database_is_told_apart(databases: Databases) -> None:
    """A check of an empty database says what to do."""
    async with databases.empty() as dsn, connection_to(dsn) as connection:
        with pytest.raises(SchemaMismatchError, match="penstock migrate"):
            await check_schema(connection, "mock")


async def test_the_index_of_numbers_is_parted_and_keeps_its_rows(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that was used before it was parted by months finds every number that it found."""
    count = "SELECT count(*) FROM number_index WHERE tenant_id = 1 AND msisdn = 4915100000001"
    fill = """
        INSERT INTO number_index
        SELECT 1, 4915100000001, uuid7_floor(date_trunc('month', now()) + n * interval '1 month' + interval '10 days'), n
        FROM generate_series(-1, 2) AS n
    """
    until = [migration for migration in migrations() if migration.number < 9]
    async with databases.empty() as dsn, connection_to(dsn) as connection:
        with monkeypatch.context() as patched:
            patched.setattr("penstock.store.migrate.migrations", lambda: until)
            await migrate(connection, "mock")
        await connection.execute("SELECT premake_message_partitions(now() - interval '40 days', 1)")
        await connection.execute(fill)
        assert await migrate(connection, "mock") == ["0009_retention"]
        assert await connection.fetchval(count) == 4
        parts = "SELECT count(*) FROM pg_inherits WHERE inhparent = $1::text::regclass"
        assert await connection.fetchval(parts, "number_index") == await connection.fetchval(parts, "message")
