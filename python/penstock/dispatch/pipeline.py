"""The senders: several batches on their way at once, each claimed, sent and settled by one task from beginning to end.

A batch that was claimed is always followed to its settlement: stopping means claiming no more.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final, Protocol

import msgspec
import structlog
from msgspec import Struct

from penstock import failpoint
from penstock.clock import Clock
from penstock.dispatch.bounds import BatchFailedError
from penstock.dispatch.choose import Chooser
from penstock.dispatch.claim import LEASE, Claimed, Claimer, LeftOut, NothingDue
from penstock.dispatch.place import Place
from penstock.dispatch.settle import Settler
from penstock.dispatch.spool import Spool
from penstock.domain.batch import MAX_ATTEMPTS
from penstock.domain.errors import UnavailableError
from penstock.domain.fairness import Lane
from penstock.domain.ids import AccountId, AttemptId, BatchId, TenantId
from penstock.domain.outcome import Accepted, Outcome, Unknown
from penstock.domain.retry import LONGEST_DELAY_S
from penstock.domain.room import SPARE
from penstock.failpoint import Point
from penstock.providers.port import Answered, Provider, Reply, pack_reply, unpack_reply
from penstock.store import attempts, dispatch
from penstock.store.attempts import Attempt
from penstock.store.pool import Store
from penstock.telemetry.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)

RENEW_S: Final = 5.0
"""How long a claimed batch may wait for a permit in place of one that grew old; then it goes back to the queue."""
RETRY_S: Final = 0.25
"""Pause before the database is tried again."""
SEND_WITHIN_S: Final = LEASE.total_seconds() / 2
"""An attempt must be younger when its request begins: long before its lease is over, when others may decide what is to become
of it. A process that was stopped in between must not send on the strength of an old claim."""
UNPERMITTED_PAUSE: Final = timedelta(seconds=1)
"""A batch that found no permit lets others go first."""
PROCESS_ENDED: Final = "process_ended"
"""What is shown of a batch whose process ended while a request was made of it."""
LOOK_AGAIN_S: Final = 1.0
"""How often claims without a confirmed end are looked for."""


class Permit(Protocol):
    """What the limiter answers."""

    @property
    def granted(self) -> int:
        """Segments that may be sent now; 0 means wait."""

    @property
    def retry_after_s(self) -> float:
        """When to ask again, if nothing was granted."""

    @property
    def scope(self) -> str | None:
        """What stood in the way, if nothing was granted."""

    @property
    def expires_at(self) -> float:
        """The clock's monotonic time after which the permit must not be used."""


class Brake(Protocol):
    """The limiter as the senders see it."""

    async def acquire(
        self, account_id: AccountId, tenant_id: TenantId, *, want: int, minimum: int = 1, is_urgent: bool = False
    ) -> Permit:
        """One request and between `minimum` and `want` segments, or nothing."""


class Judge(Protocol):
    """What a reply means; pure."""

    def __call__(self, reply: Reply, expected: int, account_id: str, *, now: datetime) -> Outcome:
        """The outcome of a call with so many messages."""


class Parts(Struct, frozen=True, kw_only=True):
    """What a dispatcher is made of."""

    store: Store
    chooser: Chooser
    claimer: Claimer
    settler: Settler
    spool: Spool
    limiter: Brake
    provider: Provider
    judge: Judge
    clock: Clock
    metrics: Metrics


class Dispatcher:
    """The service of stage 2."""

    name = "dispatch"

    def __init__(self, parts: Parts, *, in_flight: int, poll_s: float) -> None:
        self._parts = parts
        self._in_flight = in_flight
        self._poll_s = poll_s
        self._crashes: list[Exception] = []
        self._halt = asyncio.Event()
        self._look_again_at = float("-inf")
        self._doubtful_since: dict[AttemptId, float] = {}

    async def run(self, halt: asyncio.Event) -> None:
        """Settle what an earlier process left in the spool, then send until halted."""
        self._halt = halt
        await _until_available(self.replay_spool)
        await _until_available(self.blame_marked)
        async with asyncio.TaskGroup() as senders:
            for _ in range(self._in_flight + SPARE):
                senders.create_task(self._send_until(halt))
            # One more for single messages alone: however slow the provider is with campaigns, this one is free for them.
            senders.create_task(self._send_until(halt, is_urgent_only=True))
        if self._crashes:
            raise ExceptionGroup("senders failed", self._crashes)

    async def _send_until(self, halt: asyncio.Event, *, is_urgent_only: bool = False) -> None:
        """One sender. Its crash stops the others after their present batch; cancelling them would lose their answers."""
        while not halt.is_set() and not self._crashes:
            try:
                wait_s = await self.run_once(is_urgent_only=is_urgent_only)
            except UnavailableError:
                log.warning("dispatch_waits_for_database")
                wait_s = RETRY_S
            except Exception as error:  # noqa: BLE001 - raised by run() once the others have finished
                self._crashes.append(error)
                return
            if wait_s > 0:
                await self._parts.chooser.wait(halt, wait_s)

    async def run_once(self, *, is_urgent_only: bool = False) -> float:
        """Send at most one batch; the seconds to wait before there may be another."""
        parts = self._parts
        await self._resolve_doubtful()
        lane = await parts.chooser.next_lane(is_urgent_only=is_urgent_only)
        if lane is None:
            return parts.chooser.pause_s(self._poll_s)
        place = Place(parts.chooser, lane)
        try:
            return await self._serve(place)
        finally:
            place.give_back()

    async def _serve(self, place: Place) -> float:
        """Send a batch of the lane, if a permit is given; the seconds to wait before there may be another."""
        parts, lane, left_segments = self._parts, place.lane, place.lane.segments
        try:
            if self._halt.is_set():  # while the lane was being chosen
                return 0
            permit = await self._acquire(lane)
            if permit.granted == 0:
                parts.chooser.refuse(lane, permit.scope, permit.retry_after_s)
                return 0
            parts.chooser.begin(lane)
            send_by = parts.clock.monotonic() + SEND_WITHIN_S
            claimed = await parts.claimer.claim(lane, permit.granted)
            left_segments = _left_segments(claimed, lane)
        except BatchFailedError as error:
            state = await self._count_failure(error.batch_id, error.kind)
            log.exception("batch_failed", batch_id=error.batch_id, state=state)
            return 0
        finally:
            parts.chooser.release(lane, left_segments)
        match claimed:
            case NothingDue(is_held):
                parts.chooser.drop(lane, is_held=is_held)
            case LeftOut():
                parts.chooser.put_back(lane)
            case Claimed():
                if not claimed.is_last_due:
                    parts.chooser.put_back(lane)
                parts.chooser.spend(lane, claimed.segments)
                if claimed.drift_s is not None:
                    parts.metrics.schedule_drift.labels("message").observe(claimed.drift_s)
                await self._send(claimed, place, permit, send_by)
        return 0

    async def _acquire(self, lane: Lane) -> Permit:
        want = max(1, lane.segments)
        return await self._parts.limiter.acquire(lane.account_id, lane.tenant_id, want=want, is_urgent=lane.is_rolling)

    async def _send(self, claimed: Claimed, place: Place, permit: Permit, send_by: float) -> None:
        """From the committed attempt to its settlement."""
        parts, attempt = self._parts, claimed.attempt
        with parts.metrics.in_flight.track_inprogress():
            is_permitted = await self._is_permitted(claimed, place.lane, permit)
            if not is_permitted or parts.clock.monotonic() >= send_by:
                reason = "claim_too_old" if is_permitted else "permit_expired"
                await _until_available(lambda: parts.settler.hand_back(attempt, reason, UNPERMITTED_PAUSE))
                return
            failpoint.reach(Point.SEND_BEFORE_WRITE)
            with parts.metrics.call_duration.time():
                reply = await parts.provider.send_bulk(claimed.body, attempt.messages)
            failpoint.reach(Point.SEND_AFTER_RESPONSE)
            if isinstance(reply, Answered):
                parts.spool.put(attempt.attempt_id, pack_reply(reply))
            failpoint.reach(Point.SEND_AFTER_SPOOL)
            outcome = await self._record(reply, attempt, place)
            if isinstance(outcome, Accepted):
                parts.metrics.segments_sent.inc(claimed.segments)

    async def _record(self, reply: Reply, attempt: Attempt, place: Place | None = None) -> Outcome:
        """Judge, settle, and let go of the spooled answer; what the reply was recorded as.

        A reply that this program cannot judge or store makes the attempt unknown, as every reply does that proves nothing: it
        must not stop the senders, and after them every new start.
        """
        parts = self._parts
        try:
            outcome = await asyncio.to_thread(self._judge, reply, attempt)
            if place is not None and isinstance(outcome, Accepted):
                place.hand_over()
            await _until_available(lambda: parts.settler.settle(attempt, outcome))
        except Exception:
            log.exception("answer_not_recordable", batch_id=attempt.batch_id)
            unreadable = Unknown("answer_not_recordable")
            await _until_available(lambda: parts.settler.settle(attempt, unreadable))
            parts.spool.set_aside(attempt.attempt_id)
            return unreadable
        parts.spool.drop(attempt.attempt_id)
        return outcome

    async def _is_permitted(self, claimed: Claimed, lane: Lane, permit: Permit) -> bool:
        """Pay again rather than send on a permit that grew old (a slow disk, a busy machine) or covers less than was claimed.

        A claim is cut to what was granted, but for its first message: that one goes whole, however many segments it has.
        """
        parts = self._parts
        until = parts.clock.monotonic() + RENEW_S
        segments = claimed.segments
        while permit.granted < segments or parts.clock.monotonic() >= permit.expires_at:
            permit = await parts.limiter.acquire(
                lane.account_id, lane.tenant_id, want=segments, minimum=segments, is_urgent=lane.is_rolling
            )
            if parts.clock.monotonic() >= until:
                return False
            if not permit.granted:
                await asyncio.sleep(min(permit.retry_after_s, RENEW_S))
        return True

    async def replay_spool(self) -> None:
        """Settle every answer that was received but not recorded."""
        parts = self._parts
        for attempt_id, packed in parts.spool.answers():
            async with parts.store.engine() as connection:
                attempt = await attempts.find_attempt(connection, attempt_id)
            reply = _unpacked(packed)
            if attempt is None or reply is None:
                # Damaged, or the answer to another database's attempt: this start may be the mistake, so nothing is deleted.
                log.error("spooled_answer_set_aside", attempt_id=str(attempt_id))
                parts.spool.set_aside(attempt_id)
                continue
            await self._record(reply, attempt)
            log.info("spooled_answer_settled", batch_id=attempt.batch_id)

    def _judge(self, reply: Reply, attempt: Attempt) -> Outcome:
        return self._parts.judge(reply, attempt.messages, attempt.account_id, now=self._parts.clock.now())

    async def _resolve_doubtful(self) -> None:
        """Claims that ended without a word: if they were committed after all, hand them back; nothing had left.

        A COMMIT may still hang on the server, so that a miss proves nothing before an attempt's lease would be over.
        """
        doubtful, now = self._parts.claimer.doubtful, self._parts.clock.monotonic()
        if not doubtful or now < self._look_again_at:
            return
        self._look_again_at = now + LOOK_AGAIN_S
        for attempt_id in list(doubtful):
            since = self._doubtful_since.setdefault(attempt_id, now)
            async with self._parts.store.engine() as connection:
                attempt = await attempts.find_attempt(connection, attempt_id)
            if attempt is not None:
                await self._parts.settler.hand_back(attempt, "claim_unconfirmed")
            if attempt is not None or now - since > LEASE.total_seconds():
                doubtful.discard(attempt_id)
                self._doubtful_since.pop(attempt_id, None)

    async def blame_marked(self) -> None:
        """Count a failure of every batch that was being made into a request when an earlier process ended.

        One that a living process is at work on is locked by it, and is not pending any more when the lock is gone.
        """
        marks = self._parts.claimer.marks
        for batch_id in marks.left():
            if state := await self._count_failure(batch_id, PROCESS_ENDED):
                log.error("batch_was_at_work_when_its_process_ended", batch_id=batch_id, state=state)
            marks.forget(batch_id)

    async def _count_failure(self, batch_id: BatchId, kind: str) -> str | None:
        """The batch's state afterwards; None where it was not pending."""
        wait = timedelta(seconds=LONGEST_DELAY_S)
        async with self._parts.store.engine() as connection:
            state = await dispatch.count_batch_failure(connection, batch_id, kind, MAX_ATTEMPTS, wait)
        self._parts.metrics.retries.inc()
        return state


def _left_segments(claimed: Claimed | LeftOut | NothingDue, lane: Lane) -> int:
    """What is known to be left in the lane after the claim."""
    match claimed:
        case Claimed():
            return claimed.left_segments
        case LeftOut():
            return lane.segments
        case NothingDue():
            return 0


def _unpacked(packed: bytes) -> Answered | None:
    try:
        return unpack_reply(packed)
    except msgspec.DecodeError:
        return None


async def _until_available(step: Callable[[], Awaitable[None]]) -> None:
    """Repeat a step that is safe to repeat until the database takes it; the runner's grace bounds this when stopping."""
    while True:
        try:
            await step()
        except UnavailableError:
            log.warning("dispatch_waits_for_database")
            await asyncio.sleep(RETRY_S)
        else:
            return
