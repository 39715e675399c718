"""One message is taken back before it is claimed. Works in a transaction that the caller opens."""

from typing import Final

from penstock.domain.batch import is_marked, mark
from penstock.domain.ids import CampaignId, TenantId
from penstock.domain.message import MessageState
from penstock.store import campaigns, dispatch, singles
from penstock.store.pool import Connection
from penstock.store.singles import PendingBatch

REASON: Final = "canceled"
"""What stands as the error of a message that its tenant took back."""

_LOOKS: Final = 2
"""A claim that was waited for may have left the message in a new batch, which only a second look can see."""


async def cancel_message(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId, seq: int) -> bool:
    """Whether the message will not be sent: it was queued and its batch not claimed. If not, nothing is changed."""
    for _ in range(_LOOKS):
        batch = await singles.lock_pending_batch(connection, tenant_id, campaign_id, seq)
        if batch is not None:
            return await _leave_out(connection, tenant_id, campaign_id, seq, batch)
    return False


async def _leave_out(
    connection: Connection, tenant_id: TenantId, campaign_id: CampaignId, seq: int, batch: PendingBatch
) -> bool:
    n = await dispatch.cancel_messages(connection, tenant_id, campaign_id, [seq], REASON)
    if n == 0:
        return False
    excluded = mark(batch.excluded, [seq - batch.chunk_first_seq], batch.chunk_messages) or b""
    first, last = batch.first_seq - batch.chunk_first_seq, batch.last_seq - batch.chunk_first_seq
    await singles.exclude_from_batch(connection, batch.batch_id, excluded, is_empty=is_marked(excluded, first, last))
    deltas = {MessageState.QUEUED: -n, MessageState.CANCELED: n}
    await campaigns.add_counts(connection, tenant_id, campaign_id, deltas)
    return True
