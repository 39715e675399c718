"""Books and batches held against the messages: what differs is found, set right, and told."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from penstock.domain.ids import CampaignId
from penstock.reconcile import examine
from penstock.reconcile.findings import TOLD_S, Findings, RecentFindings, sweep_findings
from penstock.reconcile.recount import recount, recount_campaigns
from penstock.reconcile.verify import verify_all
from penstock.store.pool import Store
from penstock.telemetry.metrics import Metrics
from tests.builders import Rig, Scene, make_campaign, make_draft, make_sent_campaign
from tests.teller import StepClock


class Watch:
    """Findings, and what was counted and written of them."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.metrics = Metrics("test")
        self.findings = Findings(self.metrics)

    async def recount(self, scene: Scene) -> Mapping[str, tuple[bool, Any]]:
        """Check one campaign; what was found this time."""
        async with self.store.engine() as connection:
            await connection.execute("DELETE FROM finding")
        await recount(self.store, self.findings, *scene.key)
        return await self.found()

    async def found(self) -> Mapping[str, tuple[bool, Any]]:
        """Each kind that is on record: whether it was repaired, and its detail."""
        async with self.store.engine() as connection:
            rows = await connection.fetch("SELECT kind, is_repaired, detail::text FROM finding ORDER BY finding_id")
        return {kind: (is_repaired, detail) for kind, is_repaired, detail in rows}

    def count(self, kind: str) -> float:
        """What the metric says."""
        return self.metrics.registry.get_sample_value("penstock_reconciliation_findings_total", {"kind": kind}) or 0


@pytest.fixture
def watch(store: Store) -> Watch:
    """Findings of this test's own."""
    return Watch(store)


async def forget_batches(scene: Scene, where: str = "true") -> None:
    """Lose batches, as no transaction of ours would."""
    await scene.execute(f"DELETE FROM batch WHERE {where}")  # noqa: S608 - a literal


async def misbook(scene: Scene, counter: str, n: int) -> None:
    """Book what did not happen."""
    statement = "INSERT INTO counter_delta (tenant_id, campaign_id, counter, n) VALUES ($1, $2, $3, $4)"
    await scene.execute(statement, *scene.key, counter, n)


async def test_right_books_are_left_alone(store: Store, watch: Watch, tmp_path: Any) -> None:
    """A campaign in the middle of its way, one that is through and an empty one have nothing wrong with them."""
    halfway = await make_campaign(store, 30, chunk=10)
    await Rig(store, tmp_path).dispatcher.run_once()
    through, empty = await make_sent_campaign(store, 5, tenant="other", first=100), await make_draft(store)
    for scene in (halfway, through, empty):
        assert await watch.recount(scene) == {}
    assert await verify_all(store) == (3, 35, [])


@pytest.mark.parametrize("is_folded", [False, True])
async def test_wrong_books_are_set_right(store: Store, watch: Watch, *, is_folded: bool) -> None:
    """Every counter ends at what the messages and the skipped rows say; the finding says what was added."""
    scene = await make_sent_campaign(store, 20)
    await scene.execute("INSERT INTO skipped VALUES ($2, $1, 0, 7, 'duplicate', '')", *scene.key)
    if is_folded:
        await scene.execute(
            "INSERT INTO counter SELECT tenant_id, campaign_id, counter, sum(n) FROM counter_delta GROUP BY 1, 2, 3"
        )
        await scene.execute("DELETE FROM counter_delta")
    await scene.execute(
        "INSERT INTO counter_delta (tenant_id, campaign_id, counter, n) VALUES ($1, $2, 'delivered', 4)", *scene.key
    )
    found = await watch.recount(scene)
    assert found == {"books_wrong": (True, '{"received": 1, "delivered": -4, "skipped_duplicate": 1}')}
    assert await scene.states() == {"sent": 20}
    assert await watch.recount(scene) == {}
    assert watch.count("books_wrong") == 1


async def test_counters_of_what_happened_are_left_alone(store: Store, watch: Watch) -> None:
    """A counter that no message can speak for is not held against them."""
    scene = await make_sent_campaign(store, 5)
    await misbook(scene, "something_that_happened", 3)
    assert await watch.recount(scene) == {}


async def test_books_are_right_while_everything_moves(store: Store, watch: Watch, tmp_path: Any, monkeypatch: Any) -> None:
    """Counted again and again in steps while a campaign is sent, and wrong by a known number, it ends with right books."""
    monkeypatch.setattr(examine, "STEP", 7)
    scene = await make_campaign(store, 400, chunk=10)
    await scene.execute(
        "INSERT INTO counter_delta (tenant_id, campaign_id, counter, n) VALUES ($1, $2, 'queued', 9)", *scene.key
    )
    rig = Rig(store, tmp_path)

    async def count() -> None:
        for _ in range(10):
            await recount(store, watch.findings, *scene.key)

    await asyncio.gather(rig.drain(), rig.drain(), count())
    assert await scene.states() == {"sent": 400}
    assert watch.count("books_wrong") == 1
    assert await verify_all(store) == (1, 400, [])


async def test_two_that_count_at_once_correct_once(store: Store, watch: Watch) -> None:
    """Whoever comes second fails to serialize and leaves nothing behind: the correction is not written twice."""
    scene = await make_sent_campaign(store, 20)
    await misbook(scene, "sent", 4)
    await asyncio.gather(*(recount(store, watch.findings, *scene.key) for _ in range(4)), return_exceptions=True)
    assert await scene.states() == {"sent": 20}


async def test_queued_messages_without_a_batch_get_one(store: Store, watch: Watch, tmp_path: Any) -> None:
    """Each lost range is a batch again, within its chunk, and every message is sent once."""
    scene = await make_campaign(store, 40, chunk=10)
    await scene.execute("UPDATE batch SET first_seq = 3, last_seq = 5 WHERE first_seq = 0")
    await forget_batches(scene, "first_seq IN (20, 30)")
    found = await watch.recount(scene)
    assert found == {"messages_without_batch": (True, '{"batches": 4, "messages": 27}')}
    ranges = await scene.fetch("SELECT chunk_no, first_seq, last_seq, segments FROM batch ORDER BY first_seq")
    assert [tuple(row) for row in ranges] == [
        (0, 0, 2, 3), (0, 3, 5, 10), (0, 6, 9, 4), (1, 10, 19, 10), (2, 20, 29, 10), (3, 30, 39, 10),
    ]  # fmt: skip
    assert await watch.recount(scene) == {}
    rig = Rig(store, tmp_path)
    await rig.drain()
    assert await scene.states() == {"sent": 40}
    assert len(set(rig.script.destinations)) == len(rig.script.destinations) == 40


async def test_what_a_request_may_have_carried_gets_none(store: Store, watch: Watch, tmp_path: Any) -> None:
    """Messages that are queued though an attempt with them was answered are told and never sent again by themselves."""
    scene = await make_campaign(store, 20, chunk=10)
    await Rig(store, tmp_path).drain()
    await scene.execute("UPDATE message SET state = 'queued', provider_id = NULL WHERE seq < 4")
    await scene.execute("UPDATE attempt SET state = 'not_sent' WHERE first_seq = 10")
    await scene.execute("UPDATE message SET state = 'queued', provider_id = NULL WHERE seq = 12")
    found = await watch.recount(scene)
    assert found["messages_unaccounted"] == (False, '{"messages": 4}')
    assert found["messages_without_batch"] == (True, '{"batches": 1, "messages": 1}')
    rig = Rig(store, tmp_path)
    await rig.drain()
    assert rig.script.sizes == [1]
    assert await scene.states() == {"queued": 4, "sent": 16}


@pytest.mark.parametrize("state", ["pending", "sending", "unknown", "dead"])
async def test_a_living_batch_is_enough(store: Store, watch: Watch, state: str) -> None:
    """A batch that waits, is on its way, in doubt or dead still stands for its messages."""
    scene = await make_campaign(store, 20, chunk=10)
    await scene.execute("UPDATE batch SET state = $1::text::batch_state", state)
    assert await watch.recount(scene) == {}


async def test_nothing_is_added_to_a_campaign_that_has_ended(store: Store, watch: Watch) -> None:
    """Nobody would send it: it is told only."""
    scene = await make_campaign(store, 10)
    await forget_batches(scene)
    await scene.execute("UPDATE campaign SET state = 'completed', completed_at = now()")
    assert await watch.recount(scene) == {"messages_unaccounted": (False, '{"messages": 10}')}
    assert await scene.column("SELECT count(*) FROM batch") == [0]


async def test_overlapping_batches_are_told(store: Store, watch: Watch) -> None:
    """Two batches that would send the same messages cannot be mended here, but they are not passed over either."""
    scene = await make_campaign(store, 30, chunk=10)
    await scene.execute("UPDATE batch SET last_seq = 12 WHERE first_seq = 0")
    assert await watch.recount(scene) == {"batches_overlap": (False, '{"batches": 1}')}


async def test_the_least_checked_come_first_and_the_ended_once(store: Store, watch: Watch, monkeypatch: Any) -> None:
    """What runs is checked once an hour, what has ended once after its end, drafts never; so much at a time."""
    running, ended, _ = await make_campaign(store, 5), await make_sent_campaign(store, 5, tenant="b"), await make_draft(store)
    order: list[CampaignId] = []
    real = recount

    async def spy(store: Store, findings: Findings, tenant_id: Any, campaign_id: CampaignId) -> int:
        order.append(campaign_id)
        return await real(store, findings, tenant_id, campaign_id)

    monkeypatch.setattr("penstock.reconcile.recount.recount", spy)
    await recount_campaigns(store, watch.findings)
    assert order == [running.campaign_id, ended.campaign_id]
    await recount_campaigns(store, watch.findings)
    assert len(order) == 2
    await ended.execute(
        "UPDATE campaign SET state = 'completed', completed_at = now() WHERE campaign_id = $1", ended.campaign_id
    )
    await recount_campaigns(store, watch.findings)
    assert order[2:] == [ended.campaign_id]
    await running.execute("UPDATE recount SET recounted_at = now() - interval '61 minutes'")
    await running.execute("UPDATE campaign SET completed_at = now() - interval '2 hours' WHERE completed_at IS NOT NULL")
    await recount_campaigns(store, watch.findings)
    assert order[3:] == [running.campaign_id]


async def test_counting_stops_when_enough_was_counted(store: Store, watch: Watch, monkeypatch: Any) -> None:
    """The rest is counted the next time."""
    monkeypatch.setattr("penstock.reconcile.recount.MOST_MESSAGES", 5)
    for tenant in "abc":
        scene = await make_campaign(store, 5, tenant=tenant)
    for checked in (1, 2, 3):
        await recount_campaigns(store, watch.findings)
        assert await scene.column("SELECT count(*) FROM recount") == [checked]


async def test_verify_changes_nothing(store: Store, watch: Watch) -> None:
    """It says what recounting would find, and leaves everything as it is."""
    scene = await make_campaign(store, 10)
    await forget_batches(scene)
    await misbook(scene, "sent", 4)
    for _ in range(2):
        campaigns, messages, findings = await verify_all(store)
        assert (campaigns, messages) == (1, 10)
        assert [(finding.kind, finding.is_repaired) for finding in findings] == [
            ("books_wrong", False), ("messages_without_batch", False),
        ]  # fmt: skip
    assert await scene.column("SELECT count(*) FROM batch") == [0]
    assert await watch.found() == {}


async def test_findings_are_seen_again_and_forgotten(store: Store, watch: Watch) -> None:
    """The same thing is one row, seen so many times; a month after the last time it is gone."""
    scene = await make_campaign(store, 30, chunk=10)
    await scene.execute("UPDATE batch SET last_seq = 12 WHERE first_seq = 0")
    for times in (1, 2, 3):
        await recount(store, watch.findings, *scene.key)
        assert await scene.column("SELECT times FROM finding") == [times]
    for days, left in ((29, 1), (31, 0)):
        await scene.execute("UPDATE finding SET seen_at = now() - make_interval(days => $1)", days)
        await sweep_findings(store)
        assert await scene.column("SELECT count(*) FROM finding") == [left]


async def test_findings_of_the_last_day_are_told_by_kind(store: Store) -> None:
    """How many, and when the latest was, read anew after a while; older ones are not told, and nothing of a tenant is."""
    recent = RecentFindings(store, (clock := StepClock()))
    assert await recent.tell() == {"last_day": {}, "newest_at": None}
    scene = await make_campaign(store, 30, chunk=10)
    await scene.execute(
        "INSERT INTO finding (kind, subject, is_repaired, seen_at) "
        "VALUES ('books_wrong', 'a', true, now() - interval '2 days'), ('batches_overlap', 'a', false, now()), "
        "('batches_overlap', 'b', false, now() - interval '23 hours')"
    )
    assert await recent.tell() == {"last_day": {}, "newest_at": None}
    clock.added_s += TOLD_S
    (newest,) = await scene.column("SELECT max(seen_at) FROM finding")
    assert await recent.tell() == {"last_day": {"batches_overlap": 2}, "newest_at": newest.isoformat()}
