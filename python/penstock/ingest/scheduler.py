"""Scheduled campaigns start when their time has come: a job of the leader."""

from typing import Final

import structlog

from penstock.domain.campaign import CampaignState
from penstock.ingest.control import open_batches
from penstock.store import campaigns, control
from penstock.store.pool import Store

log = structlog.stdlib.get_logger(__name__)

MOST_STARTS: Final = 100
"""In one go; the rest follows with the next."""


async def start_scheduled(store: Store) -> None:
    """Start every campaign that is due. One that was paused or canceled in the same moment is left as it is."""
    async with store.engine() as connection:
        due = await control.list_scheduled(connection, MOST_STARTS)
    for tenant_id, campaign_id in due:
        async with store.engine() as connection, connection.transaction():
            campaign = await campaigns.lock_campaign(connection, tenant_id, campaign_id)
            if campaign is None or campaign.state is not CampaignState.SCHEDULED:
                continue
            await open_batches(connection, campaign)
        log.info("campaign_started", campaign_id=str(campaign_id))
