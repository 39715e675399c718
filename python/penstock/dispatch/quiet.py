"""Whether it is quiet where a claimed batch would go: asked in the claim's own transaction, by the database's clock."""

import asyncio
from typing import Final
from zoneinfo import ZoneInfoNotFoundError

from penstock import _core
from penstock.clock import find_zones
from penstock.dispatch.bounds import BatchFailedError
from penstock.domain.fairness import Lane
from penstock.domain.quiet_hours import next_allowed
from penstock.store import zone_groups
from penstock.store.dispatch import DueBatch, SendingCampaign
from penstock.store.pool import Connection

NOWHERE: Final = "UTC"
"""The clock of numbers that belong to no country."""


async def is_delayed(connection: Connection, lane: Lane, campaign: SendingCampaign, batch: DueBatch) -> bool:
    """Whether it is quiet where the batch's recipients are: then it waits, and with it all that goes to their zones.

    Raises BatchFailedError for a zone that the machine which took the upload knew, and this one does not.
    """
    if campaign.quiet_hours is None:
        return False
    zone_group = batch.zone_group or await _place(connection, lane, batch)
    try:
        zones = find_zones(zone_groups.zone_names(zone_group))
    except ZoneInfoNotFoundError as error:
        raise BatchFailedError(batch.batch_id) from error
    allowed_at = next_allowed(campaign.now, zones, campaign.quiet_hours)
    if allowed_at <= campaign.now:
        return False
    await zone_groups.delay_zone_group(connection, lane.tenant_id, lane.campaign_id, zone_group, allowed_at)
    return True


async def _place(connection: Connection, lane: Lane, batch: DueBatch) -> str:
    """The zone group of a batch that was made without one, to mend what was lost: wherever any of its numbers may be."""
    numbers = await zone_groups.list_numbers(connection, lane.tenant_id, lane.campaign_id, batch.first_seq, batch.last_seq)
    found = await asyncio.to_thread(_core.number_zones, numbers)
    zone_group = zone_groups.named_group({zone for zones in found for zone in zones} or {NOWHERE})
    await zone_groups.set_zone_group(connection, batch.batch_id, zone_group)
    return zone_group
