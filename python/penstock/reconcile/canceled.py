"""What a canceled campaign had not sent is swept behind: its queued messages become canceled, batch by batch.

The sweep comes back as long as anything of the campaign is on its way or in doubt: a batch that turns out not to have been sent
returns to the queue, and from there it ends here.
"""

from typing import Final

import structlog

from penstock.domain.ids import CampaignId, TenantId
from penstock.domain.message import MessageState
from penstock.store import campaigns, control
from penstock.store.pool import Store

log = structlog.stdlib.get_logger(__name__)

REASON: Final = "campaign_canceled"
MOST_CAMPAIGNS: Final = 100
MOST_MESSAGES: Final = 100_000
"""Swept in one go, about a second's work, so that the leader's other jobs have their turn."""


async def sweep_canceled(store: Store) -> None:
    """Sweep for a while, and close the campaigns of which nothing is open any more."""
    async with store.engine() as connection:
        unswept = await control.list_unswept(connection, MOST_CAMPAIGNS)
    swept = 0
    for tenant_id, campaign_id in unswept:
        while swept < MOST_MESSAGES and (n := await _sweep_batch(store, tenant_id, campaign_id)) is not None:
            swept += n
    async with store.engine() as connection:
        for campaign_id in await control.finish_canceled(connection):
            log.info("canceled_campaign_closed", campaign_id=str(campaign_id))


async def _sweep_batch(store: Store, tenant_id: TenantId, campaign_id: CampaignId) -> int | None:
    """Messages, batch and books together; how many messages the batch spanned, or None when no batch is left."""
    async with store.engine() as connection, connection.transaction():
        batch = await control.lock_unsent_batch(connection, tenant_id, campaign_id)
        if batch is None:
            return None
        n = await control.cancel_range(connection, tenant_id, campaign_id, batch, REASON)
        deltas = {MessageState.QUEUED: -n, MessageState.CANCELED: n}
        await campaigns.add_counts(connection, tenant_id, campaign_id, deltas)
        await control.drop_batch(connection, batch.batch_id)
    return batch.last_seq - batch.first_seq + 1
