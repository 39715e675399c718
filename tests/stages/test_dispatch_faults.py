"""What the senders survive: long uploads, failing providers, failing disks, permits that are too small, claims in doubt."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec import structs

from penstock.clock import SystemClock
from penstock.config import Sms
from penstock.dispatch import departure
from penstock.dispatch.claim import LEASE, Claimed
from penstock.domain.errors import UnavailableError
from penstock.domain.ids import AccountId, AttemptId, TenantId
from penstock.ingest import control
from penstock.ingest.audience import Intake
from penstock.ingest.upload import UploadRequest
from penstock.limits.grant import Grant
from penstock.providers.port import Answered, IsFree, Reply, always
from penstock.store import accounts, campaigns, opt_outs
from penstock.store.accounts import Account
from penstock.store.pool import Store
from penstock.telemetry.metrics import Metrics
from tests.builders import (
    POLL_S,
    BrokenStore,
    OpenBrake,
    Rig,
    Scene,
    ScriptedProvider,
    accept_all,
    add_chunk,
    make_campaign,
    make_draft,
    new_id,
    number,
    parse_recipients,
    recipients_csv,
    refusal,
)

BATCHES = "SELECT state::text FROM batch ORDER BY first_seq, batch_id"
LONG_TEXT = "{name} " + "long " * 150
WAITS = "SELECT extract(epoch FROM held_until - (SELECT max(closed_at) FROM attempt))::float8 FROM account"
"""Both instants are of one transaction, so that their distance is exactly the wait."""


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """The spool's folder, which outlives a rig."""
    return tmp_path / "spool"


@pytest.fixture
def rig(store: Store, spool: Path) -> Rig:
    """A dispatcher whose provider says what it is told."""
    return Rig(store, spool)


async def account_of(store: Store) -> Account:
    """The one account."""
    async with store.engine() as connection:
        (found,) = await accounts.list_accounts(connection)
    return found


async def upload_with_an_opt_out(scene: Scene) -> None:
    """Upload twenty recipients; the eighth opts out after the opt-outs were read and before its row arrives."""
    intake = Intake(scene.store, Sms(), Metrics("test"), clock=SystemClock(), random=os.urandom, piece_bytes=10)
    body = recipients_csv(20)

    async def source() -> AsyncIterator[bytes]:
        yield body[:30]
        async with scene.store.engine() as connection:
            assert await opt_outs.add_opt_outs(connection, scene.tenant_id, [number(7)], "api") == 1
        yield body[30:]

    assert (await intake.receive(*scene.key, UploadRequest(format="csv"), source())).accepted == 20


async def test_who_opts_out_during_a_long_upload_gets_nothing(store: Store, rig: Rig) -> None:
    """A number that opted out eleven minutes before its chunk was stored, during the upload, is not written to."""
    scene = await make_draft(store)
    await upload_with_an_opt_out(scene)
    assert await scene.column("SELECT c.opt_outs_at = u.started_at FROM chunk c, upload u") == [True]
    await scene.execute("UPDATE opt_out SET created_at = created_at - interval '11 minutes'")
    await scene.execute("UPDATE upload SET started_at = started_at - interval '12 minutes'")
    await scene.execute("UPDATE chunk SET opt_outs_at = opt_outs_at - interval '12 minutes'")
    async with store.engine() as connection, connection.transaction():
        await control.start_sending(connection, *scene.key, None, SystemClock().now())
    await rig.drain()
    assert f"+{number(7)}" not in rig.script.destinations
    assert await scene.states() == {"sent": 19, "canceled": 1}


async def test_unknown_outcomes_back_the_account_off(store: Store, rig: Rig) -> None:
    """A provider that answers nothing usable gets one batch a hold, each hold longer, not the whole backlog."""
    scene = await make_campaign(store, 200, chunk=10)
    rig.says(*[refusal(503)] * 20)
    waits = []
    for lost in range(1, 6):
        await rig.dispatcher.run_once()
        waits += await scene.column(WAITS)
        await scene.execute("UPDATE account SET held_until = held_until + interval '1 hour'")
        assert await rig.dispatcher.run_once() == POLL_S
        assert (await scene.states(), len(rig.script.bodies)) == ({"unknown": 10 * lost, "queued": 200 - 10 * lost}, lost)
        await scene.release_account()
    assert waits == [0.25, 0.5, 1, 2, 4]
    assert await scene.column("SELECT held_reason FROM account") == ["http_503"]
    rig.script.script.clear()
    await rig.drain()
    assert await scene.states() == {"unknown": 50, "sent": 150}
    assert (await account_of(store)).backoff_step == 0


@pytest.mark.parametrize("retry_after", ["0", "Mon, 05 Jan 2015 09:00:00 GMT", None])
async def test_a_throttled_account_waits_at_least_its_back_off(store: Store, rig: Rig, retry_after: str | None) -> None:
    """A 429 that asks for no wait at all, or for one that is over, is waited for like any other failure."""
    scene = await make_campaign(store, 5)
    rig.says(*[refusal(429, retry_after=retry_after)] * 3)
    waits = []
    for _ in range(3):
        await rig.dispatcher.run_once()
        waits += await scene.column(WAITS)
        await scene.release_account()
    assert waits == [0.25, 0.5, 1]
    await rig.drain()
    assert await scene.states() == {"sent": 5}


async def test_a_spool_that_cannot_be_written_costs_no_answer(store: Store, rig: Rig, spool: Path) -> None:
    """When the folder is gone the answers are settled all the same, and sending goes on."""
    scene = await make_campaign(store, 60, chunk=10)
    rig.says(accept_all, refusal(422), accept_all)
    await asyncio.to_thread(spool.rmdir)
    await rig.drain()
    assert await scene.states() == {"sent": 60}
    assert len(rig.script.bodies) == 8


@pytest.mark.parametrize(("bad", "holds"), [(3, 1), (7, 3)])
async def test_refused_numbers_at_the_end_are_rejected_at_last(store: Store, rig: Rig, bad: int, holds: int) -> None:
    """When nothing but refused numbers is left, each hold is followed by more of them and the campaign ends."""
    scene = await make_campaign(store, 50)
    refused = {f"+{number(i)}" for i in range(50 - bad, 50)}

    def provider(body: bytes, expected: int) -> Answered:
        destinations = {message["destination"] for message in json.loads(body)["messages"]}
        return refusal(400) if destinations & refused else accept_all(body, expected)

    rig.says(*[provider] * 1000)
    for _ in range(holds):
        await rig.drain()
        assert (await scene.states())["queued"] > 0
        assert (await account_of(store)).held_reason == "http_400_repeated"
        await scene.release_account()
    await rig.drain()
    assert await scene.states() == {"sent": 50 - bad, "rejected": bad}
    assert set(await scene.column(BATCHES)) == {"settled"}


class NarrowBrake(OpenBrake):
    """A limiter that grants one segment, or exactly as many as are needed at least; `can_top_up` says whether it does."""

    def __init__(self, *, can_top_up: bool) -> None:
        super().__init__()
        self.can_top_up = can_top_up
        self.granted: list[int] = []

    async def acquire(self, account_id: AccountId, tenant_id: TenantId, *, want: int, is_urgent: bool = False) -> Grant:
        """Grant one."""
        self.granted.append(1)
        return await super().acquire(account_id, tenant_id, want=min(want, 1), is_urgent=is_urgent)

    async def renew(self, grant: Grant, segments: int) -> Grant:
        """Grant what is needed, or nothing."""
        if not self.can_top_up:
            return Grant(0, retry_after_s=0.001)
        if grant.granted < segments:
            self.granted.append(segments)
        return structs.replace(grant, granted=segments)


async def test_a_permit_smaller_than_the_message_is_topped_up(store: Store, spool: Path) -> None:
    """A message of more segments than were granted leaves only on a permit for all of them."""
    scene = await make_campaign(store, 3, text=LONG_TEXT)
    brake = NarrowBrake(can_top_up=True)
    rig = Rig(store, spool, brake=brake)
    await rig.drain()
    sent = await scene.column("SELECT segments FROM message WHERE state = 'sent' ORDER BY seq")
    assert min(sent) > 1
    assert brake.granted == [part for segments in sent for part in (1, segments)]
    assert rig.script.sizes == [1, 1, 1]


async def test_without_a_top_up_the_batch_goes_back_without_blame(
    store: Store, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When no larger permit is to be had in time nothing is sent, and the account is not made to wait for it."""
    monkeypatch.setattr(departure, "RENEW_S", 0)
    scene = await make_campaign(store, 3, text=LONG_TEXT)
    rig = Rig(store, spool, brake=NarrowBrake(can_top_up=False))
    before = await account_of(store)
    await rig.dispatcher.run_once()
    assert rig.script.bodies == []
    assert await scene.states() == {"queued": 3}
    assert set(await scene.column(BATCHES)) == {"pending"}
    assert [tuple(row) for row in await scene.fetch("SELECT state::text, detail FROM attempt")] == [
        ("not_sent", "permit_expired")
    ]
    assert await account_of(store) == before
    assert (before.backoff_step, before.held_until) == (0, None)


async def test_a_limit_below_one_message_is_the_batchs_failure(store: Store, spool: Path) -> None:
    """It is not cut off and handed back for ever, but waits longer each time and shows as a dead letter at last."""

    class SmallBrake(NarrowBrake):
        def most_segments(self, account_id: AccountId) -> int | None:
            del account_id
            return 3

    scene = await make_campaign(store, 3, text=LONG_TEXT)
    rig = Rig(store, spool, brake=SmallBrake(can_top_up=False))
    for _ in range(8):
        assert await rig.dispatcher.run_once() == 0
        await scene.execute("UPDATE batch SET due_at = now()")
    (batch,) = await scene.fetch("SELECT state::text, first_seq, last_seq, failure FROM batch")
    assert tuple(batch) == ("dead", 0, 2, "LimitTooSmallError")
    assert (await scene.states(), await scene.column("SELECT 1 FROM attempt"), rig.script.bodies) == ({"queued": 3}, [], [])


class AgingBrake(OpenBrake):
    """A limiter whose permits are good for an instant of a clock that is set by hand; `is_open` says whether it renews them."""

    def __init__(self, clock: "HandClock") -> None:
        super().__init__()
        self.clock, self.is_open = clock, True
        self.renewed_at: list[float] = []

    async def acquire(self, account_id: AccountId, tenant_id: TenantId, *, want: int, is_urgent: bool = False) -> Grant:
        """Grant, for now."""
        grant = await super().acquire(account_id, tenant_id, want=want, is_urgent=is_urgent)
        return structs.replace(grant, expires_at=self.clock.at + 0.01)

    async def renew(self, grant: Grant, segments: int) -> Grant:
        """The same while it is good; else one for now, or nothing."""
        if grant.is_good(segments, self.clock.at):
            return grant
        if not self.is_open:
            return Grant(0, retry_after_s=0.001)
        self.renewed_at.append(self.clock.at)
        return structs.replace(grant, expires_at=self.clock.at + 0.01)


class SlowToConnect(ScriptedProvider):
    """A provider to whom a connection is opened first, which takes a while."""

    def __init__(self, brake: AgingBrake, *, closes: bool) -> None:
        super().__init__()
        self.brake, self.closes = brake, closes

    async def send_bulk(self, body: bytes, expected: int, is_free: IsFree = always) -> Reply:
        """Connect, then ask."""
        self.brake.clock.at += 0.3
        self.brake.is_open = not self.closes
        return await super().send_bulk(body, expected, is_free)


async def test_a_permit_that_grew_old_while_connecting_is_renewed(store: Store, spool: Path) -> None:
    """What leaves late counts for the moment in which it leaves, not for that in which it was allowed to."""
    scene, clock = await make_campaign(store, 5), HandClock()
    brake = AgingBrake(clock)
    provider = SlowToConnect(brake, closes=False)
    await Rig(store, spool, provider, brake=brake, clock=clock).dispatcher.run_once()
    assert (await scene.states(), brake.renewed_at) == ({"sent": 5}, [clock.at])


async def test_without_a_permit_at_the_last_moment_nothing_leaves(
    store: Store, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch goes back without blame."""
    monkeypatch.setattr(departure, "RENEW_CONNECTED_S", 0)
    scene, clock = await make_campaign(store, 5), HandClock()
    before, brake = await account_of(store), AgingBrake(clock)
    provider = SlowToConnect(brake, closes=True)
    await Rig(store, spool, provider, brake=brake, clock=clock).dispatcher.run_once()
    assert (await scene.states(), await scene.column(BATCHES), provider.bodies) == ({"queued": 5}, ["pending"], [])
    assert await scene.column("SELECT detail FROM attempt") == ["permit_expired"]
    assert await account_of(store) == before


async def test_halves_of_uneven_texts_go_out_whole(store: Store, rig: Rig) -> None:
    """When the long texts of a split batch lie in one half, its remainder does not leave message by message."""
    scene = await make_draft(store)
    rows = [f"+{number(i)},{'x' * 300 if i < 50 else 'y'}\n" for i in range(100)]
    async with store.engine() as connection:
        (chunk,) = parse_recipients(("phone,name\n" + "".join(rows)).encode(), chunk=100)
        assert await add_chunk(connection, scene, chunk)
        await campaigns.start_campaign(connection, *scene.key)
    rig.says(refusal(400))
    await rig.drain()
    assert await scene.states() == {"sent": 100}
    assert min(rig.script.sizes) > 1, rig.script.sizes
    assert len(rig.script.sizes) <= 6


async def test_handing_back_leaves_the_account_alone(store: Store, rig: Rig) -> None:
    """A batch that goes back for a reason of ours changes no step and no hold, and going back twice changes nothing."""
    scene = await make_campaign(store, 5)
    lane = await rig.dispatcher._parts.chooser.next_lane()
    assert lane is not None
    claimed = await rig.claimer.claim(lane, 1000)
    assert isinstance(claimed, Claimed)
    await scene.execute("UPDATE account SET backoff_step = 4, held_reason = 'http_403', held_until = now() + interval '1 hour'")
    before = await account_of(store)
    for _ in range(2):
        await rig.dispatcher._parts.settler.hand_back(claimed.attempt, "permit_expired")
        assert await account_of(store) == before
        assert (await scene.states(), await scene.column(BATCHES)) == ({"queued": 5}, ["pending"])


class HandClock(SystemClock):
    """A clock whose monotonic time is set by hand."""

    at = 1000.0

    def monotonic(self) -> float:
        """The time that was set."""
        return self.at


async def test_a_claim_not_found_is_looked_for_during_a_lease(store: Store, spool: Path) -> None:
    """A claim whose COMMIT may still hang on the server is forgotten only when its attempt could not be open any more."""
    broken, clock = BrokenStore.of(store), HandClock()
    await make_campaign(store, 5)
    rig = Rig(store, spool, claims_from=broken, clock=clock)
    broken.lose_before = 1
    with pytest.raises(UnavailableError):
        await rig.dispatcher.run_once()
    for passed, kept in ((0, 1), (LEASE.total_seconds() - 1, 1), (LEASE.total_seconds() + 2, 0)):
        clock.at = 1000 + passed
        await rig.dispatcher.doubtful.hand_back()
        assert len(rig.claimer.doubtful) == kept


async def test_a_claim_in_doubt_is_handed_back_before_the_process_ends(store: Store, spool: Path) -> None:
    """It was committed, its reply was lost, and a stop came: only this process knows that nothing of it was sent."""
    broken, halt = BrokenStore.of(store), asyncio.Event()
    scene = await make_campaign(store, 5)
    rig = Rig(store, spool, claims_from=broken)
    broken.lose_after = 1
    with pytest.raises(UnavailableError):
        await rig.dispatcher.run_once()
    assert await scene.column(BATCHES) == ["sending"]
    halt.set()
    await rig.dispatcher.run(halt)
    assert (rig.claimer.doubtful, rig.script.bodies) == (set(), [])
    assert (await scene.states(), await scene.column(BATCHES)) == ({"queued": 5}, ["pending"])


async def test_a_claim_that_appears_late_is_handed_back(store: Store, spool: Path) -> None:
    """A claim whose COMMIT hung while it was first looked for is found later and returned to the queue; nothing was sent."""
    broken, attempt_id = BrokenStore.of(store), AttemptId(new_id())
    scene = await make_campaign(store, 5)
    rig = Rig(store, spool, claims_from=broken)
    rig.claimer._new_attempt_id = lambda: attempt_id
    broken.lose_before, broken.lose_after = 1, 1
    for kept, batch in ((1, "pending"), (1, "sending")):
        with pytest.raises(UnavailableError):
            await rig.dispatcher.run_once()
        assert (len(rig.claimer.doubtful), await scene.column(BATCHES)) == (kept, [batch])
    rig.dispatcher.doubtful._look_again_at = float("-inf")
    await rig.dispatcher.doubtful.hand_back()
    assert (rig.claimer.doubtful, rig.script.bodies) == (set(), [])
    assert (await scene.states(), await scene.column(BATCHES)) == ({"queued": 5}, ["pending"])
