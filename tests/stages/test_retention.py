"""Messages whose time is over go by whole months, with all that stands beside them; what the books say of them stays."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from penstock.clock import SystemClock
from penstock.domain.counter import imbalance
from penstock.domain.retry import PARKED_REPORT_DELAYS_S
from penstock.receipts.apply import Applier
from penstock.reconcile import retention
from penstock.reconcile.findings import Findings
from penstock.reconcile.partitions import premake_partitions
from penstock.reconcile.recount import recount, recount_campaigns
from penstock.reconcile.retention import drop_aged, drop_months
from penstock.reconcile.verify import verify_all
from penstock.store import recounts, reports
from penstock.store import retention as store_retention
from penstock.store.pool import Store
from penstock.telemetry.metrics import Metrics
from tests.builders import Rig, ignore, make_campaign, make_draft, make_sent_campaign, report_lines
from tests.old import BESIDE, OLD, books_of, grow_old, id_of, leftovers, make_old_campaign, make_old_draft, months_of

DAYS = 400
BEFORE, NEXT = "2024_02", "2024_04"


class Keeper:
    """The periodic job, and what it told."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.metrics = Metrics("test")
        self.findings = Findings(self.metrics)

    async def rounds(self, n: int = 1, days: int = DAYS) -> None:
        """So many of them."""
        for _ in range(n):
            await drop_months(self.store, self.findings, days)

    async def told(self) -> list[tuple[str, str, int]]:
        """Kind, subject and times of each finding."""
        async with self.store.engine() as connection:
            rows = await connection.fetch("SELECT kind, subject, times FROM finding ORDER BY finding_id")
        return [(row["kind"], row["subject"], row["times"]) for row in rows]

    def counted(self) -> float:
        """How often the metric says that a month was kept."""
        given = {"kind": "month_kept"}
        return self.metrics.registry.get_sample_value("penstock_reconciliation_findings_total", given) or 0


@pytest.fixture
def keeper(store: Store) -> Keeper:
    """A keeper of this test's own."""
    return Keeper(store)


async def test_a_month_goes_whole_and_its_books_stay(store: Store, keeper: Keeper) -> None:
    """Of two tenants' campaigns nothing is left but themselves and their counts, as they were; no other month is touched."""
    old = [await make_old_campaign(store, 20, tenant=tenant, salt=salt) for salt, tenant in enumerate(("acme", "twin"))]
    later = await make_old_campaign(store, 5, month=NEXT, first=500)
    await grow_old(later, "2026-11-01")
    present = await make_sent_campaign(store, 8, tenant="twin", first=900)
    before = [await books_of(scene) for scene in (*old, later, present)]
    assert [set(await leftovers(scene)) for scene in (*old, later)] == [set(BESIDE)] * 3
    await keeper.rounds(3)
    assert await months_of(store, OLD, NEXT) == [NEXT]
    assert [await leftovers(scene) for scene in old] == [{}, {}]
    assert set(await leftovers(later)) == set(BESIDE)
    assert await present.states() == {"sent": 8}
    assert [await books_of(scene) for scene in (*old, later, present)] == before
    assert all(imbalance(books) == 0 for books in before)
    assert await old[0].column("SELECT state::text FROM campaign WHERE messages_dropped_at IS NOT NULL") == ["completed"] * 2
    assert await keeper.told() == []
    await premake_partitions(store)
    assert await months_of(store, OLD) == []


async def test_counting_again_finds_nothing_wrong(store: Store, keeper: Keeper) -> None:
    """Neither the recount nor `verify` takes a campaign without messages for one that lost them, however often they look."""
    old = await make_old_campaign(store, 20)
    books = await books_of(old)
    await keeper.rounds()
    assert await verify_all(store) == (1, 0, [])
    await old.execute("DELETE FROM recount")
    await recount_campaigns(store, keeper.findings)
    await recount(store, keeper.findings, *old.key)
    assert await books_of(old) == books
    assert await keeper.told() == []


async def test_books_that_are_not_balanced_are_still_told(store: Store, keeper: Keeper) -> None:
    """What can be checked without messages is: the sum."""
    old = await make_old_campaign(store, 20)
    await keeper.rounds()
    await old.execute("UPDATE counter SET n = n + 2 WHERE counter = 'delivered'")
    (finding,) = (await verify_all(store))[2]
    assert (finding.kind, finding.detail) == ("books_wrong", {"received": 2})


async def test_books_are_set_right_before_their_messages_go(store: Store, keeper: Keeper) -> None:
    """Later nobody could: they are held against the messages for the last time, also when they were counted long ago."""
    old = await make_old_campaign(store, 20)
    books = await books_of(old)
    await recount(store, keeper.findings, *old.key)
    await old.execute("UPDATE recount SET recounted_at = '2024-03-16'")
    await old.execute("UPDATE counter SET n = n + 3 WHERE counter = 'delivered'")
    await keeper.rounds()
    assert await months_of(store, OLD) == []
    assert await books_of(old) == books
    assert await keeper.told() == [("books_wrong", f"campaign:{old.campaign_id}", 1)]


OPEN = {
    "paused": "UPDATE campaign SET state = 'paused', completed_at = NULL WHERE {it}",
    "scheduled": "UPDATE campaign SET state = 'scheduled', completed_at = NULL WHERE {it}",
    "sent, reports awaited": "UPDATE campaign SET state = 'sending', completed_at = NULL WHERE {it}",
    "canceled, not at rest": "UPDATE campaign SET state = 'canceled', completed_at = NULL WHERE {it}",
    "a dead batch": "UPDATE batch SET state = 'dead' WHERE {it} AND first_seq = 0",
    "an unknown batch": "UPDATE batch SET state = 'unknown' WHERE {it} AND first_seq = 0",
    "queued by the books": "UPDATE counter SET n = 1 WHERE {it} AND counter = 'queued'",
    "unknown by a delta": "INSERT INTO counter_delta (tenant_id, campaign_id, counter, n) VALUES ($1, $2, 'unknown', 1)",
    "an open upload": "INSERT INTO upload (tenant_id, campaign_id, upload_no, upload_id, format, token) "
    "VALUES ($1, $2, 9, 'u', 'csv', gen_random_uuid())",
}
"""Ways in which one of a month's campaigns may have a way to go; `it` is that campaign."""


@pytest.mark.parametrize("way", OPEN)
async def test_what_is_open_keeps_its_month(store: Store, keeper: Keeper, way: str) -> None:
    """Nothing of the month goes, nobody else's either; it is told once, not each round, and another month goes meanwhile."""
    opened, other = await make_old_campaign(store, 20), await make_old_campaign(store, 5, tenant="twin", salt=1, first=500)
    free = await make_old_campaign(store, 5, month=BEFORE, salt=2, first=900)
    await opened.execute(OPEN[way].format(it="tenant_id = $1 AND campaign_id = $2"), *opened.key)
    before = [await leftovers(opened), await leftovers(other)]
    await keeper.rounds()
    assert keeper.counted() == 1
    await keeper.rounds(2)
    assert [await leftovers(opened), await leftovers(other)] == before
    assert await months_of(store, BEFORE, OLD) == [OLD]
    assert await leftovers(free) == {}
    assert await keeper.told() == [("month_kept", "month:2024-03", 1)]
    assert keeper.counted() == 1
    detail = await opened.column("SELECT detail->'oldest'->>0 FROM finding")
    assert detail == [str(opened.campaign_id)]


async def test_a_draft_with_recipients_keeps_its_month_and_an_empty_one_does_not(store: Store, keeper: Keeper) -> None:
    """Recipients are somebody's, sent or not; a draft that never had any holds nobody up."""
    empty = await make_old_draft(store)
    full = await make_campaign(store, 3, campaign_id=id_of(OLD, salt=1))
    await full.execute("UPDATE campaign SET state = 'draft', started_at = NULL WHERE campaign_id = $1", full.campaign_id)
    await grow_old(full)
    await keeper.rounds()
    assert await full.states() == {"queued": 3}
    await full.execute(
        "UPDATE campaign SET state = 'canceled', completed_at = '2024-03-20' WHERE campaign_id = $1", full.campaign_id
    )
    await full.execute("UPDATE message SET state = 'canceled', final_at = now()")
    await full.execute("UPDATE batch SET state = 'settled'")
    await full.execute("UPDATE counter_delta SET counter = 'canceled' WHERE counter = 'queued'")
    await keeper.rounds()
    assert [await leftovers(scene) for scene in (empty, full)] == [{}, {}]
    assert await books_of(full) == {"received": 3, "canceled": 3}


async def test_a_retry_that_is_being_filled_keeps_its_original(store: Store, keeper: Keeper) -> None:
    """Its recipients are read from the messages and payloads of the campaign that it tries again."""
    old = await make_old_campaign(store, 20)
    retry = await make_draft(store, retry_of=old.campaign_id)
    await keeper.rounds()
    assert set(await leftovers(old)) == set(BESIDE)
    await retry.execute(
        "UPDATE campaign SET state = 'canceled', completed_at = now() WHERE campaign_id = $1", retry.campaign_id
    )
    await keeper.rounds()
    assert await leftovers(old) == {}


@pytest.mark.parametrize(("days_ago", "stays"), [(DAYS - 1, True), (DAYS + 1, False)])
async def test_the_days_count_from_the_end_of_a_campaign(store: Store, keeper: Keeper, days_ago: int, *, stays: bool) -> None:
    """One that was scheduled far ahead keeps its month until its own time is over; that is nothing to be told of."""
    old = await make_old_campaign(store, 5)
    await old.execute("UPDATE campaign SET completed_at = now() - make_interval(days => $1)", days_ago)
    await keeper.rounds()
    assert (await leftovers(old) != {}) is stays
    assert await keeper.told() == []


async def test_no_days_keep_everything(store: Store, keeper: Keeper) -> None:
    """With 0 nothing ever goes."""
    old = await make_old_campaign(store, 5)
    await keeper.rounds(days=0)
    await drop_aged(store, 0)
    assert set(await leftovers(old)) == set(BESIDE)


async def test_single_messages_of_a_day_go_like_a_campaign(store: Store, keeper: Keeper) -> None:
    """A rolling campaign that is closed is one among others; while one of its messages waits, it keeps its month."""
    day = await make_old_campaign(store, 5)
    await day.execute("UPDATE campaign SET is_rolling = true, closes_at = '2024-03-11', state = 'sending', completed_at = NULL")
    await keeper.rounds()
    assert set(await leftovers(day)) == set(BESIDE)
    await day.execute("UPDATE campaign SET state = 'completed', completed_at = '2024-03-15'")
    await keeper.rounds()
    assert await leftovers(day) == {}
    assert await verify_all(store) == (1, 0, [])


async def test_it_goes_on_where_it_stopped(store: Store, keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    """However little is done in a round, each leaves less, and the messages go last."""
    monkeypatch.setattr(retention, "STEP", 3)
    monkeypatch.setattr(retention, "MOST_ROWS", 6)
    old = await make_old_campaign(store, 50)
    books = await books_of(old)
    left = [sum((await leftovers(old)).values())]
    for _ in range(100):
        await keeper.rounds()
        found = await leftovers(old)
        assert found.get("message", 0) == (50 if found else 0)
        assert await verify_all(store) == (1, 0, [])
        left.append(sum(found.values()))
        if not found:
            break
    assert left == sorted(set(left), reverse=True)
    assert len(left) > 10
    assert await books_of(old) == books


async def test_counting_for_the_last_time_goes_on_where_it_stopped(
    store: Store, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large month is counted over several rounds, each campaign once, and nothing goes before."""
    monkeypatch.setattr(retention, "MOST_MESSAGES", 5)
    scenes = [await make_old_campaign(store, 5, tenant=tenant, salt=i) for i, tenant in enumerate("abc")]
    for counted in (1, 2):
        await keeper.rounds()
        assert await scenes[0].column("SELECT count(*) FROM recount") == [counted]
        assert set(await leftovers(scenes[0])) == set(BESIDE)
    await keeper.rounds()
    assert [await leftovers(scene) for scene in scenes] == [{}, {}, {}]


async def test_a_count_that_runs_keeps_the_messages(store: Store, keeper: Keeper) -> None:
    """A month is not dropped from under a snapshot: the count ends with what it began with, and the drop comes later."""
    old = await make_old_campaign(store, 20)
    async with store.engine() as counting, counting.transaction(isolation="repeatable_read"):
        await recounts.keep_messages(counting)
        assert not await store_retention.are_messages_dropped(counting, *old.key)
        await keeper.rounds()
        assert await months_of(store, OLD) == [OLD]
        assert await recounts.count_range(counting, *old.key, 0, 100) == {"delivered": 19, "sent": 1}
    await keeper.rounds()
    assert await months_of(store, OLD) == []


async def test_sending_goes_on_while_a_month_cannot_be_dropped(store: Store, keeper: Keeper, tmp_path: Path) -> None:
    """Whoever holds the messages for long delays the drop, not the others: each try waits for a moment only."""
    await make_old_campaign(store, 20)
    sending = await make_campaign(store, 200, chunk=10, first=1000)
    rig = Rig(store, tmp_path)
    async with store.engine() as reader, reader.transaction():
        await reader.fetch("SELECT FROM message LIMIT 1")
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            group.create_task(keeper.rounds(5))
            group.create_task(rig.drain())
        assert await months_of(store, OLD) == [OLD]
        assert await sending.states() == {"sent": 200}
    await keeper.rounds()
    assert await months_of(store, OLD) == []


async def test_a_month_goes_while_others_send(store: Store, keeper: Keeper, tmp_path: Path) -> None:
    """Claims and settlements follow one another so closely that there is hardly a moment without one: it is found."""
    old = await make_old_campaign(store, 20)
    sending = await make_campaign(store, 2000, chunk=10, first=1000)
    rig = Rig(store, tmp_path)
    async with asyncio.TaskGroup() as group:
        sent = group.create_task(rig.drain())
        while await months_of(store, OLD) and not sent.done():
            await keeper.rounds()
        assert not sent.done(), "the month went only when nothing was sent any more"
    assert await leftovers(old) == {}
    assert await sending.states() == {"sent": 2000}


async def test_a_campaign_that_begins_to_move_is_not_marked(
    store: Store, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was looked at is looked at once more under the locks."""
    old = await make_old_campaign(store, 20)
    real = store_retention.list_uncounted

    async def meanwhile(*args: Any) -> Any:
        await old.execute(OPEN["an open upload"], *old.key)
        return await real(*args)

    monkeypatch.setattr(store_retention, "list_uncounted", meanwhile)
    await keeper.rounds()
    assert await old.column("SELECT messages_dropped_at FROM campaign") == [None]
    assert set(await leftovers(old)) == set(BESIDE)


async def test_late_reports_are_of_no_message(store: Store, keeper: Keeper) -> None:
    """A report of a message that is gone is counted, tried for four days and no longer, and kept until its own time is over."""
    old = await make_old_campaign(store, 20)
    books = await books_of(old)
    await keeper.rounds()
    line = report_lines({f"old-{old.campaign_id}-19": "Delivered"}).strip(b"[]") + b"\n"
    metrics = Metrics("test")
    applier = Applier(store, metrics, hear=ignore, poll_s=60, flush_reports=100)
    async with store.engine() as connection:
        await reports.insert_page(connection, 1, line)
    for _ in range(len(PARKED_REPORT_DELAYS_S) + 2):
        while await applier.run_once():
            pass
        await old.execute("UPDATE parked_report SET next_try_at = now() WHERE next_try_at IS NOT NULL")
    assert metrics.registry.get_sample_value("penstock_reports_total", {"result": "parked"}) == 1
    assert await old.column("SELECT next_try_at FROM parked_report") == [None]
    assert await books_of(old) == books
    await drop_aged(store, DAYS)
    assert await old.column("SELECT count(*) FROM parked_report") == [1]
    await old.execute("UPDATE parked_report SET received_at = now() - make_interval(days => $1)", DAYS + 1)
    await drop_aged(store, DAYS)
    assert await old.column("SELECT count(*) FROM parked_report") == [0]


AGED = {
    "report_page": "INSERT INTO report_page (reports, body, received_at, applied_at) VALUES (1, 'x', $1, now())",
    "parked_report": "INSERT INTO parked_report (provider_id, status, received_at) VALUES ('x', 'Delivered', $1)",
    "report_conflict": "INSERT INTO report_conflict (provider_id, status, recorded_at) VALUES ('x', 'Expired', $1)",
    "ingest_event": "INSERT INTO ingest_event (tenant_id, source, identity, event_id, body, received_at) "
    "VALUES (1, 's', sha256(gen_random_uuid()::text::bytea), gen_random_uuid(), 'x', $1)",
}
"""How a row gets into each table at some time."""


@pytest.mark.parametrize("table", AGED)
async def test_what_came_from_outside_goes_by_its_age(store: Store, table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old go in steps, the others stay."""
    monkeypatch.setattr(retention, "STEP", 2)
    scene = await make_draft(store)
    now = SystemClock().now()
    for days in (DAYS + 9, DAYS + 8, DAYS + 7, DAYS + 6, DAYS + 1, DAYS - 1, 0):
        await scene.execute(AGED[table], now - timedelta(days=days))
    await drop_aged(store, DAYS)
    assert await scene.column(f"SELECT count(*) FROM {table}") == [2]  # noqa: S608 - a literal


async def test_what_is_not_done_with_stays_at_any_age(store: Store) -> None:
    """Reports that are not applied, and those that are still tried."""
    scene = await make_draft(store)
    await scene.execute("INSERT INTO report_page (reports, body, received_at) VALUES (1, 'x', '2024-01-01')")
    await scene.execute(
        "INSERT INTO parked_report (provider_id, status, received_at, next_try_at) "
        "VALUES ('x', 'Delivered', '2024-01-01', now())"
    )
    await drop_aged(store, DAYS)
    assert await scene.column("SELECT count(*) FROM report_page") == [1]
    assert await scene.column("SELECT count(*) FROM parked_report") == [1]
