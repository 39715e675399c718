"""Trying again what is proven unsent, and nothing else: what may have been sent is never sent by asking twice.

While a campaign sends, its dead batches go back to the queue. Once it has ended, its messages that are final without ever
having had a provider's id get a campaign of their own, filled through the ordinary intake: opt-outs of meanwhile are left out,
and no final state is ever undone. A campaign has one such retry at most: asking again finds it, whole or to be completed.
"""

import asyncio
from bisect import bisect_left
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from itertools import groupby
from typing import Final

from penstock import _core
from penstock.domain.campaign import CampaignState
from penstock.domain.errors import StateConflictError
from penstock.domain.ids import CampaignId, TenantId
from penstock.ingest.audience import Intake
from penstock.ingest.control import read_campaign
from penstock.ingest.opening import lock_or_refuse
from penstock.ingest.upload import UploadRequest
from penstock.store import campaigns, control, retries, uploads, zone_groups
from penstock.store.campaigns import Campaign, NewCampaign
from penstock.store.pool import Connection, Store
from penstock.store.zone_groups import Range, zone_names

UPLOAD_ID: Final = "retry"
NUMBER_KEY: Final = "+"
ZONE_KEY: Final = "+zone"
"""No placeholder can have these names."""

MOST_NAME_CHARS: Final = 200

_RUNNING: Final = frozenset({CampaignState.SENDING, CampaignState.PAUSED})


async def requeue(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> int:
    """How many messages of dead batches wait for their turn again; none once the campaign has ended."""
    campaign = await lock_or_refuse(connection, tenant_id, campaign_id)
    if campaign.state not in _RUNNING:
        return 0
    return await control.requeue_dead(connection, tenant_id, campaign_id)


class Retries:
    """Makes and fills the campaigns that try again."""

    def __init__(self, store: Store, intake: Intake) -> None:
        self._store = store
        self._intake = intake

    async def prepare(self, tenant_id: TenantId, campaign_id: CampaignId, new_id: CampaignId) -> CampaignId | None:
        """The campaign's retry, with all its recipients, in whatever state it is by now; None when there is nothing for one.

        `new_id` is its id should it have to be made. Safe to repeat: what a broken call has stored is continued. Raises
        StateConflictError, UploadStoppedError.
        """
        async with self._store.tenant(tenant_id) as connection, connection.transaction():
            original = await lock_or_refuse(connection, tenant_id, campaign_id)
            if original.state in _RUNNING:
                return None
            _check_ended(original)
            retry_id = await _find_or_make(connection, original, new_id)
            if retry_id is None or await _is_filled(connection, tenant_id, retry_id):
                return retry_id
        zone_column = None if original.quiet_hours is None else ZONE_KEY
        request = UploadRequest(format="ndjson", upload_id=UPLOAD_ID, phone_column=NUMBER_KEY, zone_column=zone_column)
        async with aclosing(self._rows(original)) as rows:
            await self._intake.receive(tenant_id, retry_id, request, rows)
        return retry_id

    async def _rows(self, campaign: Campaign) -> AsyncGenerator[bytes, None]:
        """The unsent recipients as they were uploaded, chunk by chunk: the same bytes at every call, as nothing moves now."""
        template, key = _core.Template(campaign.text), (campaign.tenant_id, campaign.campaign_id)
        async with self._store.tenant(campaign.tenant_id) as connection:
            ranges = await zone_groups.list_ranges(connection, *key)
        after = -1
        while True:
            async with self._store.tenant(campaign.tenant_id) as connection:
                chunk = await retries.next_chunk(connection, *key, after)
                if chunk is None:
                    return
                seqs = await retries.list_unsent(connection, *key, chunk)
                payload = await retries.read_payload(connection, *key, chunk.chunk_no) if seqs else b""
            for zone, part in _by_zone(seqs, ranges):
                yield await asyncio.to_thread(_core.payload_rows, payload, template, part, NUMBER_KEY, zone)
            after = chunk.chunk_no


def _by_zone(seqs: Sequence[int], ranges: Sequence[Range]) -> Iterator[tuple[tuple[str, str] | None, list[int]]]:
    """The messages in order, with the time zone that counts for them; where it is several, the number tells it again."""
    last_seqs = [one.last_seq for one in ranges]

    def zone_of(seq: int) -> str | None:
        place = bisect_left(last_seqs, seq)
        return ranges[place].zone_group if place < len(ranges) else None

    for zone_group, part in groupby(seqs, zone_of):
        is_one = zone_group is not None and len(zone_names(zone_group)) == 1
        yield (ZONE_KEY, str(zone_group)) if is_one else None, list(part)


def _check_ended(campaign: Campaign) -> None:
    match campaign.state:
        case CampaignState.COMPLETED | CampaignState.FAILED:
            return
        case CampaignState.CANCELED if campaign.completed_at is not None:
            return
        case CampaignState.CANCELED:
            raise StateConflictError("The campaign was canceled and is not at rest: some of it is still queued or in doubt.")
        case _:
            raise StateConflictError(f"Nothing of a campaign that is {campaign.state} can have failed.")


async def _find_or_make(connection: Connection, original: Campaign, new_id: CampaignId) -> CampaignId | None:
    """The caller holds the original's lock, so that two requests make one retry."""
    known = await retries.find_retry(connection, original.tenant_id, original.campaign_id)
    if known is not None:
        return known
    books = await campaigns.get_counts(connection, original.tenant_id, original.campaign_id)
    may_be = any(books.get(state) for state in ("rejected", "expired", "canceled"))
    if not may_be or not await retries.has_unsent(connection, original.tenant_id, original.campaign_id):
        return None
    new = NewCampaign(
        tenant_id=original.tenant_id, campaign_id=new_id, name=f"{original.name[: MOST_NAME_CHARS - 8]} (retry)",
        text=original.text, sender=original.sender, account_id=original.account_id, default_region=original.default_region,
        countries=original.countries, max_parts=original.max_parts, validity_s=original.validity_s, pace_s=original.pace_s,
        auto_pause=original.auto_pause, retry_of=original.campaign_id, quiet_hours=original.quiet_hours,
        resend_unknown_after_s=original.resend_unknown_after_s,
    )  # fmt: skip
    await campaigns.create_campaign(connection, new)
    return new_id


async def _is_filled(connection: Connection, tenant_id: TenantId, retry_id: CampaignId) -> bool:
    """Whether its upload is complete, or it has begun to send and takes none."""
    retry = await read_campaign(connection, tenant_id, retry_id)
    upload = await uploads.find_upload(connection, tenant_id, retry_id, UPLOAD_ID)
    return retry.state is not CampaignState.DRAFT or (upload is not None and upload.state == "complete")
