"""Uploads of recipients: checkpoints, chunks, and the rows that were skipped."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from msgspec import Struct

from penstock import _core
from penstock.domain.ids import CampaignId, TenantId
from penstock.store.pool import Connection
from penstock.store.queries import query, row_count

FIND_UPLOAD = query("uploads.find_upload")
FIND_OPEN_UPLOAD = query("uploads.find_open_upload")
LIST_UPLOADS = query("uploads.list_uploads")
CREATE_UPLOAD = query("uploads.create_upload")
TAKE_UPLOAD = query("uploads.take_upload")
NUMBER_UPLOAD = query("uploads.number_upload")
ADVANCE_UPLOAD = query("uploads.advance_upload")
COMPLETE_UPLOAD = query("uploads.complete_upload")
NUMBER_CHUNK = query("uploads.number_chunk")
INSERT_CHUNK = query("uploads.insert_chunk")
PACK_NUMBERS = query("uploads.pack_numbers")
LIST_SKIPPED = query("uploads.list_skipped")
LIST_UPLOAD_PROBLEMS = query("uploads.list_upload_problems")
COUNT_UPLOAD_SKIPPED = query("uploads.count_upload_skipped")
SUM_UPLOAD_SEGMENTS = query("uploads.sum_upload_segments")
DROP_EMPTY_UPLOAD = query("uploads.drop_empty_upload")
DROP_ABANDONED_UPLOAD = query("uploads.drop_abandoned_upload")
DROP_ORPHANED_UPLOADS = query("uploads.drop_orphaned_uploads")
LIST_ABANDONED_UPLOADS = query("uploads.list_abandoned_uploads")
DISCARD: Final = tuple(
    query(f"uploads.discard_{what}") for what in ("batches", "chunks", "messages", "skipped", "uploads", "deltas", "counters")
)
EMPTY_CAMPAIGN = query("uploads.empty_campaign")

MESSAGE_COLUMNS: Final = ("campaign_id", "tenant_id", "seq", "msisdn", "segments")
SKIPPED_COLUMNS: Final = ("campaign_id", "tenant_id", "upload_no", "line", "reason", "detail")


class Upload(Struct, frozen=True, kw_only=True):
    """One row of the upload table."""

    tenant_id: TenantId
    campaign_id: CampaignId
    upload_no: int
    upload_id: str
    format: str
    phone_column: str | None
    state: str
    token: UUID
    byte_offset: int
    line: int
    rows: int
    digest: bytes | None
    header: str | None
    accepted: int
    skipped: int
    started_at: datetime
    touched_at: datetime
    zone_column: str | None = None

    @property
    def checkpoint(self) -> _core.Checkpoint | None:
        """Where the parser continues, or None before the first chunk."""
        if self.digest is None or self.header is None:
            return None
        return _core.Checkpoint(offset=self.byte_offset, line=self.line, rows=self.rows, digest=self.digest, header=self.header)


class SkippedRow(Struct, frozen=True):
    """A row that did not become a message."""

    upload_no: int
    line: int
    reason: str
    detail: str


async def find_upload(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId, upload_id: str) -> Upload | None:
    """The upload that the client knows by `upload_id`."""
    row = await connection.fetchrow(FIND_UPLOAD, tenant_id, campaign_id, upload_id)
    return Upload(**row) if row else None


async def find_open_upload(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> Upload | None:
    """The one upload that is not complete."""
    row = await connection.fetchrow(FIND_OPEN_UPLOAD, tenant_id, campaign_id)
    return Upload(**row) if row else None


async def list_uploads(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> list[Upload]:
    """Every upload of the campaign, in order."""
    return [Upload(**row) for row in await connection.fetch(LIST_UPLOADS, tenant_id, campaign_id)]


async def create_upload(  # noqa: PLR0913 - one argument a column
    connection: Connection, tenant_id: TenantId, campaign_id: CampaignId, *, upload_id: str, format: str,  # noqa: A002
    phone_column: str | None, token: UUID, zone_column: str | None = None,
) -> Upload:  # fmt: skip
    """Open an upload of a locked campaign."""
    number = await connection.fetchval(NUMBER_UPLOAD, tenant_id, campaign_id)
    row = await connection.fetchrow(
        CREATE_UPLOAD, tenant_id, campaign_id, number, upload_id, format, phone_column, token, zone_column
    )
    return Upload(**row)  # type: ignore[arg-type]


async def take_upload(connection: Connection, upload: Upload, token: UUID) -> Upload:
    """Make `token` the only one that may store chunks for it."""
    row = await connection.fetchrow(TAKE_UPLOAD, upload.tenant_id, upload.campaign_id, upload.upload_no, token)
    return Upload(**row)  # type: ignore[arg-type]


async def advance_upload(connection: Connection, upload: Upload, chunk: _core.Chunk) -> bool:
    """Move the checkpoint past the chunk; False when another connection has taken the upload over."""
    end, skipped = chunk.end, chunk.rows - chunk.messages
    moved = await connection.fetchval(
        ADVANCE_UPLOAD, upload.tenant_id, upload.campaign_id, upload.upload_no, upload.token,
        end.offset, end.line, end.rows, end.digest, end.header, chunk.messages, skipped,
    )  # fmt: skip
    return moved is not None


async def complete_upload(connection: Connection, upload: Upload) -> bool:
    """Close it; False when another connection has taken it over."""
    done = await connection.fetchval(COMPLETE_UPLOAD, upload.tenant_id, upload.campaign_id, upload.upload_no, upload.token)
    return done is not None


async def insert_chunk(
    connection: Connection,
    tenant_id: TenantId,
    campaign_id: CampaignId,
    chunk: _core.Chunk,
    *,
    opt_outs_at: datetime | None = None,
) -> bool:
    """Store the chunk's payload, messages and batches; False when the campaign is no draft or has moved on.

    `opt_outs_at` is an instant before the opt-outs that were left out of it were read (default: now).
    """
    number = await connection.fetchval(
        NUMBER_CHUNK, tenant_id, campaign_id, chunk.messages, chunk.segments, chunk.first_seq, chunk.longest
    )
    if number is None:
        return False
    if chunk.messages:
        zone_groups, first_seqs, last_seqs, segments = zip(*_batches(chunk), strict=True)
        await connection.execute(
            INSERT_CHUNK, tenant_id, campaign_id, number, _core.CODEC_VERSION, chunk.payload, chunk.first_seq, chunk.messages,
            opt_outs_at, first_seqs, last_seqs, segments, zone_groups,
        )  # fmt: skip
        await _copy(connection, "message", MESSAGE_COLUMNS, chunk.copy_messages(tenant_id, campaign_id.bytes))
    return True


def _batches(chunk: _core.Chunk) -> Sequence[tuple[str | None, int, int, int]]:
    """Zone group, range and segments of each batch."""
    return chunk.zone_groups or [(None, chunk.first_seq, chunk.first_seq + chunk.messages - 1, chunk.segments)]


async def insert_skipped(connection: Connection, upload: Upload, chunk: _core.Chunk) -> None:
    """Store the chunk's skipped rows."""
    if chunk.rows > chunk.messages:
        rows = chunk.copy_skipped(upload.tenant_id, upload.campaign_id.bytes, upload.upload_no)
        await _copy(connection, "skipped", SKIPPED_COLUMNS, rows)


async def _copy(connection: Connection, table: str, columns: tuple[str, ...], rows: bytes) -> None:
    """Rows that the core has already encoded: no Python object per row."""
    await connection.copy_to_table(table, source=_once(rows), columns=list(columns), format="binary")


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def pack_numbers(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> bytes:
    """Every number the campaign has, as packed big-endian int64."""
    packed: bytes = await connection.fetchval(PACK_NUMBERS, tenant_id, campaign_id)
    return packed


async def list_skipped(
    connection: Connection, tenant_id: TenantId, campaign_id: CampaignId, after: tuple[int, int], limit: int
) -> list[SkippedRow]:
    """A page of skipped rows after (upload_no, line)."""
    rows = await connection.fetch(LIST_SKIPPED, tenant_id, campaign_id, *after, limit)
    return [SkippedRow(**row) for row in rows]


async def list_upload_problems(connection: Connection, upload: Upload, limit: int) -> list[SkippedRow]:
    """The first skipped rows of one upload."""
    rows = await connection.fetch(LIST_UPLOAD_PROBLEMS, upload.tenant_id, upload.campaign_id, upload.upload_no, limit)
    return [SkippedRow(**row) for row in rows]


async def count_upload_skipped(connection: Connection, upload: Upload) -> Mapping[str, int]:
    """Its skipped rows by reason."""
    rows = await connection.fetch(COUNT_UPLOAD_SKIPPED, upload.tenant_id, upload.campaign_id, upload.upload_no)
    return {row["reason"]: row["n"] for row in rows}


async def sum_upload_segments(connection: Connection, upload: Upload) -> int:
    """Segments of its accepted rows."""
    total: int = await connection.fetchval(SUM_UPLOAD_SEGMENTS, upload.tenant_id, upload.campaign_id, upload.upload_no)
    return total


async def drop_empty_upload(connection: Connection, upload: Upload) -> None:
    """Forget an upload of which nothing was stored, unless another connection has taken it over."""
    await connection.execute(DROP_EMPTY_UPLOAD, upload.tenant_id, upload.campaign_id, upload.upload_no, upload.token)


async def drop_abandoned_upload(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId, idle: timedelta) -> None:
    """Forget a locked campaign's open upload of which nothing was stored and nothing was heard for `idle`."""
    await connection.execute(DROP_ABANDONED_UPLOAD, tenant_id, campaign_id, idle)


async def drop_orphaned_uploads(connection: Connection, idle: timedelta) -> int:
    """How many open uploads of all tenants were forgotten of which nothing was stored and nothing heard for `idle`."""
    return row_count(await connection.execute(DROP_ORPHANED_UPLOADS, idle))


async def list_abandoned_uploads(connection: Connection, idle: timedelta, limit: int) -> list[Upload]:
    """Open uploads of drafts of all tenants with something stored, not continued for `idle`."""
    return [Upload(**row) for row in await connection.fetch(LIST_ABANDONED_UPLOADS, idle, limit)]


async def discard_recipients(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> None:
    """Forget every recipient of a locked draft, so that the upload can start over."""
    for statement in DISCARD:
        await connection.execute(statement, tenant_id, campaign_id)
    await connection.execute(EMPTY_CAMPAIGN, tenant_id, campaign_id)
