"""What came of an attempt: each function is one step of the transaction that records an outcome."""

from collections.abc import Sequence
from datetime import timedelta

import asyncpg
from msgspec import Struct

from penstock.domain.batch import BatchState
from penstock.domain.ids import AccountId, AttemptId, BatchId, CampaignId, TenantId
from penstock.domain.message import MessageState
from penstock.store.campaigns import add_counts
from penstock.store.pool import Connection
from penstock.store.processes import TTL
from penstock.store.queries import query, row_count

FIND_ATTEMPT = query("dispatch.find_attempt")
LOCK_ATTEMPT = query("dispatch.lock_attempt")
TRY_ATTEMPT = query("dispatch.try_attempt")
ACCEPT_MESSAGES = query("dispatch.accept_messages")
REJECT_MESSAGES = query("dispatch.reject_messages")
MOVE_RANGE = query("dispatch.move_range")
CLOSE_ATTEMPT = query("dispatch.close_attempt")
HALVE_BATCH = query("dispatch.halve_batch")
LIST_LAPSED_ATTEMPTS = query("dispatch.list_lapsed_attempts")


class Attempt(Struct, frozen=True, kw_only=True):
    """One intended provider call, committed before any byte leaves."""

    attempt_id: AttemptId
    tenant_id: TenantId
    campaign_id: CampaignId
    batch_id: BatchId
    account_id: AccountId
    first_seq: int
    last_seq: int
    messages: int
    """How many of the range are in the request."""
    excluded: bytes | None
    """Bitmap of those left out, counted from the chunk's first message."""
    chunk_first_seq: int

    def seqs(self) -> list[int]:
        """Sequence numbers in the request, in its order."""
        if not self.excluded:
            return list(range(self.first_seq, self.last_seq + 1))
        bits = int.from_bytes(self.excluded, "little")
        return [seq for seq in range(self.first_seq, self.last_seq + 1) if not bits >> (seq - self.chunk_first_seq) & 1]


class Lapsed(Struct, frozen=True):
    """An open attempt that nobody answers for."""

    attempt_id: AttemptId
    reason: str


class KnownIdError(Exception):
    """The answer carries an id that belongs to another message: it cannot be trusted."""


async def find_attempt(connection: Connection, attempt_id: AttemptId) -> Attempt | None:
    """The attempt of that id."""
    row = await connection.fetchrow(FIND_ATTEMPT, attempt_id)
    return Attempt(**row) if row else None


async def lock_attempt(connection: Connection, attempt_id: AttemptId) -> str:
    """Its state, locked until the transaction ends."""
    state: str = await connection.fetchval(LOCK_ATTEMPT, attempt_id)
    return state


async def try_attempt(connection: Connection, attempt_id: AttemptId) -> str | None:
    """The same without waiting; None while somebody else has it locked."""
    state: str | None = await connection.fetchval(TRY_ATTEMPT, attempt_id)
    return state


async def accept_messages(
    connection: Connection, attempt: Attempt, seqs: Sequence[int], ids: Sequence[str], was: MessageState
) -> int:
    """Set provider ids and the state `sent`; how many were in state `was`. Raises KnownIdError."""
    try:
        tag = await connection.execute(ACCEPT_MESSAGES, attempt.tenant_id, attempt.campaign_id, seqs, ids, was.value)
    except asyncpg.UniqueViolationError as error:
        raise KnownIdError from error
    return row_count(tag)


async def reject_messages(
    connection: Connection, attempt: Attempt, seqs: Sequence[int], errors: Sequence[str], was: MessageState
) -> int:
    """Make them final with the provider's word; how many were in state `was`."""
    return row_count(await connection.execute(REJECT_MESSAGES, attempt.tenant_id, attempt.campaign_id, seqs, errors, was.value))


async def move_range(connection: Connection, attempt: Attempt, was: MessageState, becomes: MessageState) -> int:
    """Move every message of the attempt that is in state `was`; what was left out is not in it."""
    tag = await connection.execute(
        MOVE_RANGE, attempt.tenant_id, attempt.campaign_id, attempt.first_seq, attempt.last_seq, was.value, becomes.value
    )
    return row_count(tag)


async def close_attempt(  # noqa: PLR0913 - one argument a column
    connection: Connection, attempt_id: AttemptId, ended: str, batch: BatchState, *,
    detail: str | None = None, wait: timedelta = timedelta(), hints: Sequence[str] | None = None,
) -> None:  # fmt: skip
    """Close the attempt and move its batch; a batch that goes back is due after `wait`."""
    await connection.execute(CLOSE_ATTEMPT, attempt_id, ended, batch.value, detail, wait, hints)


async def mark_unknown(
    connection: Connection, attempt: Attempt, was: MessageState, reason: str, hints: Sequence[str] = ()
) -> int:
    """Hold the whole range: nobody knows what became of it. For the caller's transaction; how many messages it holds."""
    n = await move_range(connection, attempt, was, MessageState.UNKNOWN)
    deltas = {was: -n, MessageState.UNKNOWN: n}
    await add_counts(connection, attempt.tenant_id, attempt.campaign_id, deltas)
    await close_attempt(connection, attempt.attempt_id, "unknown", BatchState.UNKNOWN, detail=reason, hints=list(hints) or None)
    return n


async def halve_batch(connection: Connection, attempt_id: AttemptId, detail: str) -> None:
    """Close the attempt as split and queue the two halves."""
    await connection.execute(HALVE_BATCH, attempt_id, detail)


async def list_lapsed_attempts(connection: Connection, limit: int) -> list[Lapsed]:
    """Open attempts past their lease, or of a process that is gone; by the database's clock."""
    return [Lapsed(**row) for row in await connection.fetch(LIST_LAPSED_ATTEMPTS, limit, TTL)]
