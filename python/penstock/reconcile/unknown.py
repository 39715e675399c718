"""Unknown outcomes, resolved by evidence: ids that appeared while an attempt was on its way are looked up and matched.

The ids come from reports that found no message, and from answers that could be read in part. A match settles exactly one
message; its parked report then applies by the ordinary way. What cannot be proven stays unknown, and visible.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

import msgspec
import structlog

from penstock import _core
from penstock.domain.batch import TRANSITIONS, BatchEvent, BatchState
from penstock.domain.evidence import Ambiguous, Match, Seen, Suspect, match
from penstock.domain.ids import AttemptId, parse_message_id
from penstock.domain.look_up import Result
from penstock.domain.message import MessageState
from penstock.domain.order import Mapping
from penstock.reconcile.hearsay import pass_on
from penstock.store import attempts, campaigns, look_ups, samples, unknown
from penstock.store.attempts import Attempt, KnownIdError
from penstock.store.look_ups import LookUp
from penstock.store.pool import Connection, Store
from penstock.store.unknown import StoredSuspect
from penstock.telemetry.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)

ATTEMPTS_AT_ONCE: Final = 20
QUESTIONS_AT_ONCE: Final = 1000
"""Of one attempt; the others follow when these are answered."""

FOUND: Final = "found_by_look_up"


class EvidenceFinder:
    """Makes questions of what may speak of unknown attempts, some attempts at a time, round and round."""

    def __init__(self, store: Store, after: timedelta) -> None:
        """`after`: the provider may not show a message before, and a report may find its message by itself."""
        self._store = store
        self._after = after
        self._last = unknown.BEFORE_FIRST

    async def find(self) -> None:
        """Go through the next few attempts."""
        async with self._store.engine() as connection:
            page = await unknown.list_unknown_attempts(connection, self._last, ATTEMPTS_AT_ONCE)
            for attempt in page:
                await look_ups.queue_reports(
                    connection, attempt.ids(), waited=self._after, since=attempt.closed_at, limit=QUESTIONS_AT_ONCE
                )
                if attempt.has_hints:
                    await look_ups.queue_hints(connection, attempt.attempt_id, self._after, QUESTIONS_AT_ONCE)
        self._last = page[-1].attempt_id if len(page) == ATTEMPTS_AT_ONCE else unknown.BEFORE_FIRST


class Resolver:
    """Judges what was seen of ids that may belong to unknown messages."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def judge(self, connection: Connection, look_up: LookUp, seen: Seen) -> Result | None:
        """Settle the message that it proves to have been accepted, if there is exactly one."""
        found = match(seen, await _suspects(connection, seen))
        match found:
            case Match():
                return await self._settle(connection, found, seen)
            case Ambiguous(n):
                log.warning("evidence_is_ambiguous", look_up_id=look_up.look_up_id, messages=n)
                return Result.AMBIGUOUS
            case None:
                is_early = seen.accepted_ms is not None and await unknown.is_number_unindexed(connection, _instant(seen))
                return None if is_early else Result.NOTHING

    async def _settle(self, connection: Connection, found: Match, seen: Seen) -> Result:
        suspect, provider_id = found.suspect, seen.report.provider_id
        attempt = await attempts.find_attempt(connection, suspect.attempt_id)
        if attempt is None or await attempts.lock_attempt(connection, suspect.attempt_id) != "unknown":
            return Result.NOTHING
        try:
            async with connection.transaction():
                n = await attempts.accept_messages(connection, attempt, [suspect.seq], [provider_id], MessageState.UNKNOWN)
        except KnownIdError:
            return Result.CONTRADICTED
        if n == 0:
            return Result.NOTHING
        deltas = {MessageState.UNKNOWN: -1, MessageState.SENT: 1}
        await campaigns.add_counts(connection, attempt.tenant_id, attempt.campaign_id, deltas)
        await unknown.hasten_reports(connection, [provider_id])
        await pass_on(connection, seen.report)
        await _close_if_resolved(connection, attempt)
        self._metrics.unknown_resolved.labels(found.by).inc()
        self._metrics.messages.labels("sent").inc()
        return Result.MATCHED


async def _close_if_resolved(connection: Connection, attempt: Attempt) -> None:
    """Settle the batch of a locked attempt once nothing of it is unknown any more."""
    if not await unknown.has_unknown(connection, attempt):
        batch = TRANSITIONS[BatchState.UNKNOWN, BatchEvent.RESOLVE]
        await attempts.close_attempt(connection, attempt.attempt_id, "accepted", batch, detail=FOUND)
        # Each id was looked up by itself: there is no order to prove.
        await samples.note_mapping(connection, [attempt.attempt_id], Mapping.CONFIRMED)
        log.info("unknown_batch_resolved", batch_id=attempt.batch_id)


async def _suspects(connection: Connection, seen: Seen) -> list[Suspect]:
    """Messages that it may be: the one that it names, or those to its numbers that were on their way when it was accepted."""
    named = parse_message_id(seen.reference) if seen.reference else None
    if named is not None:
        stored = await unknown.find_named_suspect(connection, *named)
    elif seen.accepted_ms is not None and seen.numbers:
        stored = await unknown.find_suspects(connection, seen.numbers, _instant(seen))
    else:
        stored = []
    return [suspect for one in stored if (suspect := _render(one)) is not None]


def _instant(seen: Seen) -> datetime:
    """When it was accepted."""
    return datetime.fromtimestamp((seen.accepted_ms or 0) / 1000, UTC)


class _Sms(msgspec.Struct):
    text: str


class _Message(msgspec.Struct):
    sms: _Sms


class _Body(msgspec.Struct):
    messages: tuple[_Message]


_decode_body = msgspec.json.Decoder(_Body).decode


def _render(stored: StoredSuspect) -> Suspect | None:
    """What was asked to be sent; None where that can no longer be said: by another codec, or from a payload that is damaged."""
    if stored.codec != _core.CODEC_VERSION:
        return None
    try:
        encoded = _core.encode_batch(
            stored.payload, _template(stored.text), traffic_account_id=stored.account_id, sender=stored.sender,
            first_seq=stored.seq, last_seq=stored.seq, max_messages=1, max_segments=1, max_bytes=1,
        )  # fmt: skip
    except _core.CoreError:
        log.exception("suspect_not_rendered", attempt_id=str(stored.attempt_id))
        return None
    text = _decode_body(encoded.body).messages[0].sms.text
    return Suspect(AttemptId(stored.attempt_id), stored.campaign_id, stored.seq, stored.number, text)


@lru_cache(maxsize=64)
def _template(text: str) -> _core.Template:
    return _core.Template(text)
