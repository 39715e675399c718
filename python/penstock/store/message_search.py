"""Messages looked up one by one: by their id, by number, by the caller's reference; and what happened to one."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from penstock.domain.ids import CampaignId, TenantId
from penstock.store.messages import Message
from penstock.store.pool import Connection
from penstock.store.queries import query, row_count

FIND_BY_NUMBER = query("message_search.find_by_number")
FIND_BY_REFERENCE = query("message_search.find_by_reference")
LIST_FOUND = query("message_search.list_found")
INDEXED_UNTIL = query("message_search.indexed_until")
LIST_ATTEMPTS_OF = query("message_search.list_attempts_of")
LIST_CONFLICTS_OF = query("message_search.list_conflicts_of")
CHOOSE_UNINDEXED = query("message_search.choose_unindexed")
INDEX_NUMBERS = query("message_search.index_numbers")
MARK_INDEXED = query("message_search.mark_indexed")

Place = tuple[CampaignId, int]
"""Which message of a tenant."""


class FoundMessage(Message, frozen=True, kw_only=True):
    """A message and what stands beside it."""

    campaign_id: CampaignId
    is_rolling: bool
    """A single message: its campaign is nobody's business."""
    sender: str
    reference: str | None
    created_at: datetime
    chunk_first_seq: int
    chunk_last_seq: int
    due_at: datetime | None
    """While it is queued and not claimed: when that may happen."""

    @property
    def place(self) -> Place:
        """Which it is."""
        return self.campaign_id, self.seq


class TriedAttempt(Struct, frozen=True):
    """A provider call that carried the message."""

    state: str
    started_at: datetime
    closed_at: datetime | None
    detail: str | None


class Conflict(Struct, frozen=True):
    """A final report that came after another one."""

    status: str
    error: str | None
    recorded_at: datetime


class UnindexedChunk(Struct, frozen=True):
    """A chunk whose numbers cannot be looked up yet."""

    tenant_id: TenantId
    campaign_id: CampaignId
    chunk_no: int
    first_seq: int
    messages: int
    created_at: datetime


async def find_by_number(connection: Connection, tenant_id: TenantId, number: int, before: Place, limit: int) -> list[Place]:
    """A page of messages to the number, newest first, as far as the index goes."""
    rows = await connection.fetch(FIND_BY_NUMBER, tenant_id, number, *before, limit)
    return [(row["campaign_id"], row["seq"]) for row in rows]


async def find_by_reference(
    connection: Connection, tenant_id: TenantId, reference: str, before: Place, limit: int
) -> list[Place]:
    """A page of messages with the reference, newest first."""
    rows = await connection.fetch(FIND_BY_REFERENCE, tenant_id, reference, *before, limit)
    return [(row["campaign_id"], row["seq"]) for row in rows]


async def list_found(connection: Connection, tenant_id: TenantId, places: Sequence[Place]) -> list[FoundMessage]:
    """Those of the tenant's messages that exist, in this order."""
    campaigns, seqs = [place[0] for place in places], [place[1] for place in places]
    return [FoundMessage(**row) for row in await connection.fetch(LIST_FOUND, tenant_id, campaigns, seqs)]


async def indexed_until(connection: Connection, tenant_id: TenantId) -> datetime:
    """Messages stored before this are found by number."""
    until: datetime = await connection.fetchval(INDEXED_UNTIL, tenant_id)
    return until


async def list_attempts_of(connection: Connection, tenant_id: TenantId, message: FoundMessage) -> list[TriedAttempt]:
    """The calls that carried it, oldest first."""
    rows = await connection.fetch(
        LIST_ATTEMPTS_OF, tenant_id, message.campaign_id, message.seq, message.chunk_first_seq, message.chunk_last_seq
    )
    return [TriedAttempt(**row) for row in rows]


async def list_conflicts_of(connection: Connection, provider_id: str) -> list[Conflict]:
    """Finals that came second, oldest first."""
    return [Conflict(**row) for row in await connection.fetch(LIST_CONFLICTS_OF, provider_id)]


async def choose_unindexed(connection: Connection, messages: int) -> list[UnindexedChunk]:
    """The oldest unindexed chunks with at most so many messages together, but one at least."""
    return [UnindexedChunk(**row) for row in await connection.fetch(CHOOSE_UNINDEXED, messages)]


async def index_numbers(connection: Connection, chunks: Sequence[UnindexedChunk]) -> None:
    """Make the numbers of these chunks findable."""
    await connection.execute(
        INDEX_NUMBERS, [chunk.tenant_id for chunk in chunks], [chunk.campaign_id for chunk in chunks],
        [chunk.first_seq for chunk in chunks], [chunk.first_seq + chunk.messages - 1 for chunk in chunks],
    )  # fmt: skip


async def mark_indexed(connection: Connection, chunks: Sequence[UnindexedChunk]) -> int:
    """How many of them are still what they were, and are marked."""
    tag = await connection.execute(
        MARK_INDEXED, [chunk.tenant_id for chunk in chunks], [chunk.campaign_id for chunk in chunks],
        [chunk.chunk_no for chunk in chunks], [chunk.messages for chunk in chunks], [chunk.created_at for chunk in chunks],
    )  # fmt: skip
    return row_count(tag)
