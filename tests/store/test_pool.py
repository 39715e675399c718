from datetime import timedelta

import asyncpg
import pytest

from penstock.config import Database
from penstock.domain.errors import UnavailableError
from penstock.store import pool
from penstock.store.pool import Store


async def raise_in_database(store: Store, code: str) -> None:
    """Let a statement fail with this SQLSTATE."""
    async with store.engine() as connection, connection.transaction():
        await connection.execute(f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("40P01", asyncpg.DeadlockDetectedError), ("40001", asyncpg.SerializationError),
        ("25006", asyncpg.ReadOnlySQLTransactionError), ("53200", asyncpg.OutOfMemoryError),
        ("53100", asyncpg.DiskFullError), ("55P03", asyncpg.LockNotAvailableError), ("57014", asyncpg.QueryCanceledError),
    ],
)  # fmt: skip
async def test_what_passes_by_itself_is_unavailability(store: Store, code: str, kind: type[Exception]) -> None:
    """Errors that a later repetition of the transaction may not meet are one kind of ours, with the driver's as cause."""
    with pytest.raises(UnavailableError) as raised:
        await raise_in_database(store, code)
    assert isinstance(raised.value.__cause__, kind)
    await store.check()


@pytest.mark.parametrize(("code", "kind"), [("22012", asyncpg.DivisionByZeroError), ("23505", asyncpg.UniqueViolationError)])
async def test_a_defect_is_not_unavailability(store: Store, code: str, kind: type[Exception]) -> None:
    """An error that every repetition would meet again flies as it is."""
    with pytest.raises(kind):
        await raise_in_database(store, code)


async def write_read_only(store: Store) -> None:
    """Write as on a node that was demoted."""
    async with store.engine() as connection, connection.transaction():
        await connection.execute("SET TRANSACTION READ ONLY")
        await connection.execute("INSERT INTO account (account_id) VALUES ('a')")


async def test_a_demoted_server_is_unavailable(store: Store) -> None:
    """Writing where only reading is allowed is waited out, and the next transaction may write again."""
    with pytest.raises(UnavailableError):
        await write_read_only(store)
    async with store.engine() as connection:
        await connection.execute("INSERT INTO account (account_id) VALUES ('a')")


async def test_a_transaction_that_stands_still_loses_its_locks(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a stopped process had locked is free again after a while, and the process learns that the database was away."""
    monkeypatch.setattr(pool, "LONGEST_TRANSACTION", timedelta(milliseconds=300))
    lock = "INSERT INTO account (account_id) VALUES ('a') ON CONFLICT DO NOTHING"
    async with Store.open(dsn, Database()) as store:
        async with store.engine() as connection:
            if await connection.fetchval("SELECT current_setting('server_version_num')::int4") < 170000:
                pytest.skip("PostgreSQL ends such a transaction from version 17 on")
        with pytest.raises(UnavailableError):
            await stand_still(store, dsn, lock)
        async with store.engine() as connection:
            assert await connection.fetchval("SELECT count(*) FROM account WHERE account_id = 'a'") == 1


async def stand_still(store: Store, dsn: str, lock: str) -> None:
    """Take a lock and say nothing until somebody else, whose own time is not bounded, has got it."""
    async with store.engine() as sleeper, sleeper.transaction():
        await sleeper.execute(lock)
        other = await pool.connect(dsn)
        try:
            await other.execute(lock)
        finally:
            await other.close()
        await sleeper.execute("SELECT 1")
