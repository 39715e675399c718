"""From a reply to the books: judged, settled, and let go from the spool; also what an earlier process left there."""

import asyncio

import msgspec
import structlog

from penstock.dispatch.parts import Parts
from penstock.dispatch.place import Place
from penstock.dispatch.until import until_available
from penstock.domain.outcome import Accepted, Outcome, Unknown
from penstock.providers.port import Answered, Reply, unpack_reply
from penstock.store import attempts
from penstock.store.attempts import Attempt

log = structlog.stdlib.get_logger(__name__)


class Recorder:
    """Records what became of attempts."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def record(self, reply: Reply, attempt: Attempt, place: Place | None = None) -> Outcome:
        """Judge, settle, and let go of the spooled answer; what the reply was recorded as.

        A reply that this program cannot judge or store makes the attempt unknown, as every reply does that proves nothing: it
        must not stop the senders, and after them every new start.
        """
        parts = self._parts
        try:
            outcome = await asyncio.to_thread(self._judge, reply, attempt)
            if place is not None and isinstance(outcome, Accepted):
                place.hand_over()
            await until_available(lambda: parts.settler.settle(attempt, outcome))
        except Exception:
            log.exception("answer_not_recordable", batch_id=attempt.batch_id)
            unreadable = Unknown("answer_not_recordable")
            await until_available(lambda: parts.settler.settle(attempt, unreadable))
            parts.spool.set_aside(attempt.attempt_id)
            return unreadable
        parts.spool.drop(attempt.attempt_id)
        return outcome

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
            await self.record(reply, attempt)
            log.info("spooled_answer_settled", batch_id=attempt.batch_id)

    def _judge(self, reply: Reply, attempt: Attempt) -> Outcome:
        return self._parts.judge(reply, attempt.messages, attempt.account_id, now=self._parts.clock.now())


def _unpacked(packed: bytes) -> Answered | None:
    try:
        return unpack_reply(packed)
    except msgspec.DecodeError:
        return None
