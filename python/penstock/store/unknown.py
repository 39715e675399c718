"""Messages whose outcome nobody knows: how they are found, and how they are settled one by one or all that are left."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from penstock.domain.batch import BatchState, mark
from penstock.domain.evidence import SLACK
from penstock.domain.ids import AccountId, AttemptId, BatchId, CampaignId, TenantId
from penstock.domain.message import MessageState
from penstock.domain.ulid import first_id
from penstock.store.attempts import Attempt, move_range
from penstock.store.look_ups import Ids
from penstock.store.pool import Connection
from penstock.store.queries import query, row_count

LIST_UNKNOWN_ATTEMPTS = query("unknown.list_unknown_attempts")
FIND_SUSPECTS = query("unknown.find_suspects")
FIND_NAMED_SUSPECT = query("unknown.find_named_suspect")
IS_NUMBER_UNINDEXED = query("unknown.is_number_unindexed")
HAS_UNKNOWN = query("unknown.has_unknown")
LIST_LEFT_OUT = query("unknown.list_left_out")
LEAVE_OUT = query("unknown.leave_out")
CHUNK_MESSAGES = query("unknown.chunk_messages")
HASTEN_REPORTS = query("unknown.hasten_reports")
SETTLE_REST = query("unknown.settle_rest")
FIND_BATCH = query("unknown.find_batch")
LIST_UNKNOWN_BATCHES = query("unknown.list_unknown_batches")
LIST_CONTRADICTED_BATCHES = query("unknown.list_contradicted_batches")
LIST_RESENDABLE = query("unknown.list_resendable")
COUNT_UNKNOWN = query("unknown.count_unknown")

BEFORE_FIRST = AttemptId(UUID(int=0))


class UnknownAttempt(Struct, frozen=True):
    """An attempt whose outcome is not known, and when it was on its way."""

    attempt_id: AttemptId
    started_at: datetime
    ended_at: datetime
    closed_at: datetime
    """When it was given up."""
    has_hints: bool

    def ids(self) -> Ids:
        """Between these two lies every id that the provider may have given to its messages."""
        return _first_id(self.started_at - SLACK), _first_id(self.ended_at + SLACK)


class StoredSuspect(Struct, frozen=True):
    """A message that may be the one that was seen, with what is needed to render it again."""

    attempt_id: AttemptId
    campaign_id: CampaignId
    seq: int
    number: int
    text: str
    """The campaign's template."""
    sender: str
    account_id: AccountId
    codec: int
    payload: bytes


class FoundBatch(Struct, frozen=True):
    """A batch as an operator names it."""

    batch_id: BatchId
    state: BatchState
    attempt_id: AttemptId | None
    leased_until: datetime | None
    """Its process may be stopped and not dead, and send what it holds until then; None: no more."""


class DoubtfulBatch(Struct, frozen=True, kw_only=True):
    """A batch that an operator should look at."""

    batch_id: BatchId
    tenant_id: TenantId
    campaign_id: CampaignId
    state: BatchState
    account_id: AccountId
    messages: int
    """In its request."""
    unknown: int
    """Of them, those whose outcome is not known."""
    reason: str | None
    """Why it was given up."""
    mapping: str | None
    started_at: datetime
    since: datetime


async def list_unknown_attempts(connection: Connection, after: AttemptId, limit: int) -> list[UnknownAttempt]:
    """A page of them."""
    return [UnknownAttempt(**row) for row in await connection.fetch(LIST_UNKNOWN_ATTEMPTS, after, limit)]


async def find_suspects(connection: Connection, numbers: Collection[int], at: datetime) -> list[StoredSuspect]:
    """Unknown messages to these numbers that were on their way at that time."""
    return [StoredSuspect(**row) for row in await connection.fetch(FIND_SUSPECTS, list(numbers), at, SLACK)]


async def find_named_suspect(connection: Connection, campaign_id: CampaignId, seq: int) -> list[StoredSuspect]:
    """The message of that name, if it is unknown."""
    return [StoredSuspect(**row) for row in await connection.fetch(FIND_NAMED_SUSPECT, campaign_id, seq)]


async def is_number_unindexed(connection: Connection, at: datetime) -> bool:
    """Whether there may be suspects of that time that cannot be found by their number yet."""
    unindexed: bool = await connection.fetchval(IS_NUMBER_UNINDEXED, at, SLACK)
    return unindexed


async def has_unknown(connection: Connection, attempt: Attempt) -> bool:
    """Whether anything of the attempt is still unknown."""
    found: bool = await connection.fetchval(
        HAS_UNKNOWN, attempt.tenant_id, attempt.campaign_id, attempt.first_seq, attempt.last_seq
    )
    return found


async def requeue(connection: Connection, attempt: Attempt) -> int:
    """Let what is still unknown of a locked attempt be queued, and its batch leave out all that is not; how many are queued.

    The batch is not moved. A claim renders whatever the batch does not leave out, so both belong into one transaction.
    """
    n = await move_range(connection, attempt, MessageState.UNKNOWN, MessageState.QUEUED)
    rows = await connection.fetch(LIST_LEFT_OUT, attempt.tenant_id, attempt.campaign_id, attempt.first_seq, attempt.last_seq)
    if rows:
        messages = await connection.fetchval(CHUNK_MESSAGES, attempt.attempt_id)
        positions = [row["seq"] - attempt.chunk_first_seq for row in rows]
        await connection.execute(LEAVE_OUT, attempt.attempt_id, mark(attempt.excluded, positions, messages))
    return n


async def hasten_reports(connection: Connection, provider_ids: Sequence[str]) -> None:
    """Let parked reports of these ids be tried again at once."""
    await connection.execute(HASTEN_REPORTS, provider_ids)


async def settle_rest(connection: Connection, attempt: Attempt, becomes: MessageState, error: str | None) -> int:
    """Let what is still unknown of a locked attempt be so; how many there were."""
    tag = await connection.execute(
        SETTLE_REST, attempt.tenant_id, attempt.campaign_id, attempt.first_seq, attempt.last_seq, becomes.value, error
    )
    return row_count(tag)


async def find_batch(connection: Connection, batch_id: BatchId) -> FoundBatch | None:
    """The batch of that id."""
    row = await connection.fetchrow(FIND_BATCH, batch_id)
    return FoundBatch(**{**row, "state": BatchState(row["state"])}) if row else None


async def list_unknown_batches(connection: Connection, after: BatchId, limit: int) -> list[DoubtfulBatch]:
    """A page of batches whose outcome is not known."""
    return [_doubtful(row) for row in await connection.fetch(LIST_UNKNOWN_BATCHES, after, limit)]


async def list_contradicted_batches(connection: Connection, after: BatchId, limit: int) -> list[DoubtfulBatch]:
    """A page of batches whose provider ids belong to other messages than the books say."""
    return [_doubtful(row) for row in await connection.fetch(LIST_CONTRADICTED_BATCHES, after, limit)]


async def list_resendable(connection: Connection, limit: int) -> list[UnknownAttempt]:
    """Attempts whose campaign wants the rest of them to be sent once more by now."""
    return [UnknownAttempt(**row) for row in await connection.fetch(LIST_RESENDABLE, limit)]


async def count_unknown(connection: Connection) -> int:
    """Messages whose outcome is not known, over all tenants."""
    n: int = await connection.fetchval(COUNT_UNKNOWN)
    return n


def _doubtful(row: object) -> DoubtfulBatch:
    fields = dict(row)  # type: ignore[call-overload]
    return DoubtfulBatch(**{**fields, "state": BatchState(fields["state"])})


def _first_id(instant: datetime) -> str:
    return first_id(int(instant.timestamp() * 1000))
