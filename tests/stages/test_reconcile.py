"""The periodic jobs on a real database, and who runs them."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from penstock.dispatch.settle import Settler
from penstock.domain.errors import UnavailableError
from penstock.domain.ids import AttemptId, CampaignId
from penstock.domain.outcome import Accepted
from penstock.reconcile.attempts import give_up_lapsed_attempts
from penstock.reconcile.books import fold_counts
from penstock.reconcile.completion import close_silent_campaigns, complete_campaigns
from penstock.reconcile.findings import Findings
from penstock.reconcile.gauges import read_gauges
from penstock.reconcile.leader import LATEST_RETRY_S, PATIENCE, SOONEST_RETRY_S, Job, Leader
from penstock.reconcile.partitions import premake_partitions
from penstock.store import attempts, campaigns
from penstock.store.pool import Store
from penstock.telemetry.metrics import LeaderGauges, Metrics
from tests.builders import (
    Rig,
    Scene,
    end_other_sessions,
    lose_track,
    make_campaign,
    make_draft,
    make_sent_campaign,
    make_unknown_campaign,
)

FINDINGS = Findings(Metrics("test"))
WINDOW = timedelta(hours=72)

Sleep = Callable[[], Awaitable[object]]


async def state_of(scene: Scene) -> str:
    """The campaign's state."""
    (state,) = await scene.column("SELECT state::text FROM campaign WHERE tenant_id = $1 AND campaign_id = $2", *scene.key)
    return str(state)


async def test_an_attempt_nobody_answers_for_becomes_unknown(store: Store, tmp_path: Any) -> None:
    """After its lease the messages are unknown, the books say so, and nothing of it is claimed again."""
    scene = await lose_track(store, tmp_path)
    await give_up_lapsed_attempts(store, FINDINGS)
    assert await scene.states() == {"unknown": 5}
    assert await scene.column("SELECT detail FROM attempt") == ["lease_lapsed"]
    rig = Rig(store, tmp_path)
    await rig.drain()
    assert rig.script.bodies == []


async def test_an_attempt_within_its_lease_is_left_alone(store: Store, tmp_path: Any) -> None:
    """As long as the lease runs, the process may still answer."""
    scene = await lose_track(store, tmp_path)
    await scene.execute("UPDATE attempt SET lease_until = now() + interval '1 minute'")
    await give_up_lapsed_attempts(store, FINDINGS)
    assert await scene.states() == {"queued": 5}


@pytest.mark.parametrize(
    ("attempt_s", "beat_s", "is_given_up"), [(6, None, True), (1, None, False), (6, 6, True), (6, 1, False), (1, 6, False)]
)
async def test_an_attempt_of_a_process_that_is_gone_becomes_unknown_soon(
    store: Store, tmp_path: Any, attempt_s: float, beat_s: float | None, *, is_given_up: bool
) -> None:
    """Long before its lease is over, if its process was not seen for the TTL: never, or lately no more. A new one has time."""
    scene = await lose_track(store, tmp_path)
    await scene.execute("UPDATE attempt SET lease_until = now() + interval '1 minute'")
    await scene.execute("UPDATE attempt SET started_at = now() - make_interval(secs => $1)", attempt_s)
    if beat_s is not None:
        await scene.execute(
            "INSERT INTO process (worker, role, is_sending, seen_at) "
            "VALUES ('test', 'all', true, now() - make_interval(secs => $1))", beat_s,
        )  # fmt: skip
    await give_up_lapsed_attempts(store, FINDINGS)
    assert await scene.states() == ({"unknown": 5} if is_given_up else {"queued": 5})
    assert await scene.column("SELECT detail FROM attempt") == (["process_gone"] if is_given_up else [None])


async def test_giving_up_twice_changes_nothing(store: Store, tmp_path: Any) -> None:
    """Two processes that give up the same attempt at once book it once."""
    scene = await lose_track(store, tmp_path)
    await asyncio.gather(*(give_up_lapsed_attempts(store, FINDINGS) for _ in range(3)))
    assert await scene.states() == {"unknown": 5}


async def test_giving_up_and_settling_at_once_agree(store: Store, tmp_path: Any) -> None:
    """When the answer arrives in the same moment, whoever is second sees the first, and the messages end sent."""
    scene = await lose_track(store, tmp_path)
    async with store.engine() as connection:
        attempt = await attempts.find_attempt(connection, AttemptId((await scene.column("SELECT attempt_id FROM attempt"))[0]))
    assert attempt is not None
    settler = Settler(store, Metrics("test"), lambda: 0.5)
    accepted = Accepted(tuple(range(5)), tuple(f"m{i}" for i in range(5)))
    giving_up = [give_up_lapsed_attempts(store, FINDINGS) for _ in range(2)]
    await asyncio.gather(giving_up[0], settler.settle(attempt, accepted), giving_up[1])
    assert await scene.states() == {"sent": 5}


async def test_a_campaign_is_complete_when_nothing_is_awaited(store: Store) -> None:
    """Completed means: no batch to send, nothing queued, unknown or awaiting its report."""
    scene = await make_sent_campaign(store, 3)
    await complete_campaigns(store)
    assert await state_of(scene) == "sending"
    await scene.execute("UPDATE message SET state = 'delivered'")
    async with store.engine() as connection:
        await campaigns.add_counts(connection, *scene.key, {"sent": -3, "delivered": 3})
    await complete_campaigns(store)
    assert await state_of(scene) == "completed"


@pytest.mark.parametrize("state", ["pending", "sending", "unknown", "dead"])
async def test_an_open_batch_keeps_a_campaign_open(store: Store, state: str) -> None:
    """A batch that waits, is on its way, unknown or dead keeps its campaign from completing and from closing silently."""
    scene = await make_campaign(store, 3)
    await scene.execute("UPDATE batch SET state = $1::batch_state", state)
    async with store.engine() as connection:
        await campaigns.add_counts(connection, *scene.key, {"queued": -3, "canceled": 3})
    await complete_campaigns(store)
    await close_silent_campaigns(store, timedelta(0))
    assert await state_of(scene) == "sending"


@pytest.mark.parametrize("state", ["draft", "paused", "canceled"])
async def test_only_a_sending_campaign_completes(store: Store, state: str) -> None:
    """A draft without recipients, a paused and a canceled campaign stay what they are."""
    scene = await make_draft(store)
    await scene.execute("UPDATE campaign SET state = $1::campaign_state", state)
    await complete_campaigns(store)
    assert await state_of(scene) == state


async def sent_through(store: Store, spool: Any, recipients: int = 3) -> Scene:
    """A campaign that was really sent, so that its attempts are closed."""
    scene = await make_campaign(store, recipients)
    await Rig(store, spool).drain()
    return scene


async def test_silence_is_closed_after_the_window(store: Store, tmp_path: Any) -> None:
    """When the report window is over the silent messages stay sent, are marked, and the campaign completes."""
    scene = await sent_through(store, tmp_path)
    await close_silent_campaigns(store, WINDOW)
    assert await state_of(scene) == "sending"
    await scene.execute("UPDATE attempt SET closed_at = now() - interval '73 hours'")
    await close_silent_campaigns(store, WINDOW)
    assert (await state_of(scene), await scene.states()) == ("completed", {"sent": 3})
    assert await scene.column("SELECT count(*) FROM message WHERE report_closed_at IS NOT NULL") == [3]


async def test_only_the_silent_ones_are_closed(store: Store, tmp_path: Any) -> None:
    """Messages that have their report are not marked as silent."""
    scene = await sent_through(store, tmp_path)
    await scene.execute("UPDATE message SET state = 'delivered' WHERE seq = 0")
    async with store.engine() as connection:
        await campaigns.add_counts(connection, *scene.key, {"sent": -1, "delivered": 1})
    await close_silent_campaigns(store, timedelta(0))
    assert await scene.column("SELECT seq FROM message WHERE report_closed_at IS NOT NULL ORDER BY seq") == [1, 2]


async def test_gauges_are_what_the_tables_say(store: Store) -> None:
    """The leader's gauges count what waits over all tenants."""
    waiting = await make_campaign(store, 7)
    await make_campaign(store, 2, tenant="other", first=50)
    await waiting.execute("UPDATE batch SET state = 'dead' WHERE tenant_id = (SELECT max(tenant_id) FROM tenant)")
    unknown = await make_unknown_campaign(store, 5)
    await unknown.execute(
        "INSERT INTO look_up (kind, provider_id, due_at) SELECT 'order', n, now() FROM generate_series(1, 30) n"
    )
    gauges = LeaderGauges()
    await read_gauges(store, gauges, 10, timedelta(hours=1))
    assert gauges.campaigns == {"sending": 3}
    assert gauges.look_ups == {"unknown": 0, "order": 30, "silent": 0}
    assert gauges.values == {
        "queue_sms_waiting": 7, "queue_campaign_waiting": 3, "penstock_messages_unknown": 5, "penstock_batches_unknown": 1,
        "penstock_batches_dead": 1, "penstock_accounts_held": 0, "penstock_accounts_failing": 0, "campaigns_stuck": 0,
        "penstock_reports_waiting": 0, "penstock_reports_parked": 0, "penstock_look_ups_expected_seconds": 3,
    }  # fmt: skip
    await read_gauges(store, gauges, 10, timedelta())
    assert gauges.look_ups["silent"] == 5


async def test_folding_keeps_the_books(store: Store) -> None:
    """After folding, the same numbers stand in one row a counter, and no delta is left."""
    scene = await make_sent_campaign(store, 20, chunk=2)
    before = await scene.states()
    await fold_counts(store)
    assert await scene.states() == before
    assert await scene.column("SELECT count(*) FROM counter_delta") == [0]
    assert await scene.column("SELECT count(*) FROM counter") == [3]


async def test_partitions_are_made_ahead(store: Store) -> None:
    """A campaign of any day until the month after next has a partition, and making them again makes none."""
    scene = await make_draft(store)
    await premake_partitions(store)
    parts = await scene.column("SELECT relname FROM pg_class WHERE relname ~ '^message_[0-9_]{7}$' ORDER BY 1")
    now = datetime.now(UTC)  # noqa: TID251 - the partitions are those of the present
    ahead = [(now.year * 12 + now.month - 1 + i) for i in range(3)]
    assert {f"message_{month // 12}_{month % 12 + 1:02}" for month in ahead} <= set(parts)
    await scene.execute("DROP TABLE " + parts[-1])
    await premake_partitions(store)
    assert await scene.column("SELECT count(*) FROM pg_class WHERE relname ~ '^message_[0-9_]{7}$'") == [len(parts)]
    assert await scene.column("SELECT count(*) FROM pg_class WHERE relname ~ '^number_index_[0-9_]{7}$'") == [len(parts)]


class SteppedClock:
    """A clock that is set by hand."""

    at = 0.0

    def now(self) -> datetime:
        """Wall-clock time."""
        return datetime.fromtimestamp(self.at, UTC)

    def monotonic(self) -> float:
        """Seconds."""
        return self.at


class Worker:
    """A leader with one job that notes each run."""

    def __init__(self, dsn: str, every_s: float = 0, patience: timedelta = PATIENCE) -> None:
        self.runs = 0
        self.sleep: Sleep | None = None
        self.ran = asyncio.Event()
        self.halt = asyncio.Event()
        self.clock = SteppedClock()
        self.metrics = Metrics("test")
        self.leader = Leader(dsn, [Job("note", every_s, self._note)], self.clock, self.metrics, patience=patience)

    async def _note(self) -> None:
        self.runs += 1
        self.ran.set()
        if self.sleep is not None:
            await self.sleep()


async def test_jobs_run_when_their_time_has_come() -> None:
    """A job runs at once and then after its interval, by the clock that was handed in."""
    worker = Worker("unused", every_s=10)
    for at, runs in [(0, 1), (9.9, 1), (10, 2), (11, 2)]:
        worker.clock.at = at
        await worker.leader.run_once()
        assert worker.runs == runs
    assert worker.metrics.registry.get_sample_value("reconciliation_jobs_completed") == 2


class Failing:
    """A leader with a job that fails so often, before and behind jobs that do not."""

    def __init__(self, dsn: str, failures: int, *, every_s: float = 0.0) -> None:
        self.failures = failures
        self.ran: list[str] = []
        self.clock = SteppedClock()
        self.metrics = Metrics("test")
        jobs = [Job("before", every_s, self._note("before")), Job("fails", every_s, self._fail)]
        self.leader = Leader(dsn, [*jobs, Job("behind", every_s, self._note("behind"))], self.clock, self.metrics)

    def _note(self, name: str) -> Sleep:
        async def note() -> None:
            self.ran.append(name)

        return note

    async def _fail(self) -> None:
        self.ran.append("fails")
        if self.failures:
            self.failures -= 1
            raise UnavailableError("it waited for a lock")


async def test_a_job_that_fails_keeps_the_others_waiting_once() -> None:
    """It is counted and put off; those behind it have their turn first, and later it comes again."""
    many = Failing("unused", 1, every_s=60)
    assert not await many.leader.run_once()
    assert await many.leader.run_once()
    assert many.ran == ["before", "fails", "behind"]
    many.clock.at = LATEST_RETRY_S
    assert await many.leader.run_once()
    assert many.ran == ["before", "fails", "behind", "fails"]
    failed = many.metrics.registry.get_sample_value("penstock_reconciliation_jobs_failed_total", {"name": "fails"})
    assert (failed, many.metrics.registry.get_sample_value("reconciliation_jobs_completed")) == (1, 3)


async def test_a_leader_goes_on_though_a_job_always_fails(dsn: str) -> None:
    """It keeps its office, and its other jobs come again and again."""
    many = Failing(dsn, 1_000_000)
    halt = asyncio.Event()

    async def stop() -> None:
        while many.ran.count("behind") < 3:
            many.clock.at += SOONEST_RETRY_S
            await asyncio.sleep(0)
        halt.set()

    await asyncio.gather(many.leader.run(halt), stop())
    assert many.ran.count("fails") >= 3


async def test_only_one_of_two_leaders_works_and_the_other_follows(dsn: str) -> None:
    """While one holds the lock the other does nothing; when the first ends, the second takes over."""
    first, second = Worker(dsn), Worker(dsn)
    async with asyncio.TaskGroup() as group:
        group.create_task(first.leader.run(first.halt))
        await first.ran.wait()
        group.create_task(second.leader.run(second.halt))
        first.ran.clear()
        await first.ran.wait()
        assert second.runs == 0
        first.halt.set()
        await second.ran.wait()
        second.halt.set()


async def test_a_leader_whose_session_is_killed_stands_again(dsn: str, store: Store) -> None:
    """The loss of its connection costs the leader its lock, not its life: it connects again and goes on."""
    worker = Worker(dsn)
    async with asyncio.TaskGroup() as group:
        group.create_task(worker.leader.run(worker.halt))
        await worker.ran.wait()
        async with store.engine() as connection:
            await end_other_sessions(connection)
        worker.ran.clear()
        await worker.ran.wait()
        worker.halt.set()
    assert worker.runs >= 2


async def test_a_leader_that_sleeps_is_followed(dsn: str) -> None:
    """A leader that stands still, alive and connected, loses the lock to one that does not; awake again it stands again."""
    patience, awake = timedelta(milliseconds=300), asyncio.Event()
    asleep, second = Worker(dsn, patience=patience), Worker(dsn, patience=patience)
    asleep.sleep = awake.wait
    async with asyncio.TaskGroup() as group:
        group.create_task(asleep.leader.run(asleep.halt))
        await asleep.ran.wait()
        group.create_task(second.leader.run(second.halt))
        await second.ran.wait()
        second.halt.set()
        asleep.ran.clear()
        awake.set()
        await asleep.ran.wait()
        asleep.halt.set()


async def test_a_message_without_its_partition_is_refused_loudly(store: Store) -> None:
    """A campaign id outside every partition cannot be stored silently anywhere."""
    scene = await make_draft(store)
    with pytest.raises(Exception, match="no partition"):
        await scene.execute(
            "INSERT INTO message (campaign_id, tenant_id, seq, msisdn, segments) VALUES ($1, 1, 0, 1, 1)",
            CampaignId(scene.campaign_id.__class__(int=1)),
        )
