"""The gateway is killed at every named point of its work, again while it repairs, and stopped for longer than its lease."""

import asyncio
import signal
from pathlib import Path

import pytest

from penstock import failpoint
from penstock.dispatch.pipeline import PROCESS_ENDED
from penstock.domain.batch import MAX_ATTEMPTS
from penstock.failpoint import Point
from penstock.reconcile.verify import verify_all
from penstock.store.pool import Store
from tests.builders import make_sent_campaign
from tests.e2e.customer import Customer
from tests.e2e.evidence import FIRST_NUMBER, Database, wait_until
from tests.e2e.processes import Process, Site, another, process_settings, site
from tests.e2e.test_cli import run_all, servers
from tests.old import OLD, books_of, leftovers, make_old_campaign, months_of
from tests.servers import Databases, free_port

RECIPIENTS = 2000
SINGLES = 60
FIRST_SINGLE = FIRST_NUMBER + 500_000
BATCH = 100
END_S = 90.0
"""The provider tries to report less and less often, the longer nobody took its reports."""
ONE_BY_ONE = {"SMS_BATCH_SIZE": str(BATCH), "PENSTOCK_DISPATCH__IN_FLIGHT": "1"}
"""One batch of the campaign and one of single messages at a time, so that it can be said what a kill leaves in doubt."""

AT_THE_START = {Point.MIGRATE_BEFORE_COMMIT, Point.MIGRATE_AFTER_COMMIT}
AFTER_A_DEATH = {Point.RECOVER_BEFORE_COMMIT, Point.RECOVER_AFTER_COMMIT}
WHEN_TIME_IS_OVER = {point for point in Point if point.startswith("retention.")}
HITS = {
    Point.API_BEFORE_COMMIT: (1, 2), Point.API_AFTER_COMMIT: (1, 2), Point.UPLOAD_BEFORE_COMPLETE: (1,),
    Point.UPLOAD_AFTER_COMPLETE: (1,), Point.SINGLES_BEFORE_COMMIT: (2,), Point.SINGLES_AFTER_COMMIT: (2,),
}  # fmt: skip
"""At which of its hits a point strikes; the third, where nothing is said."""
STRIKES = [
    f"{point}:{hit}"
    for point in Point
    if point not in AT_THE_START | AFTER_A_DEATH | WHEN_TIME_IS_OVER
    for hit in HITS.get(point, (3,))
]

IN_A_TRANSACTION = [Point.SEND_AFTER_CLAIM, Point.SETTLE_BEFORE_COMMIT]
AROUND_A_REQUEST = [Point.SEND_BEFORE_WRITE, Point.SEND_AFTER_WRITE, Point.SEND_AFTER_RESPONSE]


async def dies(process: Process) -> None:
    """Wait until the process was killed."""
    assert await process.exit_code() == -signal.SIGKILL


async def revive(at: Site, *strikes: str) -> None:
    """After each death: every lease is over, and the gateway starts again, armed with the next strike until none is left."""
    for strike in strikes:
        await dies(at.process)
        await at.database.lapse()
        at.process.launch(**{failpoint.NAME: strike})
    await dies(at.process)
    await at.database.lapse()
    del at.process.environment[failpoint.NAME]
    await at.process.start()


async def live_through(at: Site, *strikes: str) -> None:
    """A customer's day with these deaths in it; afterwards everything is there, once."""
    key = await at.database.make_key("second", b"second")
    async with Customer(at.process.url, key) as customer, asyncio.TaskGroup() as group:
        group.create_task(revive(at, *strikes))
        await customer.start_campaign(RECIPIENTS, FIRST_NUMBER)
        await customer.send_singles(SINGLES, FIRST_SINGLE)
    await wait_until(at.database.is_settled_at_once, "everything is settled", END_S)
    await at.verify(customer.promised)
    assert len(customer.promised) == RECIPIENTS + SINGLES


@pytest.mark.parametrize("strike", STRIKES)
async def test_killed_at_a_point(dsn: str, valkey_url: str, tmp_path: Path, strike: str) -> None:
    """Nothing is lost, nothing goes out twice, and only what was on its way may be in doubt."""
    async with site(dsn, valkey_url, tmp_path, **ONE_BY_ONE, **{failpoint.NAME: strike}) as at:
        await live_through(at)
        in_doubt = (await at.database.states()).get("unknown", 0)
        point = strike.partition(":")[0]
        assert in_doubt <= BATCH + SINGLES
        assert is_settled_from_spool(at) or point != Point.SEND_AFTER_SPOOL


def is_settled_from_spool(at: Site) -> bool:
    """Whether the present process found an answer that an earlier one had received."""
    return any(line["event"] == "spooled_answer_settled" for line in at.process.log())


async def test_killed_again_while_it_repairs(dsn: str, valkey_url: str, tmp_path: Path) -> None:
    """An answer that lies in the spool survives two more deaths, in the middle of being settled and right after it."""
    strikes = [f"{Point.SETTLE_BEFORE_COMMIT}:1", f"{Point.SETTLE_AFTER_COMMIT}:1"]
    async with site(dsn, valkey_url, tmp_path, **ONE_BY_ONE, **{failpoint.NAME: f"{Point.SEND_AFTER_SPOOL}:3"}) as at:
        await live_through(at, *strikes)
        assert (await at.database.states()).get("unknown", 0) <= BATCH + SINGLES
        assert is_settled_from_spool(at)


@pytest.mark.parametrize("point", sorted(AFTER_A_DEATH))
async def test_killed_again_while_it_gives_up(dsn: str, valkey_url: str, tmp_path: Path, point: Point) -> None:
    """What a dead process had claimed is given up once, though whoever does it dies as well."""
    async with site(dsn, valkey_url, tmp_path, **ONE_BY_ONE, **{failpoint.NAME: f"{Point.SEND_BEFORE_WRITE}:3"}) as at:
        await live_through(at, f"{point}:1")
        assert (await at.database.states()).get("unknown", 0) <= 2 * BATCH + SINGLES  # one batch a death


async def die_of_it(at: Site) -> None:
    """Start again after every death, until the batch that ends each process is dead itself."""
    for _ in range(MAX_ATTEMPTS):
        await dies(at.process)
        at.process.launch()
    await wait_until(lambda: at.database.value("SELECT true FROM batch WHERE state = 'dead'"), "the batch is dead")


async def test_a_batch_that_ends_every_process_is_dead_at_last(dsn: str, valkey_url: str, tmp_path: Path) -> None:
    """The next process lives, says why the batch does not, and sends it once when it is told to after the cause is mended."""
    async with site(dsn, valkey_url, tmp_path, **ONE_BY_ONE, **{failpoint.NAME: f"{Point.SEND_AT_WORK}:1"}) as at:
        key = await at.database.make_key("second", b"second")
        async with Customer(at.process.url, key) as customer, asyncio.TaskGroup() as group:
            group.create_task(die_of_it(at))
            await customer.start_campaign(BATCH, FIRST_NUMBER)
        assert await at.database.states() == {"queued": BATCH}
        listed, _ = await run_all(servers(dsn, valkey_url), "dead-letters list", "dead-letters redrive --all")
        assert PROCESS_ENDED in listed
        await revive(at)
        await wait_until(at.database.is_settled_at_once, "everything is settled", END_S)
        await at.verify(customer.promised)
        assert (await at.database.states()).keys().isdisjoint({"queued", "unknown"})


@pytest.mark.parametrize("point", sorted(AT_THE_START))
@pytest.mark.parametrize("hit", [1, 2])
async def test_killed_while_it_migrates(databases: Databases, valkey_url: str, tmp_path: Path, point: Point, hit: int) -> None:
    """A database is left at one migration or at the next, never between, and the next start brings it to the end."""
    async with databases.empty() as dsn:
        nowhere = f"http://127.0.0.1:{free_port()}"
        process = Process(process_settings(dsn, valkey_url, nowhere, tmp_path, **{failpoint.NAME: f"{point}:{hit}"}), tmp_path)
        try:
            process.launch()
            await dies(process)
            done = await Database(dsn).value("SELECT count(*) FROM schema_migration")
            assert done == (hit - 1 if point is Point.MIGRATE_BEFORE_COMMIT else hit)
            del process.environment[failpoint.NAME]
            await process.start()
        finally:
            process.end()


@pytest.mark.parametrize("point", sorted(WHEN_TIME_IS_OVER))
async def test_killed_while_it_drops_a_month(store: Store, dsn: str, valkey_url: str, tmp_path: Path, point: Point) -> None:
    """The next start ends what was begun: the month is gone, its books are what they were, and nothing else was touched."""
    old, new = await make_old_campaign(store, 300), await make_sent_campaign(store, 20, tenant="twin")
    books = await books_of(old)
    nowhere = f"http://127.0.0.1:{free_port()}"
    changes = {"PENSTOCK_RETENTION__DAYS": "30", failpoint.NAME: f"{point}:1"}
    process = Process(process_settings(dsn, valkey_url, nowhere, tmp_path, **changes), tmp_path)
    try:
        process.launch()
        await dies(process)
        assert await months_of(store, OLD) == ([] if point is Point.RETENTION_AFTER_DROP else [OLD])
        del process.environment[failpoint.NAME]
        await process.start()

        async def is_gone() -> bool:
            return not await months_of(store, OLD)

        await wait_until(is_gone, "the month is gone")
    finally:
        process.end()
    assert await books_of(old) == books
    assert await leftovers(old) == {}
    assert await new.states() == {"sent": 20}
    assert await verify_all(store) == (2, 20, [])


@pytest.mark.parametrize("point", IN_A_TRANSACTION + AROUND_A_REQUEST)
async def test_stopped_for_longer_than_its_lease(dsn: str, valkey_url: str, tmp_path: Path, point: Point) -> None:
    """A process that sleeps over its lease sends at most once, and its late answer still settles what was given up.

    What it had locked in a transaction that it was in is free before it wakes.
    """
    async with (
        site(dsn, valkey_url, tmp_path, **ONE_BY_ONE) as at,
        another(at, **{failpoint.NAME: f"{point}:3:stop"}) as sleeper,
    ):
        key = await at.database.make_key("second", b"second")
        async with Customer(at.process.url, key) as customer:
            await customer.start_campaign(RECIPIENTS, FIRST_NUMBER)
        await wait_until(sleeper.is_stopped, "one gateway sleeps")
        await at.database.lapse()

        async def is_given_up() -> bool:
            await at.database.end_stale_transactions()
            return await at.database.is_sent()

        await wait_until(is_given_up, "its attempt is given up, and all else is sent", 60)
        sleeper.go_on()
        await wait_until(at.database.is_known, "the late answer settled it")
        await at.settle()
        await at.verify(customer.promised)
        assert [await at.process.terminate(), await sleeper.terminate()] == [0, 0]
