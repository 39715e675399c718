"""Campaigns pause by themselves when too much of them fails: their own rule, judged on the folded books."""

import structlog

from penstock.domain.campaign import CampaignState, pause_reason
from penstock.store import campaigns, control
from penstock.store.control import Watched
from penstock.store.locks import unless_locked
from penstock.store.pool import Store
from penstock.telemetry.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)


async def pause_failing(store: Store, metrics: Metrics) -> None:
    """Pause every campaign whose rule says so. After a resume the rule judges only what came since."""
    async with store.engine() as connection:
        watched = await control.list_watched(connection)
    for one in watched:
        reason = pause_reason(one.rule, one.books, one.base)
        if reason is None:
            continue
        with unless_locked(campaign_id=str(one.campaign_id)):
            if await _pause(store, one, reason):
                metrics.auto_pauses.inc()
                log.warning("campaign_paused_by_its_rule", campaign_id=str(one.campaign_id), reason=reason)


async def _pause(store: Store, one: Watched, reason: str) -> bool:
    """Unless it was resumed, and so judged anew, or has ended meanwhile."""
    async with store.engine() as connection, connection.transaction():
        campaign = await campaigns.lock_campaign(connection, one.tenant_id, one.campaign_id)
        if campaign is None or campaign.state is not CampaignState.SENDING or campaign.auto_pause_base != one.base:
            return False
        await control.pause_campaign(connection, one.tenant_id, one.campaign_id, reason)
        return True
