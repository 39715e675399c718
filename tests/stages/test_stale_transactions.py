"""A process that is stopped in the middle of a transaction keeps what it has locked: others go on, and get it in the end."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import asyncpg
import pytest

from penstock.embedded import EmbeddedPostgres
from penstock.ingest.scheduler import start_scheduled
from penstock.reconcile.attempts import give_up_lapsed_attempts
from penstock.reconcile.books import fold_counts
from penstock.reconcile.completion import complete_campaigns
from penstock.reconcile.findings import Findings
from penstock.reconcile.recount import recount_campaigns
from penstock.reconcile.transactions import end_stale_transactions
from penstock.store.pool import ENGINE, SESSIONS, Store
from penstock.telemetry.metrics import Metrics
from tests.builders import Scene, lose_track, make_campaign

FINDINGS = Findings(Metrics("test"))
AT_ONCE = timedelta()
FIRST_HALF_OF_A_STATEMENT = b"P\x00\x00\x00\x10\x00SELECT 1\x00\x00\x00"
"""The parse message of the protocol; the server now waits for the rest of the statement."""


@asynccontextmanager
async def session(dsn: str, name: str) -> AsyncIterator[Any]:
    """A connection that calls itself so, with a transaction begun."""
    connection: Any = await asyncpg.connect(dsn, server_settings={"application_name": name})
    try:
        await connection.execute("BEGIN; SELECT txid_current()")
        yield connection
    finally:
        connection.terminate()


async def fall_asleep(connection: Any, scene: Scene, *, in_a_statement: bool) -> None:
    """Say no more: between two statements, or in the midst of one, when the server takes the session for busy."""
    if in_a_statement:
        connection._transport.write(FIRST_HALF_OF_A_STATEMENT)
    seen, pid = None, connection.get_server_pid()
    while seen != ("active" if in_a_statement else "idle in transaction", "ClientRead"):
        (row,) = await scene.fetch("SELECT state, wait_event FROM pg_stat_activity WHERE pid = $1", pid)
        seen = tuple(row)


@pytest.mark.parametrize("in_a_statement", [False, True])
async def test_a_held_attempt_is_passed_over_until_its_transaction_is_ended(
    store: Store, dsn: str, tmp_path: Path, *, in_a_statement: bool
) -> None:
    """Others are given up meanwhile. After the longest time of a transaction it is ended, and the attempt is given up."""
    held, free = await lose_track(store, tmp_path, tenant="held"), await lose_track(store, tmp_path, tenant="free")
    async with session(dsn, ENGINE) as sleeper:
        await sleeper.execute(f"SELECT FROM attempt WHERE tenant_id = {held.tenant_id} FOR UPDATE")
        await fall_asleep(sleeper, held, in_a_statement=in_a_statement)
        await give_up_lapsed_attempts(store, FINDINGS)
        assert (await held.states(), await free.states()) == ({"queued": 5}, {"unknown": 5})
        await end_stale_transactions(store, FINDINGS)
        await give_up_lapsed_attempts(store, FINDINGS)
        assert await held.states() == {"queued": 5}
        await end_stale_transactions(store, FINDINGS, AT_ONCE)
        await held.fetch("SELECT FROM attempt FOR UPDATE")  # waits until the server has let go
        await give_up_lapsed_attempts(store, FINDINGS)
        assert await held.states() == {"unknown": 5}
    (found,) = await held.fetch("SELECT is_repaired, detail::text FROM finding WHERE kind = 'transaction_ended'")
    assert found["is_repaired"]
    assert '"pool": "penstock-engine"' in found["detail"]
    assert '"waited_for": "ClientRead"' in found["detail"]


async def test_neither_the_young_nor_the_idle_is_ended(store: Store, dsn: str) -> None:
    """A session of ours that works, or that waits for work, is left alone."""
    async with session(dsn, ENGINE) as young:
        await end_stale_transactions(store, FINDINGS)
        assert await young.fetchval("SELECT 1") == 1
        await young.execute("COMMIT")
        await end_stale_transactions(store, FINDINGS, AT_ONCE)
        assert await young.fetchval("SELECT 1") == 1


@pytest.mark.parametrize("name", SESSIONS)
async def test_a_stale_transaction_of_any_pool_is_ended(store: Store, dsn: str, name: str) -> None:
    """The callers', the engine's and the jobs': each may hold what others need."""
    async with session(dsn, name) as stale:
        await end_stale_transactions(store, FINDINGS, AT_ONCE)
        async with store.engine() as connection:
            while await connection.fetch("SELECT FROM pg_stat_activity WHERE pid = $1", stale.get_server_pid()):
                pass


@pytest.mark.parametrize(("name", "user", "is_elsewhere"), [
    ("psql", None, False), ("", None, False), ("penstock-observer", None, False), (ENGINE, "postgres", False),
    (ENGINE, None, True),
])  # fmt: skip
async def test_nobody_elses_transaction_is_ended(
    store: Store, dsn: str, postgres: EmbeddedPostgres, name: str, user: str | None, *, is_elsewhere: bool
) -> None:
    """Not an operator's, a migration's or a report's, not another role's, and not another installation's on the same server."""
    database = "postgres" if is_elsewhere else urlsplit(dsn).path.lstrip("/")
    where = postgres.dsn_for(database, user=user) if user else postgres.dsn_for(database)
    async with session(where, name) as theirs:
        await end_stale_transactions(store, FINDINGS, AT_ONCE)
        assert await theirs.fetchval("SELECT 1") == 1


async def make_final(store: Store, tenant: str) -> Scene:
    """A campaign of which nothing is awaited any more."""
    scene = await make_campaign(store, 2, tenant=tenant)
    await scene.execute("UPDATE message SET state = 'delivered' WHERE campaign_id = $1", scene.campaign_id)
    await scene.execute("UPDATE batch SET state = 'settled' WHERE campaign_id = $1", scene.campaign_id)
    await scene.execute(
        "INSERT INTO counter_delta (tenant_id, campaign_id, counter, n) "
        "VALUES ($1, $2, 'queued', -2), ($1, $2, 'delivered', 2)",
        *scene.key,
    )
    return scene


async def make_due(store: Store, tenant: str) -> Scene:
    """A scheduled campaign whose time has come."""
    scene = await make_campaign(store, 2, tenant=tenant)
    await scene.execute(
        "UPDATE campaign SET state = 'scheduled', send_at = now(), next_seq = 2 WHERE campaign_id = $1", scene.campaign_id
    )
    return scene


def start(store: Store) -> Awaitable[None]:
    """Start what is due."""
    return start_scheduled(store, Metrics("test"))


def recount(store: Store) -> Awaitable[None]:
    """Check the books."""
    return recount_campaigns(store, FINDINGS)


class Case(NamedTuple):
    """A job, and what it does to campaigns that are made for it."""

    make: Callable[[Store, str], Awaitable[Scene]]
    job: Callable[[Store], Awaitable[None]]
    locked: str
    """The table whose rows somebody holds."""
    done: str
    """Finds the campaigns that the job was done for."""


CASES = [
    Case(make_final, complete_campaigns, "campaign", "SELECT campaign_id FROM campaign WHERE state = 'completed'"),
    Case(make_due, start, "campaign", "SELECT campaign_id FROM campaign WHERE state = 'sending'"),
    Case(make_final, recount, "campaign", "SELECT campaign_id FROM recount"),
    Case(make_final, fold_counts, "counter_delta", "SELECT DISTINCT campaign_id FROM counter"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.job.__name__)
async def test_a_job_passes_over_what_is_locked(store: Store, dsn: str, case: Case) -> None:
    """It does what comes behind it, and does the rest when the lock is gone."""
    locked, free = await case.make(store, "locked"), await case.make(store, "free")
    async with session(dsn, ENGINE) as sleeper:
        await sleeper.execute(f"SELECT FROM {case.locked} WHERE tenant_id = {locked.tenant_id} FOR UPDATE")
        await case.job(store.for_jobs())
        assert await free.column(case.done) == [free.campaign_id]
        await sleeper.execute("ROLLBACK")
    await case.job(store.for_jobs())
    assert sorted(await free.column(case.done)) == [locked.campaign_id, free.campaign_id]
