"""Which accepted messages are asked about: samples that prove an answer's order, and those of which nothing was heard."""

from collections.abc import Collection, Sequence
from datetime import timedelta

from msgspec import Struct

from penstock.domain.ids import AccountId, AttemptId, BatchId, CampaignId, TenantId
from penstock.store.attempts import Attempt
from penstock.store.pool import Connection
from penstock.store.queries import query

LIST_UNSAMPLED = query("samples.list_unsampled")
LIST_IDS = query("samples.list_ids")
NOTE_MAPPING = query("samples.note_mapping")
FIND_SAMPLE = query("samples.find_sample")
FIND_NAMED = query("samples.find_named")
LIST_NUMBERS = query("samples.list_numbers")
LIST_UNASKED = query("samples.list_unasked")
LIST_SILENT = query("samples.list_silent")
MARK_ASKED = query("samples.mark_asked")
COUNT_UNASKED = query("samples.count_unasked")


class Sample(Struct, frozen=True, kw_only=True):
    """A message as the books have it, to be held against what the provider shows."""

    attempt_id: AttemptId
    batch_id: BatchId
    account_id: AccountId
    campaign_id: CampaignId
    has_references: bool
    mapping: str | None
    """What is known of the attempt's order so far."""
    number: int
    provider_id: str | None


class Range(Struct, frozen=True):
    """The messages of one attempt."""

    attempt_id: AttemptId
    tenant_id: TenantId
    campaign_id: CampaignId
    first_seq: int
    last_seq: int


async def list_unsampled(connection: Connection, age: timedelta, limit: int) -> list[Attempt]:
    """The newest accepted attempts whose order is not proven."""
    return [Attempt(**row) for row in await connection.fetch(LIST_UNSAMPLED, age, limit)]


async def list_ids(connection: Connection, attempt: Attempt, seqs: Sequence[int]) -> list[tuple[int, str]]:
    """Sequence number and provider id of those of these messages that have one."""
    rows = await connection.fetch(LIST_IDS, attempt.tenant_id, attempt.campaign_id, seqs)
    return [(row["seq"], row["provider_id"]) for row in rows if row["provider_id"] is not None]


async def note_mapping(connection: Connection, attempt_ids: Sequence[AttemptId], mapping: str) -> set[AttemptId]:
    """Say what is known of the order of attempts; those for which that is news."""
    return {row["attempt_id"] for row in await connection.fetch(NOTE_MAPPING, attempt_ids, mapping)}


async def find_sample(connection: Connection, attempt_id: AttemptId, seq: int) -> Sample | None:
    """The message at that place of an attempt; None when the campaign is gone."""
    row = await connection.fetchrow(FIND_SAMPLE, attempt_id, seq)
    return Sample(**row) if row else None


async def find_named(connection: Connection, provider_ids: Sequence[str]) -> list[Sample]:
    """The messages of these ids that went out in a request of several."""
    return [Sample(**row) for row in await connection.fetch(FIND_NAMED, provider_ids)]


async def list_numbers(connection: Connection, attempt_id: AttemptId, numbers: Collection[int]) -> list[int]:
    """Which of these numbers the request of an attempt went to."""
    return [row["number"] for row in await connection.fetch(LIST_NUMBERS, attempt_id, list(numbers))]


async def list_unasked(connection: Connection, after: timedelta, limit: int) -> list[Range]:
    """Attempts that were answered so long ago, and whose silent messages were not asked about."""
    return [Range(**row) for row in await connection.fetch(LIST_UNASKED, after, limit)]


async def list_silent(connection: Connection, messages: Range) -> list[tuple[int, str]]:
    """Sequence number and provider id of those of which nothing was heard."""
    rows = await connection.fetch(LIST_SILENT, messages.tenant_id, messages.campaign_id, messages.first_seq, messages.last_seq)
    return [(row["seq"], row["provider_id"]) for row in rows if row["provider_id"] is not None]


async def mark_asked(connection: Connection, attempt_id: AttemptId) -> None:
    """Its silent messages are in the queue."""
    await connection.execute(MARK_ASKED, attempt_id)


async def count_unasked(connection: Connection, after: timedelta) -> int:
    """At most so many silent messages are not in the queue yet."""
    n: int = await connection.fetchval(COUNT_UNASKED, after)
    return n
