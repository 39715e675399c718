"""Books are held against a recount, now and then while a campaign runs and once when it has ended; what differs is set right.

A correction is one more delta, computed and written in the snapshot of the count: what happens meanwhile adds to both sides.
"""

from datetime import timedelta
from typing import Final

from msgspec import structs

from penstock.domain.finding import FindingKind, about_campaign
from penstock.domain.ids import CampaignId, TenantId
from penstock.reconcile.examine import MOST_UNBATCHED, Examined, examine, findings_of
from penstock.reconcile.findings import Findings
from penstock.store import campaigns, recounts
from penstock.store.locks import unless_locked
from penstock.store.pool import Store

EVERY: Final = timedelta(hours=1)
"""How often the books of a campaign that runs are checked."""
MOST_CAMPAIGNS: Final = 1000
MOST_MESSAGES: Final = 2_000_000
"""Counted in one go, a few seconds' work; a larger campaign is counted whole by itself."""


async def recount_campaigns(store: Store, findings: Findings) -> None:
    """Check those that are due, until enough was counted for this time."""
    async with store.engine() as connection:
        due = await recounts.list_to_recount(connection, EVERY, MOST_CAMPAIGNS)
    counted = 0
    for tenant_id, campaign_id in due:
        with unless_locked(campaign_id=str(campaign_id)):
            counted += await recount(store, findings, tenant_id, campaign_id)
        if counted >= MOST_MESSAGES:
            return


async def recount(store: Store, findings: Findings, tenant_id: TenantId, campaign_id: CampaignId) -> int:
    """Check one campaign and mend what can be mended; how many messages it has."""
    async with store.engine() as connection, connection.transaction(isolation="repeatable_read"):
        seen = await examine(connection, tenant_id, campaign_id)
        for finding in findings_of(structs.replace(seen, unbatched=[]), tenant_id, campaign_id):
            is_repaired = finding.kind is FindingKind.BOOKS_WRONG
            await findings.note(connection, structs.replace(finding, is_repaired=is_repaired))
        await campaigns.add_counts(connection, tenant_id, campaign_id, seen.difference)
        await recounts.note_recount(connection, tenant_id, campaign_id)
    if seen.unbatched:
        await _restore_batches(store, findings, tenant_id, campaign_id, seen)
    return seen.messages


async def _restore_batches(
    store: Store, findings: Findings, tenant_id: TenantId, campaign_id: CampaignId, seen: Examined
) -> None:
    """Queued messages get a batch again, unless a request may have carried them: those are never sent again unasked.

    Looked for afresh under the campaign's lock, so that no claim is between its batch and its attempt.
    """
    low, high = seen.unbatched[0].seq, seen.unbatched[-1].seq + 1
    async with store.engine() as connection, connection.transaction():
        is_unfinished = await recounts.lock_unfinished(connection, tenant_id, campaign_id)
        found = await recounts.list_unbatched(connection, tenant_id, campaign_id, low, high, MOST_UNBATCHED)
        free = [one.seq for one in found if is_unfinished and not one.is_attempted]
        if free:
            batches = await recounts.restore_batches(connection, tenant_id, campaign_id, free)
            numbers, kind = {"messages": len(free), "batches": batches}, FindingKind.MESSAGES_WITHOUT_BATCH
            is_repaired = batches > 0
            await findings.note(connection, about_campaign(kind, tenant_id, campaign_id, numbers, is_repaired=is_repaired))
        if len(found) > len(free):
            left, kind = len(found) - len(free), FindingKind.MESSAGES_UNACCOUNTED
            await findings.note(connection, about_campaign(kind, tenant_id, campaign_id, {"messages": left}))
