"""Single messages on their way in, and one of them taken back."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from penstock import _core
from penstock.domain.ids import BatchId, CampaignId, TenantId
from penstock.domain.single import TEXT, Route, Single
from penstock.store.pool import Connection
from penstock.store.queries import query

TAKE_RANGE = query("singles.take_range")
OPEN_DAY = query("singles.open_day")
INSERT_MESSAGES = query("singles.insert_messages")
FIND_OPTED_OUT = query("singles.find_opted_out")
LOCK_PENDING_BATCH = query("singles.lock_pending_batch")
FIND_CHUNK = query("singles.find_chunk")
EXCLUDE_FROM_BATCH = query("singles.exclude_from_batch")
FORGET_DAYS = query("singles.forget_days")


class Range(Struct, frozen=True):
    """Numbers of a rolling campaign that are this transaction's."""

    campaign_id: CampaignId
    first_seq: int
    first_chunk: int
    stored_at: datetime


class NewChunk(Struct, frozen=True, kw_only=True):
    """Messages that are sent together, if nothing is in the way."""

    chunk_no: int
    first_seq: int
    messages: int
    segments: int
    due_at: datetime | None
    payload: bytes


class PendingBatch(Struct, frozen=True):
    """A locked batch that nobody has claimed."""

    batch_id: BatchId
    first_seq: int
    last_seq: int
    excluded: bytes | None
    chunk_first_seq: int
    chunk_messages: int


async def take_range(connection: Connection, tenant_id: TenantId, route: Route, messages: int, chunks: int) -> Range | None:
    """Numbers for so many messages and chunks of today, or None on the first of the day."""
    row = await connection.fetchrow(TAKE_RANGE, tenant_id, route.account_id, route.sender, route.is_later, messages, chunks)
    return Range(**row) if row else None


async def open_day(connection: Connection, tenant_id: TenantId, route: Route, campaign_id: CampaignId, max_parts: int) -> None:
    """Make today's rolling campaign of a known account, unless somebody else just did."""
    await connection.execute(OPEN_DAY, tenant_id, route.account_id, route.sender, route.is_later, campaign_id, TEXT, max_parts)


async def insert_messages(  # noqa: PLR0913 - one argument a table
    connection: Connection, tenant_id: TenantId, taken: Range, *, chunks: Sequence[NewChunk], messages: Sequence[Single],
    counters: Sequence[str],
) -> None:  # fmt: skip
    """Store chunks, each with its batch, and their messages in order; each counter grows by their number."""
    await connection.execute(
        INSERT_MESSAGES, tenant_id, taken.campaign_id, _core.CODEC_VERSION, [chunk.chunk_no for chunk in chunks],
        [chunk.first_seq for chunk in chunks], [chunk.messages for chunk in chunks], [chunk.segments for chunk in chunks],
        [chunk.due_at for chunk in chunks], [chunk.payload for chunk in chunks], taken.first_seq,
        [message.number for message in messages], [message.segments for message in messages],
        [message.reference for message in messages], counters,
    )  # fmt: skip


async def find_opted_out(connection: Connection, tenant_id: TenantId, numbers: Sequence[int]) -> set[int]:
    """Those that must not be written to."""
    return {row["msisdn"] for row in await connection.fetch(FIND_OPTED_OUT, tenant_id, numbers)}


async def lock_pending_batch(
    connection: Connection, tenant_id: TenantId, campaign_id: CampaignId, seq: int
) -> PendingBatch | None:
    """The batch that will send the message, kept from being claimed; None when it was claimed or there is none."""
    row = await connection.fetchrow(LOCK_PENDING_BATCH, tenant_id, campaign_id, seq)
    if row is None:
        return None
    batch = dict(row)
    chunk = await connection.fetchrow(FIND_CHUNK, tenant_id, campaign_id, batch.pop("chunk_no"))
    assert chunk is not None  # noqa: S101 - every batch has one
    return PendingBatch(**batch, **chunk)


async def exclude_from_batch(connection: Connection, batch_id: BatchId, excluded: bytes, *, is_empty: bool) -> None:
    """Leave messages out of a locked pending batch; an empty one is settled."""
    await connection.execute(EXCLUDE_FROM_BATCH, batch_id, excluded, is_empty)


async def forget_days(connection: Connection) -> None:
    """Forget where the messages of days gone by went: the campaigns themselves stay."""
    await connection.execute(FORGET_DAYS)
