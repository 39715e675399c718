"""Batches of single messages that go out together."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from penstock.domain.fairness import Lane
from penstock.domain.ids import BatchId, CampaignId, TenantId
from penstock.store.pool import Connection
from penstock.store.queries import query

LIST_ROLLING_LANES = query("runs.list_rolling_lanes")
LOCK_DUE_BATCHES = query("runs.lock_due_batches")
LIST_CHUNKS = query("runs.list_chunks")
FOLD_RUN = query("runs.fold_run")


class RunBatch(Struct, frozen=True):
    """A locked batch that is due."""

    batch_id: BatchId
    chunk_no: int
    first_seq: int
    last_seq: int
    segments: int
    attempts: int
    excluded: bytes | None
    is_whole: bool
    """All of its chunk, and never tried: it can be joined with its neighbours."""
    drift_s: float | None = None
    """How much later it is than the time that it was given, if it was given one."""


class RunChunk(Struct, frozen=True):
    """A stored chunk."""

    chunk_no: int
    first_seq: int
    messages: int
    payload: bytes
    opt_outs_at: datetime


class Folded(Struct, frozen=True, kw_only=True):
    """What several batches become."""

    first: RunBatch
    others: Sequence[RunBatch]
    payload: bytes
    messages: int
    segments: int


async def list_rolling_lanes(connection: Connection, limit: int, batches: int) -> list[Lane]:
    """Rolling campaigns with something to claim, with the segments of at most so many batches each."""
    return [Lane(**row) for row in await connection.fetch(LIST_ROLLING_LANES, limit, batches)]


async def lock_due_batches(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId, limit: int) -> list[RunBatch]:
    """The next due batches that nobody else holds."""
    return [RunBatch(**row) for row in await connection.fetch(LOCK_DUE_BATCHES, tenant_id, campaign_id, limit)]


async def list_chunks(
    connection: Connection, tenant_id: TenantId, campaign_id: CampaignId, chunk_nos: Sequence[int]
) -> list[RunChunk]:
    """Chunks in the order of their messages."""
    return [RunChunk(**row) for row in await connection.fetch(LIST_CHUNKS, tenant_id, campaign_id, chunk_nos)]


async def fold_run(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId, run: Folded) -> None:
    """Make one batch in one chunk of several locked neighbours."""
    await connection.execute(
        FOLD_RUN, tenant_id, campaign_id, run.first.chunk_no, run.payload, run.messages, run.first.batch_id,
        run.first.first_seq + run.messages - 1, run.segments, [batch.batch_id for batch in run.others],
        [batch.chunk_no for batch in run.others],
    )  # fmt: skip
