"""Campaigns end: when everything is final, or when the report window of what stayed silent is over."""

from datetime import timedelta
from typing import Final

import structlog

from penstock.store import campaigns
from penstock.store.pool import Store

log = structlog.stdlib.get_logger(__name__)

CLOSE_AT_ONCE: Final = 5000


async def complete_campaigns(store: Store) -> None:
    """Complete every campaign that waits for nothing."""
    async with store.engine() as connection:
        for tenant_id, campaign_id in await campaigns.list_completable(connection):
            if await campaigns.complete_campaign(connection, tenant_id, campaign_id):
                log.info("campaign_completed", campaign_id=str(campaign_id))


async def close_silent_campaigns(store: Store, report_window: timedelta) -> None:
    """Complete campaigns whose last messages got no report in time. They stay `sent`; a late report still applies."""
    async with store.engine() as connection:
        for tenant_id, campaign_id in await campaigns.list_silent(connection, report_window):
            while await campaigns.close_silent_messages(connection, tenant_id, campaign_id, CLOSE_AT_ONCE) == CLOSE_AT_ONCE:
                pass
            if await campaigns.complete_campaign(connection, tenant_id, campaign_id):
                log.warning("campaign_completed_without_all_reports", campaign_id=str(campaign_id))
