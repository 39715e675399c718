"""Campaigns that ran out of validity before all of their messages were sent."""

from penstock.domain.ids import CampaignId, TenantId
from penstock.store.pool import Connection
from penstock.store.queries import query

LIST_EXPIRED = query("expiry.list_expired")


async def list_expired(connection: Connection, limit: int) -> list[tuple[TenantId, CampaignId]]:
    """Those that have something unsent left."""
    return [(row["tenant_id"], row["campaign_id"]) for row in await connection.fetch(LIST_EXPIRED, limit)]
