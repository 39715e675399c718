"""What is unsent when a campaign's validity is over expires where it lies, batch by batch, without ever being claimed.

A claim lets expired batches go as well, but nothing is claimed of a campaign that is paused or waits for the morning, or whose
account is held: its messages would wait for a day that is over.
"""

from typing import Final

from penstock.domain.ids import CampaignId, TenantId
from penstock.domain.message import MessageState
from penstock.store import campaigns, control, dispatch, expiry
from penstock.store.pool import Store

MOST_CAMPAIGNS: Final = 100
MOST_MESSAGES: Final = 100_000
"""Expired in one go, about a second's work, so that the leader's other jobs have their turn."""


async def expire_unsent(store: Store) -> None:
    """Expire for a while. What is on its way meanwhile comes to its own end, or back to the queue and then here."""
    async with store.engine() as connection:
        found = await expiry.list_expired(connection, MOST_CAMPAIGNS)
    done = 0
    for tenant_id, campaign_id in found:
        while done < MOST_MESSAGES and (n := await _expire_batch(store, tenant_id, campaign_id)) is not None:
            done += n


async def _expire_batch(store: Store, tenant_id: TenantId, campaign_id: CampaignId) -> int | None:
    """Messages, batch and books together; how many messages the batch spanned, or None when no batch is left."""
    async with store.engine() as connection, connection.transaction():
        batch = await control.lock_unsent_batch(connection, tenant_id, campaign_id)
        if batch is None:
            return None
        n = await dispatch.expire_messages(connection, tenant_id, campaign_id, batch.first_seq, batch.last_seq)
        deltas = {MessageState.QUEUED: -n, MessageState.EXPIRED: n}
        await campaigns.add_counts(connection, tenant_id, campaign_id, deltas)
        await control.drop_batch(connection, batch.batch_id)
    return batch.last_seq - batch.first_seq + 1
