"""Whether an upload may begin, goes on where it stopped, or was finished before: one short transaction.

Not for its rows: while they arrive, only the upload's token tells who may store them.
"""

from uuid import UUID

from msgspec import Struct

from penstock.domain.campaign import CampaignState
from penstock.domain.errors import InvalidValueError, MessagesDroppedError, NotFoundError, StateConflictError
from penstock.domain.ids import CampaignId, TenantId
from penstock.ingest.upload import ABANDONED_AFTER, UploadRequest, another_is_open
from penstock.store import campaigns, uploads
from penstock.store.campaigns import Campaign
from penstock.store.pool import Connection
from penstock.store.uploads import Upload


class Opened(Struct, frozen=True):
    """An upload that may be received."""

    campaign: Campaign
    upload: Upload

    @property
    def is_repeat(self) -> bool:
        """Whether it was complete before: its body is compared, nothing is stored."""
        return self.upload.state == "complete"


async def open_upload(
    connection: Connection, tenant_id: TenantId, campaign_id: CampaignId, request: UploadRequest, token: UUID
) -> Opened:
    """Find, take over or create the upload of `request.upload_id`, under the campaign's lock."""
    campaign = await lock_or_refuse(connection, tenant_id, campaign_id)
    known = await uploads.find_upload(connection, tenant_id, campaign_id, request.upload_id or str(token))
    if known is not None:
        _check_same_kind(known, request)
        if known.state == "complete":
            return Opened(campaign, known)
    check_draft(campaign)
    if known is not None:
        return Opened(campaign, await uploads.take_upload(connection, known, token))
    await refuse_open_upload(connection, tenant_id, campaign_id)
    upload = await uploads.create_upload(
        connection, tenant_id, campaign_id, upload_id=request.upload_id or str(token), format=request.format,
        phone_column=request.phone_column, token=token, zone_column=request.zone_column,
    )  # fmt: skip
    return Opened(campaign, upload)


async def lock_or_refuse(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> Campaign:
    """The tenant's campaign, locked until the transaction ends. A rolling one is nobody's to change as a whole."""
    campaign = await campaigns.lock_campaign(connection, tenant_id, campaign_id)
    if campaign is None or campaign.is_rolling:
        raise NotFoundError("There is no such campaign.")
    refuse_dropped(campaign)
    return campaign


def refuse_dropped(campaign: Campaign) -> None:
    """Whatever needs its messages has come too late. Raises MessagesDroppedError."""
    if (dropped_at := campaign.messages_dropped_at) is not None:
        raise MessagesDroppedError(
            f"The messages of this campaign are not kept any more; they were dropped on {dropped_at:%Y-%m-%d}."
        )


def check_draft(campaign: Campaign) -> None:
    """Recipients change in a draft only."""
    if campaign.state is not CampaignState.DRAFT:
        raise StateConflictError(f"The recipients of a draft only can be changed; this campaign is {campaign.state}.")


async def refuse_open_upload(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> None:
    """One upload at a time, so that numbers stay unique and every line number has one meaning."""
    await uploads.drop_abandoned_upload(connection, tenant_id, campaign_id, ABANDONED_AFTER)
    other = await uploads.find_open_upload(connection, tenant_id, campaign_id)
    if other is not None:
        raise another_is_open(other)


def _check_same_kind(known: Upload, request: UploadRequest) -> None:
    if known.format != request.format:
        raise InvalidValueError(f"The upload {known.upload_id} was begun as {known.format}, this body is {request.format}.")
    for column in ("phone_column", "zone_column"):
        if getattr(known, column) != getattr(request, column):
            raise InvalidValueError(f"The upload {known.upload_id} was begun with another {column}.")
