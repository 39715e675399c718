"""Every campaign of the database examined, for whoever wants to know that the books are right. Changes nothing."""

from typing import Final

from penstock.domain.finding import Finding
from penstock.reconcile.examine import examine, findings_of
from penstock.store import recounts
from penstock.store.pool import Store

PAGE: Final = 1000


async def verify_all(store: Store) -> tuple[int, int, list[Finding]]:
    """Campaigns and messages counted, and what is wrong with them; each campaign in a snapshot of its own."""
    counted, messages, after = 0, 0, recounts.BEFORE_FIRST
    findings: list[Finding] = []
    while True:
        async with store.engine() as connection:
            page = await recounts.list_everything(connection, after, PAGE)
        for tenant_id, campaign_id in page:
            async with store.engine() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
                seen = await examine(connection, tenant_id, campaign_id)
            counted, messages, after = counted + 1, messages + seen.messages, (tenant_id, campaign_id)
            findings += findings_of(seen, tenant_id, campaign_id)
        if len(page) < PAGE:
            return counted, messages, findings
