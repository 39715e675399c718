"""Sending campaigns in which nothing moves though something should: told, counted one by one, and given what they lack.

Once its books are right and every queued message has a batch, a campaign goes on or completes by itself; what keeps it then is
said in the finding: a held account, batches that are dead, or in doubt.
"""

from datetime import timedelta
from typing import Final

from penstock.domain.finding import FindingKind, about_campaign
from penstock.reconcile.findings import Findings
from penstock.reconcile.recount import MOST_MESSAGES, recount
from penstock.store import recounts
from penstock.store.locks import unless_locked
from penstock.store.pool import Store
from penstock.store.recounts import Stuck

STUCK_AFTER: Final = timedelta(minutes=15)
MOST_STUCK: Final = 1000


async def mend_stuck_campaigns(store: Store, findings: Findings) -> None:
    """Look at each of them, until enough was counted for this time."""
    async with store.engine() as connection:
        stuck = await recounts.list_stuck(connection, STUCK_AFTER, MOST_STUCK)
        for one in stuck:
            why = {"reasons": _reasons(one)}
            await findings.note(connection, about_campaign(FindingKind.CAMPAIGN_STUCK, one.tenant_id, one.campaign_id, why))
    counted = 0
    for one in stuck:
        if counted >= MOST_MESSAGES:
            return
        with unless_locked(campaign_id=str(one.campaign_id)):
            counted += await recount(store, findings, one.tenant_id, one.campaign_id)


def _reasons(one: Stuck) -> list[str]:
    """What an operator looks at first."""
    reasons = {
        "account_held": one.is_held and one.has_due,
        "nobody_sends": one.has_due and not one.is_held,
        "unknown_outcomes": one.has_unknown,
        "dead_batches": one.has_dead,
    }
    return [reason for reason, is_so in reasons.items() if is_so]
