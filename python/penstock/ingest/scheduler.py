"""Scheduled campaigns start when their time has come: a job of the leader."""

from typing import Final

import structlog

from penstock.domain.campaign import CampaignState
from penstock.domain.ids import CampaignId, TenantId
from penstock.ingest.control import open_batches, read_campaign
from penstock.store import campaigns, control
from penstock.store.campaigns import Campaign
from penstock.store.locks import unless_locked
from penstock.store.pool import Store
from penstock.telemetry.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)

MOST_STARTS: Final = 100
"""In one go; the rest follows with the next."""


async def start_scheduled(store: Store, metrics: Metrics) -> None:
    """Start every campaign that is due. One that was paused or canceled in the same moment is left as it is."""
    async with store.engine() as connection:
        due = await control.list_scheduled(connection, MOST_STARTS)
    for tenant_id, campaign_id in due:
        with unless_locked(campaign_id=str(campaign_id)):
            await _start(store, metrics, tenant_id, campaign_id)


async def _start(store: Store, metrics: Metrics, tenant_id: TenantId, campaign_id: CampaignId) -> None:
    async with store.engine() as connection, connection.transaction():
        campaign = await campaigns.lock_campaign(connection, tenant_id, campaign_id)
        if campaign is None or campaign.state is not CampaignState.SCHEDULED:
            return
        await open_batches(connection, campaign)
        started = await read_campaign(connection, tenant_id, campaign_id)
    metrics.schedule_drift.labels("campaign").observe(_drift_s(started))
    log.info("campaign_started", campaign_id=str(campaign_id))


def _drift_s(campaign: Campaign) -> float:
    """How much later than its time it started, by the database's clock."""
    if campaign.started_at is None or campaign.send_at is None:
        return 0.0
    return (campaign.started_at - campaign.send_at).total_seconds()
