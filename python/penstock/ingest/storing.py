"""A few chunks, one transaction: payloads, messages, batches, skipped rows, checkpoint and books stand or fall together."""

from collections.abc import Mapping, Sequence

from penstock import _core, failpoint
from penstock.domain.campaign import CampaignState
from penstock.domain.counter import RECEIVED, skipped_counter
from penstock.domain.errors import GatewayError, NotAllowedError, StateConflictError
from penstock.domain.message import MessageState
from penstock.failpoint import Point
from penstock.ingest.upload import SHOWN_PROBLEMS, UploadResult
from penstock.store import campaigns, tenants, uploads
from penstock.store.pool import Connection
from penstock.store.uploads import Upload


class _MovedOnError(Exception):
    """The campaign or the upload is no longer as this connection left it; the transaction is undone."""


async def store_chunks(connection: Connection, upload: Upload, chunks: Sequence[_core.Chunk]) -> None:
    """Commit chunks that follow one another. Raises StateConflictError when the upload was taken over or may not go on."""
    try:
        async with connection.transaction():
            for chunk in chunks:
                await _store(connection, upload, chunk)
            failpoint.reach(Point.UPLOAD_BEFORE_COMMIT)
        failpoint.reach(Point.UPLOAD_AFTER_COMMIT)
    except _MovedOnError:
        raise await _why_refused(connection, upload) from None


async def finish_upload(connection: Connection, upload: Upload) -> UploadResult:
    """Close the upload and say what came of it."""
    failpoint.reach(Point.UPLOAD_BEFORE_COMPLETE)
    if not await uploads.complete_upload(connection, upload):
        raise await _why_refused(connection, upload)
    failpoint.reach(Point.UPLOAD_AFTER_COMPLETE)
    return await read_result(connection, upload)


async def read_result(connection: Connection, upload: Upload) -> UploadResult:
    """What came of a complete upload, however many connections it took."""
    stored = await uploads.find_upload(connection, upload.tenant_id, upload.campaign_id, upload.upload_id)
    if stored is None:
        raise await _why_refused(connection, upload)
    return UploadResult(
        upload_id=stored.upload_id,
        rows=stored.rows,
        accepted=stored.accepted,
        skipped=dict(await uploads.count_upload_skipped(connection, stored)),
        segments=await uploads.sum_upload_segments(connection, stored),
        problems=await uploads.list_upload_problems(connection, stored, SHOWN_PROBLEMS),
    )


async def _store(connection: Connection, upload: Upload, chunk: _core.Chunk) -> None:
    # The opt-outs were read once, after the upload began; an upload may last for hours.
    began = upload.started_at
    if not await uploads.insert_chunk(connection, upload.tenant_id, upload.campaign_id, chunk, opt_outs_at=began):
        raise _MovedOnError
    if not await uploads.advance_upload(connection, upload, chunk):
        raise _MovedOnError
    await uploads.insert_skipped(connection, upload, chunk)
    await campaigns.add_counts(connection, upload.tenant_id, upload.campaign_id, _deltas(chunk))


def _deltas(chunk: _core.Chunk) -> Mapping[str, int]:
    """Keep received = skipped + queued, in every transaction."""
    skipped = {skipped_counter(reason): n for reason, n in chunk.skipped.items()}
    return {RECEIVED: chunk.rows, MessageState.QUEUED.value: chunk.messages, **skipped}


async def _why_refused(connection: Connection, upload: Upload) -> GatewayError:
    """Read again what has changed, to name it."""
    if not await tenants.is_active(connection, upload.tenant_id):
        return NotAllowedError("The tenant is deactivated.")
    campaign = await campaigns.get_campaign(connection, upload.tenant_id, upload.campaign_id)
    if campaign is None or campaign.state is not CampaignState.DRAFT:
        state = "gone" if campaign is None else campaign.state
        return StateConflictError(f"The campaign takes no more recipients: it is {state}.")
    now = await uploads.find_upload(connection, upload.tenant_id, upload.campaign_id, upload.upload_id)
    if now is None:
        return StateConflictError(
            "The upload was ended meanwhile: its recipients were discarded, or another connection failed with it."
        )
    return StateConflictError(f"The upload {upload.upload_id} was taken over by another connection.")
