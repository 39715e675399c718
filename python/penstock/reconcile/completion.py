"""Campaigns end: when everything is final, or when the report window of what stayed silent is over."""

from datetime import timedelta
from typing import Final

import structlog

from penstock.domain.ids import CampaignId, TenantId
from penstock.store import campaigns
from penstock.store.locks import unless_locked
from penstock.store.pool import Store

log = structlog.stdlib.get_logger(__name__)

CLOSE_AT_ONCE: Final = 5000


async def complete_campaigns(store: Store) -> None:
    """Complete every campaign that waits for nothing."""
    async with store.engine() as connection:
        found = await campaigns.list_completable(connection)
    for tenant_id, campaign_id in found:
        with unless_locked(campaign_id=str(campaign_id)):
            async with store.engine() as connection:
                is_complete = await campaigns.complete_campaign(connection, tenant_id, campaign_id)
            if is_complete:
                log.info("campaign_completed", campaign_id=str(campaign_id))


async def close_silent_campaigns(store: Store, report_window: timedelta) -> None:
    """Complete campaigns whose last messages got no report in time. They stay `sent`; a late report still applies."""
    async with store.engine() as connection:
        found = await campaigns.list_silent(connection, report_window)
    for tenant_id, campaign_id in found:
        with unless_locked(campaign_id=str(campaign_id)):
            await _close(store, tenant_id, campaign_id)


async def _close(store: Store, tenant_id: TenantId, campaign_id: CampaignId) -> None:
    async with store.engine() as connection:
        while await campaigns.close_silent_messages(connection, tenant_id, campaign_id, CLOSE_AT_ONCE) == CLOSE_AT_ONCE:
            pass
        if await campaigns.complete_campaign(connection, tenant_id, campaign_id):
            log.warning("campaign_completed_without_all_reports", campaign_id=str(campaign_id))
