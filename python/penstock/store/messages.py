"""Messages as people read them: pages and exports. Their states are written by the stages (attempts.py, reports.py)."""

from datetime import datetime

from msgspec import Struct

from penstock.domain.ids import CampaignId, TenantId
from penstock.domain.message import MessageState
from penstock.store.pool import Connection
from penstock.store.queries import query

LIST_MESSAGES = query("messages.list_messages")
LIST_MESSAGES_IN_STATE = query("messages.list_messages_in_state")
COUNT_WITHOUT_REPORT = query("messages.count_without_report")


class Message(Struct, frozen=True):
    """One recipient's message."""

    seq: int
    msisdn: int
    segments: int
    state: str
    sent_at: datetime | None
    final_at: datetime | None
    report_closed_at: datetime | None
    provider_id: str | None
    error: str | None


async def list_messages(  # noqa: PLR0913 - a page is described by its bounds
    connection: Connection,
    tenant_id: TenantId,
    campaign_id: CampaignId,
    *,
    after: int,
    limit: int,
    state: MessageState | None = None,
) -> list[Message]:
    """A page of messages with a sequence number above `after`, in order."""
    if state is None:
        rows = await connection.fetch(LIST_MESSAGES, tenant_id, campaign_id, after, limit)
    else:
        rows = await connection.fetch(LIST_MESSAGES_IN_STATE, tenant_id, campaign_id, after, limit, state.value)
    return [Message(**row) for row in rows]


async def count_without_report(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> int:
    """Messages that stay `sent` because no report came in time."""
    count: int = await connection.fetchval(COUNT_WITHOUT_REPORT, tenant_id, campaign_id)
    return count
