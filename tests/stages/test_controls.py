"""Pause, resume, cancel, schedule and retry on a real database: what is sent, what is stopped, and what the books say."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from penstock.clock import SystemClock
from penstock.domain.campaign import AutoPause, CampaignState
from penstock.domain.errors import StateConflictError
from penstock.ingest import control, steering
from penstock.ingest.scheduler import start_scheduled
from penstock.ingest.steering import Canceled
from penstock.providers.port import Answered
from penstock.reconcile.attempts import give_up_lapsed_attempts
from penstock.reconcile.auto_pause import pause_failing
from penstock.reconcile.books import fold_counts
from penstock.reconcile.canceled import sweep_canceled
from penstock.reconcile.findings import Findings
from penstock.store import campaigns, dispatch
from penstock.store.campaigns import Campaign
from penstock.store.pool import Store
from penstock.telemetry.metrics import Metrics
from tests.builders import (
    POLL_S,
    OpenBrake,
    Rig,
    Scene,
    accept_all,
    add_chunk,
    answer_of,
    make_campaign,
    make_draft,
    parse_recipients,
    recipients_csv,
    refusal,
)


@pytest.fixture
def rig(store: Store, tmp_path: Path) -> Rig:
    """A dispatcher whose provider says what it is told."""
    return Rig(store, tmp_path)


def now() -> datetime:
    """The present."""
    return SystemClock().now()


async def pause(scene: Scene) -> Campaign:
    """As the API does."""
    async with scene.store.tenant(scene.tenant_id) as connection, connection.transaction():
        return await steering.pause(connection, *scene.key, "for a test")


async def resume(scene: Scene) -> Campaign:
    """As the API does."""
    async with scene.store.tenant(scene.tenant_id) as connection, connection.transaction():
        return await steering.resume(connection, *scene.key, now())


async def cancel(scene: Scene) -> Canceled:
    """As the API does."""
    async with scene.store.tenant(scene.tenant_id) as connection, connection.transaction():
        return await steering.cancel(connection, *scene.key)


async def read(scene: Scene) -> Campaign:
    """The campaign as it stands."""
    async with scene.store.engine() as connection:
        return await control.read_campaign(connection, *scene.key)


def stood(canceled: Canceled) -> tuple[int, int, int, int, int]:
    """The five numbers of a cancellation."""
    return canceled.stopped, canceled.in_flight, canceled.sent, canceled.unknown, canceled.refused


async def test_nothing_is_claimed_while_paused(store: Store, rig: Rig) -> None:
    """A paused campaign is not offered and not claimed; resumed, it sends the rest once."""
    scene = await make_campaign(store, 20, chunk=10)
    await rig.dispatcher.run_once()
    assert (await pause(scene)).pause_reason == "for a test"
    assert await rig.dispatcher.run_once() == POLL_S
    assert await scene.states() == {"sent": 10, "queued": 10}
    after = await resume(scene)
    assert (after.state, after.paused_at, after.pause_reason) == (CampaignState.SENDING, None, None)
    await rig.drain()
    assert await scene.states() == {"sent": 20}
    assert len(set(rig.script.destinations)) == len(rig.script.destinations) == 20


async def test_a_pause_waits_for_a_claim_and_stops_the_next(store: Store, rig: Rig) -> None:
    """A lane that was read before the pause finds nothing to claim after it."""
    scene = await make_campaign(store, 20, chunk=10)

    async def pause_meanwhile(body: bytes, expected: int) -> Answered:
        await pause(scene)
        return accept_all(body, expected)

    rig.says(pause_meanwhile)
    await asyncio.gather(*(rig.dispatcher.run_once() for _ in range(4)))
    paused_with = await scene.states()
    await rig.drain()
    assert await scene.states() == paused_with


WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


async def until_somebody_waits(scene: Scene) -> None:
    """Until a session waits for a lock."""
    async with asyncio.timeout(20):
        while await scene.column(WAITING) == [0]:  # noqa: ASYNC110 - another session's wait has no event
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("act", [pause, cancel])
async def test_a_control_waits_for_a_claim_that_is_running(store: Store, act: Callable[[Scene], Awaitable[object]]) -> None:
    """A claim that has seen the campaign sending commits first; only then is the campaign paused or canceled."""
    scene = await make_campaign(store, 5)
    async with asyncio.TaskGroup() as group, store.engine() as connection, connection.transaction():
        assert await dispatch.lock_for_sending(connection, *scene.key) is not None
        acting = group.create_task(act(scene))
        await until_somebody_waits(scene)
        assert not acting.done()


async def test_a_claim_waits_for_a_control_and_sees_it(store: Store) -> None:
    """A claim that comes while a pause is being committed waits for it, and then finds nothing to send."""
    scene = await make_campaign(store, 5)

    async def claim() -> object:
        async with store.engine() as connection, connection.transaction():
            return await dispatch.lock_for_sending(connection, *scene.key)

    async with asyncio.TaskGroup() as group:
        async with store.tenant(scene.tenant_id) as connection, connection.transaction():
            await steering.pause(connection, *scene.key, None)
            claiming = group.create_task(claim())
            await until_somebody_waits(scene)
        assert await claiming is None


async def test_no_claim_commits_after_the_pause(store: Store, rig: Rig) -> None:
    """Whatever the order of claims and a pause, no attempt begins after the instant that the pause shows."""
    scene = await make_campaign(store, 200, chunk=5)
    await asyncio.gather(*(rig.drain() for _ in range(4)), pause(scene))
    (late,) = await scene.column(
        "SELECT count(*) FROM attempt a, campaign c WHERE a.started_at > c.paused_at AND a.campaign_id = c.campaign_id"
    )
    assert late == 0
    await scene.states()


async def test_pausing_and_resuming_twice_change_nothing(store: Store) -> None:
    """The first pause keeps its time and reason; a campaign that sends stays as it is when resumed."""
    scene = await make_campaign(store, 3)
    first = await pause(scene)
    async with store.tenant(scene.tenant_id) as connection, connection.transaction():
        assert await steering.pause(connection, *scene.key, "another") == first
    resumed = await resume(scene)
    assert await resume(scene) == resumed


async def test_cancel_counts_what_the_provider_has_seen(store: Store, rig: Rig) -> None:
    """Sent, in flight, unknown, refused and stopped are each what the provider's own record says, and make up everything."""
    scene = await make_campaign(store, 60, chunk=10)
    seen: list[Canceled] = []

    def refuse_one(_: bytes, expected: int) -> Answered:
        return answer_of([{"error": {"code": 1}}, *({"messageId": f"id-{i}"} for i in range(1, expected))])

    async def cancel_in_flight(body: bytes, expected: int) -> Answered:
        seen.append(await cancel(scene))
        return accept_all(body, expected)

    rig.says(refuse_one, refusal(500))
    await rig.dispatcher.run_once()
    await rig.dispatcher.run_once()
    await scene.release_account()
    rig.says(cancel_in_flight)
    await rig.dispatcher.run_once()
    assert stood(seen[0]) == (30, 10, 9, 10, 1)
    assert stood(await cancel(scene)) == (30, 0, 19, 10, 1)
    await rig.drain()
    assert len(rig.script.bodies) == 3
    await sweep_canceled(store)
    assert await scene.states() == {"sent": 19, "rejected": 1, "unknown": 10, "canceled": 30}
    assert stood(await cancel(scene)) == (30, 0, 19, 10, 1)
    assert await scene.column("SELECT DISTINCT error FROM message WHERE state = 'canceled'") == ["campaign_canceled"]


async def test_what_comes_back_from_flight_is_swept_too(store: Store, rig: Rig) -> None:
    """A batch that was on its way when its campaign was canceled and was not accepted ends as canceled."""
    scene = await make_campaign(store, 5)

    async def cancel_and_throttle(_: bytes, __: int) -> Answered:
        await cancel(scene)
        await sweep_canceled(store)
        return refusal(429)

    rig.says(cancel_and_throttle)
    await rig.drain()
    assert (await scene.states(), (await read(scene)).completed_at) == ({"queued": 5}, None)
    await sweep_canceled(store)
    assert await scene.states() == {"canceled": 5}
    assert (await read(scene)).completed_at is not None


async def test_doubt_keeps_a_canceled_campaign_open_until_it_is_resolved(store: Store, rig: Rig, tmp_path: Path) -> None:
    """Unknown messages stay unknown; when a late answer proves that nothing was accepted they are swept, and it ends."""
    scene = await make_campaign(store, 5)
    other = Rig(store, tmp_path / "other")
    late = asyncio.Event()

    async def late_refusal(_: bytes, __: int) -> Answered:
        await scene.execute("UPDATE attempt SET lease_until = now() - interval '1 second'")
        await give_up_lapsed_attempts(store, Findings(Metrics("test")))
        await cancel(scene)
        await sweep_canceled(store)
        assert (await scene.states(), (await read(scene)).completed_at) == ({"unknown": 5}, None)
        late.set()
        return refusal(429)

    other.says(late_refusal)
    await other.drain()
    assert late.is_set()
    await sweep_canceled(store)
    assert await scene.states() == {"canceled": 5}
    assert (await read(scene)).completed_at is not None
    await rig.drain()
    assert rig.script.bodies == []


async def test_dead_batches_are_swept_and_drafts_are_canceled(store: Store) -> None:
    """A canceled campaign leaves nothing queued, whether its batches were dead or had never been opened."""
    dead = await make_campaign(store, 20, chunk=10)
    await dead.execute("UPDATE batch SET state = 'dead', attempts = 8")
    draft = await make_draft(store)
    async with store.engine() as connection:
        for chunk in parse_recipients(recipients_csv(7)):
            assert await add_chunk(connection, draft, chunk)
    for scene, n in ((dead, 20), (draft, 7)):
        assert stood(await cancel(scene)) == (n, 0, 0, 0, 0)
        await sweep_canceled(store)
        assert await scene.states() == {"canceled": n}
        assert (await read(scene)).completed_at is not None


async def test_validity_that_ran_out_is_not_counted_as_sent(store: Store, rig: Rig) -> None:
    """What expired unsent is refused; what the provider reported as expired was sent."""
    scene = await make_campaign(store, 20, chunk=10, validity_s=60)
    await rig.dispatcher.run_once()
    await scene.execute("UPDATE message SET state = 'expired' WHERE state = 'sent'")
    async with store.engine() as connection:
        await campaigns.add_counts(connection, *scene.key, {"sent": -10, "expired": 10})
    await scene.execute("UPDATE campaign SET expires_at = now() - interval '1 second'")
    await rig.drain()
    assert await scene.states() == {"expired": 20}
    assert stood(await cancel(scene)) == (0, 0, 10, 0, 10)


async def test_a_scheduled_campaign_starts_at_its_time(store: Store, rig: Rig) -> None:
    """Before its time nothing happens; then it sends, and its validity counts from there."""
    scene = await make_draft(store, send_at=now() + timedelta(hours=1), validity_s=60)
    async with store.engine() as connection:
        for chunk in parse_recipients(recipients_csv(5)):
            assert await add_chunk(connection, scene, chunk)
    async with store.tenant(scene.tenant_id) as connection, connection.transaction():
        scheduled = await control.start_sending(connection, *scene.key, 5, now())
    assert (scheduled.state, scheduled.started_at) == (CampaignState.SCHEDULED, None)
    await start_scheduled(store, Metrics("test"))
    await rig.drain()
    assert await scene.states() == {"queued": 5}
    await scene.execute("UPDATE campaign SET send_at = now() - interval '10 minutes'")
    await start_scheduled(store, Metrics("test"))
    await rig.drain()
    assert await scene.states() == {"sent": 5}
    started = await read(scene)
    assert started.started_at is not None
    assert started.expires_at == started.started_at + timedelta(seconds=60)


@pytest.mark.parametrize("is_over", [False, True])
async def test_a_schedule_that_is_paused_keeps_its_campaign_from_starting(store: Store, *, is_over: bool) -> None:
    """Paused it does not start; resumed before its time it waits for it, resumed after it, it starts at once."""
    scene = await make_draft(store, send_at=now() + timedelta(hours=1))
    await scene.execute("UPDATE campaign SET state = 'scheduled', next_seq = 1")
    await pause(scene)
    if is_over:
        await scene.execute("UPDATE campaign SET send_at = now() - interval '1 minute'")
    await start_scheduled(store, Metrics("test"))
    assert (await read(scene)).state is CampaignState.PAUSED
    resumed = await resume(scene)
    assert resumed.state is (CampaignState.SENDING if is_over else CampaignState.SCHEDULED)
    assert (resumed.started_at is not None, resumed.paused_at) == (is_over, None)


async def failing(store: Store, rig: Rig, rule: AutoPause, *, failed: int, sent: int, chunk: int = 200) -> Scene:
    """A campaign with that rule and those outcomes, its books folded, and as many recipients still to come."""
    scene = await make_campaign(store, 2 * (failed + sent), chunk=min(chunk, failed + sent), auto_pause=rule)

    def mixed(_: bytes, expected: int) -> Answered:
        items = [{"messageId": f"{scene.campaign_id}-{i}"} for i in range(expected)]
        return answer_of([{"error": {"code": 1}}] * failed + items[failed:])

    rig.says(mixed)
    await rig.dispatcher.run_once()
    await fold_counts(store)
    return scene


@pytest.mark.parametrize(("failed", "is_paused"), [(20, False), (21, True)])
async def test_a_campaign_pauses_by_its_own_rule(store: Store, rig: Rig, failed: int, is_paused: bool) -> None:  # noqa: FBT001
    """Just above its share of failures it pauses, with the reason shown and counted; at the share it goes on."""
    scene = await failing(store, rig, AutoPause(failed=0.2), failed=failed, sent=100 - failed)
    metrics = Metrics("test")
    await pause_failing(store, metrics)
    after = await read(scene)
    assert after.state is (CampaignState.PAUSED if is_paused else CampaignState.SENDING)
    assert after.pause_reason == ("21 of 100 messages failed" if is_paused else None)
    assert metrics.registry.get_sample_value("penstock_auto_pauses_total") == float(is_paused)


async def test_a_resumed_campaign_is_not_paused_for_what_failed_before(store: Store, rig: Rig) -> None:
    """After a resume the rule judges what came since: the old failures do not pause again, new ones do."""
    scene = await failing(store, rig, AutoPause(failed=0.2, after=50), failed=40, sent=60)
    metrics = Metrics("test")
    await pause_failing(store, metrics)
    await resume(scene)
    await pause_failing(store, metrics)
    assert (await read(scene)).state is CampaignState.SENDING
    rig.says(lambda _, expected: answer_of([{"error": {"code": 1}}] * expected))
    await rig.dispatcher.run_once()
    await fold_counts(store)
    await pause_failing(store, metrics)
    paused = await read(scene)
    assert (paused.state, paused.pause_reason) == (CampaignState.PAUSED, "100 of 100 messages failed")


async def test_only_campaigns_with_a_rule_are_watched(store: Store, rig: Rig) -> None:
    """Without a rule nothing pauses, however much fails."""
    scene = await make_campaign(store, 150)
    rig.says(lambda _, expected: answer_of([{"error": {"code": 1}}] * expected))
    await rig.drain()
    await fold_counts(store)
    await pause_failing(store, Metrics("test"))
    assert (await read(scene)).state is CampaignState.SENDING


async def move_line(scene: Scene, seconds: float) -> None:
    """Let so much time pass for a paced campaign."""
    step = timedelta(seconds=seconds)
    await scene.execute(
        "UPDATE campaign SET paced_from = paced_from - $1::interval, paused_at = paused_at - $1::interval", step
    )
    await scene.execute("UPDATE batch SET due_at = due_at - $1::interval WHERE state = 'pending'", step)


async def line(scene: Scene) -> float:
    """How many messages are due on the line by now."""
    (due,) = await scene.column(
        "SELECT extract(epoch FROM now() - paced_from)::float8 * next_seq / pace_s FROM campaign WHERE paced_from IS NOT NULL"
    )
    return float(due)


async def make_paced(store: Store, recipients: int, pace_s: int, chunk: int = 5000) -> Scene:
    """A campaign that begins to send along its line now."""
    scene = await make_draft(store, pace_s=pace_s)
    async with store.engine() as connection:
        for part in parse_recipients(recipients_csv(recipients), chunk=chunk):
            assert await add_chunk(connection, scene, part)
    async with store.tenant(scene.tenant_id) as connection, connection.transaction():
        await control.start_sending(connection, *scene.key, None, now())
    return scene


@pytest.mark.parametrize("chunk", [5000, 100, 7])
async def test_a_paced_campaign_keeps_to_its_line(store: Store, rig: Rig, chunk: int) -> None:
    """1,000 messages over a minute are never a second ahead of the line nor behind it, in about a request a second."""
    scene = await make_paced(store, 1000, 60, chunk)
    slice_messages = 1000 / 60
    for _ in range(240):
        before = await line(scene)
        await rig.drain()
        sent = len(rig.script.destinations)
        assert min(1000, before) - 1 <= sent <= await line(scene) + slice_messages + 1
        await move_line(scene, 0.25)
    assert len(set(rig.script.destinations)) == len(rig.script.destinations) == 1000
    assert await scene.states() == {"sent": 1000}
    assert len(rig.script.bodies) <= 62 + 1000 // chunk


async def test_a_pace_stands_still_while_paused(store: Store, rig: Rig) -> None:
    """After a pause the line goes on where it was: nothing is caught up."""
    scene = await make_paced(store, 600, 60)
    await rig.drain()
    await move_line(scene, 10)
    await rig.drain()
    assert 100 <= len(rig.script.destinations) <= await line(scene) + 11
    before = await line(scene)
    await pause(scene)
    await move_line(scene, 20)
    await resume(scene)
    await rig.drain()
    assert await line(scene) < before + 100
    assert len(rig.script.destinations) <= await line(scene) + 11


async def test_a_pace_takes_permits_for_its_slices_only(store: Store, tmp_path: Path) -> None:
    """What a paced campaign asks of the limiter is what it sends, so that others may have the rest."""
    asked: list[int] = []

    class Listening(OpenBrake):
        async def acquire(self, account_id, tenant_id, *, want: int, **how: Any):  # type: ignore[no-untyped-def,override]  # noqa: ANN001, ANN202
            asked.append(want)
            return await super().acquire(account_id, tenant_id, want=want, **how)

    rig = Rig(store, tmp_path, brake=Listening(), lanes_age_s=60)
    scene = await make_paced(store, 600, 60)
    for _ in range(10):
        rig.chooser._read_at = float("-inf")
        await asyncio.gather(*(rig.dispatcher.run_once() for _ in range(4)))
        await move_line(scene, 1)
    assert 90 <= sum(asked) <= await line(scene) + 30
    assert len(rig.script.destinations) <= sum(asked)


async def test_a_pace_that_fell_behind_catches_up(store: Store, rig: Rig) -> None:
    """After an hour without a dispatcher everything is due at once, in requests of full size."""
    scene = await make_paced(store, 1000, 60, 400)
    await move_line(scene, 3600)
    await rig.drain()
    assert rig.script.sizes == [400, 400, 200]


async def test_a_canceled_campaign_cannot_be_paused_or_resumed(store: Store) -> None:
    """What has ended stays ended."""
    scene = await make_campaign(store, 3)
    await cancel(scene)
    for act in (pause, resume):
        with pytest.raises(StateConflictError):
            await act(scene)


async def test_a_large_campaign_is_swept_in_bounded_steps(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """One go of the sweep takes a bounded number of messages, so that the leader's other jobs have their turn."""
    scene = await make_campaign(store, 100, chunk=10)
    await cancel(scene)
    monkeypatch.setattr("penstock.reconcile.canceled.MOST_MESSAGES", 30)
    for left in (70, 40, 10, 0):
        await sweep_canceled(store)
        assert (await scene.states()).get("queued", 0) == left
    assert await scene.column("SELECT DISTINCT state::text FROM batch") == ["settled"]
