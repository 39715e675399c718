"""The senders: several batches on their way at once, each claimed, sent and settled by one task from beginning to end.

A batch that was claimed is always followed to its settlement: stopping means claiming no more.
"""

import asyncio
from datetime import timedelta
from typing import Final

import structlog

from penstock import failpoint
from penstock.dispatch.bounds import BatchFailedError
from penstock.dispatch.claim import Claimed, LeftOut, NothingDue
from penstock.dispatch.departure import Departure
from penstock.dispatch.doubtful import DoubtfulClaims
from penstock.dispatch.parts import Parts
from penstock.dispatch.place import Place
from penstock.dispatch.record import Recorder
from penstock.dispatch.until import RETRY_S, until_available
from penstock.domain.batch import MAX_ATTEMPTS
from penstock.domain.errors import UnavailableError
from penstock.domain.fairness import Lane
from penstock.domain.ids import BatchId
from penstock.domain.outcome import Accepted
from penstock.domain.retry import LONGEST_DELAY_S
from penstock.domain.room import SPARE
from penstock.failpoint import Point
from penstock.lifecycle import wait_for_halt
from penstock.limits.grant import Grant
from penstock.providers.port import Answered, Unsent, pack_reply
from penstock.store import dispatch
from penstock.store.attempts import Attempt

log = structlog.stdlib.get_logger(__name__)

LONGEST_WAIT: Final = timedelta(seconds=LONGEST_DELAY_S)
"""Of a batch that failed by itself, before it is tried again."""
UNPERMITTED_PAUSE: Final = timedelta(seconds=1)
"""A batch that found no permit lets others go first."""
PROCESS_ENDED: Final = "process_ended"
"""What is shown of a batch whose process ended while a request was made of it."""


class Dispatcher:
    """The service of stage 2."""

    name = "dispatch"

    def __init__(self, parts: Parts, *, in_flight: int, poll_s: float) -> None:
        self._parts = parts
        self._in_flight = in_flight
        self._poll_s = poll_s
        self._crashes: list[Exception] = []
        self._halt = asyncio.Event()
        self.recorder = Recorder(parts)
        self.doubtful = DoubtfulClaims(parts)

    async def run(self, halt: asyncio.Event) -> None:
        """Settle what an earlier process left in the spool, then send until halted."""
        self._halt = halt
        await until_available(self.recorder.replay_spool)
        await until_available(self.blame_marked)
        async with asyncio.TaskGroup() as group:
            ending = group.create_task(self._end_idleness(halt))
            senders = [group.create_task(self._send_until(halt)) for _ in range(self._in_flight + SPARE)]
            # One more for single messages alone: however slow the provider is with campaigns, this one is free for them.
            senders.append(group.create_task(self._send_until(halt, is_urgent_only=True)))
            await asyncio.wait(senders)
            ending.cancel()
        try:
            await self.doubtful.hand_back_last()
        except Exception as error:  # noqa: BLE001 - raised with what the senders ended with
            self._crashes.append(error)
        if self._crashes:
            raise ExceptionGroup("senders failed", self._crashes)

    async def _end_idleness(self, halt: asyncio.Event) -> None:
        await halt.wait()
        self._parts.chooser.idle.close()

    async def _send_until(self, halt: asyncio.Event, *, is_urgent_only: bool = False) -> None:
        """One sender. Its crash stops the others after their present batch; cancelling them would lose their answers."""
        while not halt.is_set() and not self._crashes:
            try:
                wait_s = await self.run_once(is_urgent_only=is_urgent_only)
            except UnavailableError:
                log.warning("dispatch_waits_for_database")
                await wait_for_halt(halt, RETRY_S)  # whatever news there is
                continue
            except Exception as error:  # noqa: BLE001 - raised by run() once the others have finished
                self._crashes.append(error)
                return
            if wait_s > 0 and not self._crashes:
                await self._parts.chooser.idle.wait(wait_s, is_urgent_only=is_urgent_only)

    async def run_once(self, *, is_urgent_only: bool = False) -> float:
        """Send at most one batch; the seconds to wait before there may be another."""
        parts = self._parts
        await self.doubtful.hand_back()
        lane = await parts.chooser.next_lane(is_urgent_only=is_urgent_only)
        if lane is None:
            return parts.chooser.pause_s(self._poll_s)
        place = Place(parts.chooser, lane)
        try:
            await self._serve(place)
        finally:
            place.give_back()
        return 0

    async def _serve(self, place: Place) -> None:
        """Send a batch of the lane, if a permit is given. One that is not needed after all is given back."""
        parts, lane, left_segments = self._parts, place.lane, place.lane.segments
        try:
            if self._halt.is_set() or self._crashes:  # while the lane was being chosen
                return
            want = max(1, lane.segments)
            permit = await parts.limiter.acquire(lane.account_id, lane.tenant_id, want=want, is_urgent=lane.is_rolling)
            if permit.granted == 0:
                parts.chooser.refuse(lane, permit.scope, permit.retry_after_s)
                return
            parts.chooser.keep_distance(lane, permit.distance)
            parts.chooser.begin(lane)
            since = parts.clock.monotonic()
            claimed = await self._claim(lane, permit)
            left_segments = _left_segments(claimed, lane)
        finally:
            parts.chooser.release(lane, left_segments)
        self._note(claimed, lane)
        if isinstance(claimed, Claimed):
            await self._send(claimed, place, Departure(parts, permit, claimed.segments, since))
        else:
            await parts.limiter.release(permit)

    async def _claim(self, lane: Lane, permit: Grant) -> Claimed | LeftOut | NothingDue | None:
        """None: the batch failed by itself, which is counted."""
        try:
            return await self._parts.claimer.claim(lane, permit.granted, self._parts.limiter.most_segments(lane.account_id))
        except BatchFailedError as error:
            state = await self._count_failure(error.batch_id, error.kind, LONGEST_WAIT)
            log.exception("batch_failed", batch_id=error.batch_id, state=state)
            return None
        except UnavailableError:
            await self._parts.limiter.release(permit)
            raise

    def _note(self, claimed: Claimed | LeftOut | NothingDue | None, lane: Lane) -> None:
        """Let the others know before anything is awaited again: what they see of the lane meanwhile would be wrong."""
        chooser = self._parts.chooser
        match claimed:
            case NothingDue(is_held):
                chooser.drop(lane, is_held=is_held)
            case LeftOut():
                chooser.put_back(lane)
            case Claimed():
                if not claimed.is_last_due:
                    chooser.put_back(lane)
                chooser.spend(lane, claimed.segments)
                if claimed.drift_s is not None:
                    self._parts.metrics.schedule_drift.labels("message").observe(claimed.drift_s)

    async def _send(self, claimed: Claimed, place: Place, departure: Departure) -> None:
        """From the committed attempt to its settlement."""
        parts, attempt = self._parts, claimed.attempt
        with parts.metrics.in_flight.track_inprogress():
            if not await departure.is_free():
                await self._hand_back(attempt, departure)
                return
            failpoint.reach(Point.SEND_BEFORE_WRITE)
            with parts.metrics.call_duration.time():
                reply = await parts.provider.send_bulk(claimed.body, attempt.messages, departure.is_free)
            if isinstance(reply, Unsent) and departure.refusal is not None:
                await self._hand_back(attempt, departure)
                return
            failpoint.reach(Point.SEND_AFTER_RESPONSE)
            if isinstance(reply, Answered):
                parts.spool.put(attempt.attempt_id, pack_reply(reply))
            failpoint.reach(Point.SEND_AFTER_SPOOL)
            outcome = await self.recorder.record(reply, attempt, place)
            if isinstance(outcome, Accepted):
                parts.metrics.segments_sent.inc(claimed.segments)

    async def _hand_back(self, attempt: Attempt, departure: Departure) -> None:
        """It did not leave, which is nobody's fault."""
        reason = departure.refusal or ""
        await until_available(lambda: self._parts.settler.hand_back(attempt, reason, UNPERMITTED_PAUSE))

    async def blame_marked(self) -> None:
        """Count a failure of every batch that was being made into a request when an earlier process ended.

        One that a living process is at work on is locked by it, and is not pending any more when the lock is gone.
        """
        marks = self._parts.claimer.marks
        for batch_id in marks.left():
            # Due at once: a start takes its time by itself, and it may be an innocent one's turn.
            if state := await self._count_failure(batch_id, PROCESS_ENDED, timedelta()):
                log.error("batch_was_at_work_when_its_process_ended", batch_id=batch_id, state=state)
            marks.forget(batch_id)

    async def _count_failure(self, batch_id: BatchId, kind: str, longest_wait: timedelta) -> str | None:
        """The batch's state afterwards; None where it was not pending."""
        async with self._parts.store.engine() as connection:
            state = await dispatch.count_batch_failure(connection, batch_id, kind, MAX_ATTEMPTS, longest_wait)
        self._parts.metrics.retries.inc()
        return state


def _left_segments(claimed: Claimed | LeftOut | NothingDue | None, lane: Lane) -> int:
    """What is known to be left in the lane after the claim."""
    match claimed:
        case Claimed():
            return claimed.left_segments
        case NothingDue():
            return 0
        case LeftOut() | None:
            return lane.segments
