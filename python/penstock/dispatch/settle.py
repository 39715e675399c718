"""The transaction after the send: one outcome becomes states, books and what happens next. Safe to run again.

Recording is keyed by the attempt, not by the claim: an answer that comes late, or is found in the spool after a crash, still
settles an attempt that was already marked unknown. Sending is what the claim fences.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Final, assert_never

import structlog
from msgspec import Struct

from penstock import failpoint
from penstock.domain.batch import TRANSITIONS, BatchEvent, BatchState
from penstock.domain.message import MessageState
from penstock.domain.outcome import Accepted, Held, NotSent, Outcome, Refused, Split, Throttled, Unknown
from penstock.domain.retry import backoff_s, hold_s
from penstock.failpoint import Point
from penstock.store import accounts, attempts, campaigns, unknown
from penstock.store.attempts import Attempt, KnownIdError
from penstock.store.pool import Connection, Store
from penstock.telemetry.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)

REFUSED_IN_A_ROW: Final = 3
"""So many single messages refused one after the other look like the account's trouble, not the numbers'."""

_WAS: Final = {"open": MessageState.QUEUED, "unknown": MessageState.UNKNOWN}
"""What state an attempt's messages are in while the attempt is in these; in any other it is already settled."""


class Step(Struct, frozen=True):
    """One attempt under lock, and the state its messages leave."""

    attempt: Attempt
    was: MessageState

    def batch_after(self, event: BatchEvent) -> BatchState:
        """Where the attempt's batch goes. Raises KeyError for an event that the table does not have: a defect."""
        batch = BatchState.UNKNOWN if self.was is MessageState.UNKNOWN else BatchState.SENDING
        return TRANSITIONS[batch, event]


Gains = dict[MessageState, int]
"""How many messages each state gained."""


class Settler:
    """Records outcomes for one process."""

    def __init__(self, store: Store, metrics: Metrics, random: Callable[[], float]) -> None:
        self._store = store
        self._metrics = metrics
        self._random = random

    async def settle(self, attempt: Attempt, outcome: Outcome) -> None:
        """Record `outcome`; nothing if the attempt was settled before. Raises UnavailableError: then call it again."""
        try:
            gains = await self._settle(attempt, outcome)
        except KnownIdError:
            outcome = Unknown("answer_repeats_known_id", outcome.ids if isinstance(outcome, Accepted) else ())
            gains = await self._settle(attempt, outcome)
        for state, n in gains.items():
            self._metrics.messages.labels(state).inc(n)
        self._metrics.calls.labels(type(outcome).__name__.lower()).inc()
        if isinstance(outcome, NotSent | Throttled | Held | Split):
            self._metrics.retries.inc()
        if not isinstance(outcome, Accepted):
            log.warning(
                "batch_not_accepted", outcome=type(outcome).__name__, reason=_reason(outcome), batch_id=attempt.batch_id
            )

    async def hand_back(self, attempt: Attempt, reason: str, wait: timedelta = timedelta()) -> None:
        """Return a batch that was claimed and not sent, for a reason of our own: the account is not to blame."""
        async with self._store.engine() as connection, connection.transaction():
            if step := await _lock(connection, attempt):
                await _hand_back(connection, step, "not_sent", reason, wait)
        log.warning("batch_handed_back", reason=reason, batch_id=attempt.batch_id)

    async def _settle(self, attempt: Attempt, outcome: Outcome) -> Gains:
        async with self._store.engine() as connection, connection.transaction():
            step = await _lock(connection, attempt)
            if step is None or (isinstance(outcome, Unknown) and step.was is MessageState.UNKNOWN):
                return {}
            gains = await self._record(connection, step, outcome)
            failpoint.reach(Point.SETTLE_BEFORE_COMMIT)
        failpoint.reach(Point.SETTLE_AFTER_COMMIT)
        return gains

    async def _record(self, connection: Connection, step: Step, outcome: Outcome) -> Gains:  # noqa: PLR0911 - one a case
        match outcome:
            case Accepted():
                return await _accept(connection, step, outcome)
            case Unknown():
                return await self._lose_track(connection, step, outcome)
            case Refused():
                return await self._refuse(connection, step, outcome)
            case Split():
                return await self._split(connection, step, outcome)
            case NotSent():
                return await self._back_off(connection, step, "not_sent", outcome.reason, 0.0)
            case Throttled():
                return await self._back_off(connection, step, "throttled", "http_429", outcome.retry_after_s or 0.0)
            case Held():
                return await self._hold(connection, step, outcome.reason)
            case _:
                assert_never(outcome)

    async def _lose_track(self, connection: Connection, step: Step, outcome: Unknown) -> Gains:
        """The account backs off too: a provider that answers nothing usable must not be fed the whole backlog."""
        n = await attempts.mark_unknown(connection, step.attempt, step.was, outcome.reason, outcome.hints)
        await self._pause(connection, step.attempt, outcome.reason, 0.0)
        return {MessageState.UNKNOWN: n}

    async def _refuse(self, connection: Connection, step: Step, outcome: Refused) -> Gains:
        attempt = step.attempt
        if await accounts.note_refused(connection, attempt.account_id) >= REFUSED_IN_A_ROW:
            return await self._hold(connection, step, f"{outcome.reason}_repeated")
        seqs = attempt.seqs()
        rejected = await attempts.reject_messages(connection, attempt, seqs, [outcome.reason] * len(seqs), step.was)
        gains = {MessageState.REJECTED: rejected}
        await _book(connection, step, gains)
        batch = step.batch_after(BatchEvent.ANSWERED)
        await attempts.close_attempt(connection, attempt.attempt_id, "refused", batch, detail=outcome.reason)
        return gains

    async def _split(self, connection: Connection, step: Step, outcome: Split) -> Gains:
        attempt = step.attempt
        if attempt.messages == 1:
            return await self._refuse(connection, step, Refused(outcome.reason))
        await _return_to_queue(connection, step)
        await attempts.halve_batch(connection, attempt.attempt_id, outcome.reason)
        if outcome.is_size:
            await accounts.learn_batch_size(connection, attempt.account_id, max(1, attempt.messages // 2))
        return {}

    async def _hold(self, connection: Connection, step: Step, reason: str) -> Gains:
        wait_s = hold_s(await accounts.back_off_account(connection, step.attempt.account_id))
        log.error("account_held", account_id=step.attempt.account_id, reason=reason, seconds=wait_s)
        await _hand_back(connection, step, "held", reason)
        await accounts.hold_account(connection, step.attempt.account_id, timedelta(seconds=wait_s), reason)
        return {}

    async def _back_off(self, connection: Connection, step: Step, ended: str, reason: str, least_s: float) -> Gains:
        """The batch is pending again; its whole account waits, so that no other batch runs into the same wall."""
        await _hand_back(connection, step, ended, reason)
        await self._pause(connection, step.attempt, reason, least_s)
        return {}

    async def _pause(self, connection: Connection, attempt: Attempt, reason: str, least_s: float) -> None:
        """At least what the provider asked for, and longer each time until a call succeeds."""
        failures = await accounts.back_off_account(connection, attempt.account_id)
        wait_s = max(least_s, backoff_s(failures, self._random()))
        await accounts.hold_account(connection, attempt.account_id, timedelta(seconds=wait_s), reason)


async def _lock(connection: Connection, attempt: Attempt) -> Step | None:
    """The attempt under lock, or None when its outcome is on record already."""
    was = _WAS.get(await attempts.lock_attempt(connection, attempt.attempt_id))
    return None if was is None else Step(attempt, was)


async def _accept(connection: Connection, step: Step, outcome: Accepted) -> Gains:
    attempt, seqs = step.attempt, step.attempt.seqs()
    accepted = seqs if len(outcome.positions) == len(seqs) else [seqs[position] for position in outcome.positions]
    gains = {MessageState.SENT: await attempts.accept_messages(connection, attempt, accepted, outcome.ids, step.was)}
    if outcome.refused:
        refused = [seqs[position] for position, _ in outcome.refused]
        errors = [error for _, error in outcome.refused]
        gains[MessageState.REJECTED] = await attempts.reject_messages(connection, attempt, refused, errors, step.was)
    await _book(connection, step, gains)
    await attempts.close_attempt(connection, attempt.attempt_id, "accepted", step.batch_after(BatchEvent.ANSWERED))
    await accounts.note_success(connection, attempt.account_id)
    return gains


async def _hand_back(connection: Connection, step: Step, ended: str, reason: str, wait: timedelta = timedelta()) -> None:
    await _return_to_queue(connection, step)
    batch = step.batch_after(BatchEvent.HAND_BACK)
    await attempts.close_attempt(connection, step.attempt.attempt_id, ended, batch, detail=reason, wait=wait)


async def _return_to_queue(connection: Connection, step: Step) -> None:
    """Only an attempt that was given up as unknown has anything to return: the answer now proves that nothing was accepted."""
    if step.was is MessageState.UNKNOWN:
        await _book(connection, step, {MessageState.QUEUED: await unknown.requeue(connection, step.attempt)})


async def _book(connection: Connection, step: Step, gains: Gains) -> None:
    """What these states gain, the state they left loses: the books balance in every transaction."""
    deltas = {**gains, step.was: gains.get(step.was, 0) - sum(gains.values())}
    await campaigns.add_counts(connection, step.attempt.tenant_id, step.attempt.campaign_id, deltas)


def _reason(outcome: Outcome) -> str:
    return "http_429" if isinstance(outcome, Throttled) else getattr(outcome, "reason", "")
