"""The transaction after the send: one outcome becomes states, books and what happens next. Safe to run again.

Recording is keyed by the attempt, not by the claim: an answer that comes late, or is found in the spool after a crash, still
settles an attempt that was already marked unknown. Sending is what the claim fences.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Final, assert_never

import structlog
from msgspec import Struct

from penstock.domain.batch import BatchState
from penstock.domain.message import MessageState
from penstock.domain.outcome import Accepted, Held, NotSent, Outcome, Refused, Split, Throttled, Unknown
from penstock.domain.retry import backoff_s, hold_s
from penstock.store import accounts, attempts, campaigns
from penstock.store.attempts import Attempt, KnownIdError
from penstock.store.pool import Connection, Store
from penstock.telemetry.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)

REFUSED_IN_A_ROW: Final = 3
"""So many single messages refused one after the other look like the account's trouble, not the numbers'."""

_WAS: Final = {"open": MessageState.QUEUED, "unknown": MessageState.UNKNOWN}
"""What state an attempt's messages are in while the attempt is in these; in any other it is already settled."""


class Step(Struct, frozen=True):
    """One attempt under lock, and the state its messages left."""

    attempt: Attempt
    was: MessageState


class Settler:
    """Records outcomes for one process."""

    def __init__(self, store: Store, metrics: Metrics, random: Callable[[], float]) -> None:
        self._store = store
        self._metrics = metrics
        self._random = random

    async def settle(self, attempt: Attempt, outcome: Outcome, seqs: list[int] | None = None) -> None:
        """Record `outcome`; nothing if the attempt was settled before. Raises UnavailableError: then call it again."""
        try:
            await self._settle(attempt, outcome, seqs)
        except KnownIdError:
            outcome = Unknown("answer_repeats_known_id")
            await self._settle(attempt, outcome, seqs)
        self._metrics.calls.labels(type(outcome).__name__.lower()).inc()
        if not isinstance(outcome, Accepted):
            log.warning(
                "batch_not_accepted", outcome=type(outcome).__name__, reason=_reason(outcome), batch_id=attempt.batch_id
            )

    async def _settle(self, attempt: Attempt, outcome: Outcome, seqs: list[int] | None) -> None:
        async with self._store.engine() as connection, connection.transaction():
            was = _WAS.get(await attempts.lock_attempt(connection, attempt.attempt_id))
            if was is None or (isinstance(outcome, Unknown) and was is MessageState.UNKNOWN):
                return
            await self._record(connection, Step(attempt, was), outcome, seqs)

    async def _record(self, connection: Connection, step: Step, outcome: Outcome, seqs: list[int] | None) -> None:
        match outcome:
            case Accepted():
                await self._accept(connection, step, outcome, seqs or step.attempt.seqs())
            case Unknown():
                await attempts.mark_unknown(connection, step.attempt, step.was, outcome.reason, outcome.hints)
            case Refused():
                await self._refuse(connection, step, outcome)
            case Split():
                await self._split(connection, step, outcome)
            case NotSent():
                wait = backoff_s(await accounts.back_off_account(connection, step.attempt.account_id), self._random())
                await _hand_back(connection, step, "not_sent", outcome.reason, wait)
            case Throttled():
                failures = await accounts.back_off_account(connection, step.attempt.account_id)
                wait = outcome.retry_after_s if outcome.retry_after_s is not None else backoff_s(failures, self._random())
                await _hand_back(connection, step, "throttled", "http_429", wait)
            case Held():
                await self._hold(connection, step, outcome.reason)
            case _:
                assert_never(outcome)

    async def _accept(self, connection: Connection, step: Step, outcome: Accepted, seqs: list[int]) -> None:
        attempt = step.attempt
        accepted = seqs if len(outcome.positions) == len(seqs) else [seqs[position] for position in outcome.positions]
        sent = await attempts.accept_messages(connection, attempt, accepted, outcome.ids, step.was)
        rejected = 0
        if outcome.refused:
            refused = [seqs[position] for position, _ in outcome.refused]
            errors = [error for _, error in outcome.refused]
            rejected = await attempts.reject_messages(connection, attempt, refused, errors, step.was)
        await _book(connection, step, {MessageState.SENT: sent, MessageState.REJECTED: rejected})
        await attempts.close_attempt(connection, attempt.attempt_id, "accepted", BatchState.SETTLED)
        await accounts.note_success(connection, attempt.account_id)
        self._metrics.messages.labels(MessageState.SENT).inc(sent)
        self._metrics.messages.labels(MessageState.REJECTED).inc(rejected)

    async def _refuse(self, connection: Connection, step: Step, outcome: Refused) -> None:
        attempt = step.attempt
        if await accounts.note_refused(connection, attempt.account_id) >= REFUSED_IN_A_ROW:
            await self._hold(connection, step, f"{outcome.reason}_repeated")
            return
        seqs = attempt.seqs()
        rejected = await attempts.reject_messages(connection, attempt, seqs, [outcome.reason] * len(seqs), step.was)
        await _book(connection, step, {MessageState.REJECTED: rejected})
        await attempts.close_attempt(connection, attempt.attempt_id, "refused", BatchState.SETTLED, detail=outcome.reason)
        self._metrics.messages.labels(MessageState.REJECTED).inc(rejected)

    async def _split(self, connection: Connection, step: Step, outcome: Split) -> None:
        attempt = step.attempt
        if attempt.messages == 1:
            await self._refuse(connection, step, Refused(outcome.reason))
            return
        await _return_to_queue(connection, step)
        await attempts.halve_batch(connection, attempt.attempt_id, outcome.reason)
        if outcome.is_size:
            await accounts.learn_batch_size(connection, attempt.account_id, max(1, attempt.messages // 2))

    async def _hold(self, connection: Connection, step: Step, reason: str) -> None:
        wait = hold_s(await accounts.back_off_account(connection, step.attempt.account_id))
        log.error("account_held", account_id=step.attempt.account_id, reason=reason, seconds=wait)
        await _hand_back(connection, step, "held", reason, wait)


async def _hand_back(connection: Connection, step: Step, ended: str, reason: str, wait_s: float) -> None:
    """The batch is pending again; its whole account waits, so that no other batch runs into the same wall."""
    attempt = step.attempt
    await _return_to_queue(connection, step)
    await attempts.close_attempt(connection, attempt.attempt_id, ended, BatchState.PENDING, detail=reason)
    await accounts.hold_account(connection, attempt.account_id, timedelta(seconds=wait_s), reason)


async def _return_to_queue(connection: Connection, step: Step) -> None:
    """Only an attempt that was given up as unknown has anything to return: the answer now proves that nothing was accepted."""
    if step.was is MessageState.UNKNOWN:
        n = await attempts.move_range(connection, step.attempt, MessageState.UNKNOWN, MessageState.QUEUED)
        await _book(connection, step, {MessageState.QUEUED: n})


async def _book(connection: Connection, step: Step, gains: dict[MessageState, int]) -> None:
    """What these states gain, the state they left loses: the books balance in every transaction."""
    deltas = {**gains, step.was: gains.get(step.was, 0) - sum(gains.values())}
    await campaigns.add_counts(connection, step.attempt.tenant_id, step.attempt.campaign_id, deltas)


def _reason(outcome: Outcome) -> str:
    return "http_429" if isinstance(outcome, Throttled) else getattr(outcome, "reason", "")
