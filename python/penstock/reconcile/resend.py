"""A campaign's own wish, off by default: what is still unknown after its time is sent once more, and may so arrive twice.

Never more than once, never while something that may be evidence is not looked at yet, and counted on the campaign. From here on
the first attempt is over: what is heard of it later moves nothing.
"""

from datetime import timedelta
from typing import Final

import structlog

from penstock.domain.batch import TRANSITIONS, BatchEvent, BatchState
from penstock.domain.counter import POSSIBLE_DUPLICATES
from penstock.domain.message import MessageState
from penstock.reconcile.unknown import QUESTIONS_AT_ONCE
from penstock.store import attempts, campaigns, look_ups, unknown
from penstock.store.locks import unless_locked
from penstock.store.pool import Connection, Store
from penstock.store.unknown import UnknownAttempt
from penstock.telemetry.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)

ATTEMPTS_AT_ONCE: Final = 20
DETAIL: Final = "sent_once_more"


async def resend_unknown(store: Store, metrics: Metrics) -> None:
    """Put the unknown messages of a few attempts back into the queue, one attempt a transaction."""
    async with store.engine() as connection:
        due = await unknown.list_resendable(connection, ATTEMPTS_AT_ONCE)
    for one in due:
        with unless_locked(attempt_id=str(one.attempt_id)):
            async with store.engine() as connection, connection.transaction():
                n = await _resend(connection, one)
            if n:
                metrics.unknown_resolved.labels("resend").inc(n)
                log.warning("unknown_messages_sent_once_more", attempt_id=str(one.attempt_id), messages=n)


async def _resend(connection: Connection, one: UnknownAttempt) -> int:
    """How many messages may now arrive twice."""
    attempt = await attempts.find_attempt(connection, one.attempt_id)
    if attempt is None or await attempts.lock_attempt(connection, one.attempt_id) != "unknown":
        return 0
    if await _is_evidence_waiting(connection, one):
        return 0
    n = await unknown.requeue(connection, attempt)
    deltas = {MessageState.UNKNOWN: -n, MessageState.QUEUED: n, POSSIBLE_DUPLICATES: n}
    await campaigns.add_counts(connection, attempt.tenant_id, attempt.campaign_id, deltas)
    batch = TRANSITIONS[BatchState.UNKNOWN, BatchEvent.SEND_AGAIN]
    await attempts.close_attempt(connection, attempt.attempt_id, "resent", batch, detail=DETAIL)
    return n


async def _is_evidence_waiting(connection: Connection, one: UnknownAttempt) -> bool:
    """Whether anything that may speak of the attempt is not looked at; what was no question so far becomes one.

    In the order in which a report goes, so that none slips by: stored, then parked, then asked about.
    """
    if await look_ups.are_reports_waiting(connection, one.attempt_id):
        return True
    found = await look_ups.queue_reports(
        connection, one.ids(), waited=timedelta(), since=one.closed_at, limit=QUESTIONS_AT_ONCE
    )
    if one.has_hints:
        found += await look_ups.queue_hints(connection, one.attempt_id, timedelta(), QUESTIONS_AT_ONCE)
    return found > 0 or await look_ups.is_evidence_waiting(connection, one.ids(), one.attempt_id)
