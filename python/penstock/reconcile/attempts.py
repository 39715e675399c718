"""Attempts that nobody answers for: past their lease, or their process is gone. What became of them is unknown.

A process counts as gone when its heartbeat is old, which is soon and may be wrong: one that was merely stopped can still finish
a request it had claimed. That does no harm, because an unknown batch is not sent again by itself and a late answer settles it.
Whatever makes such a batch sendable again must therefore wait for the end of the lease: by then no process sends for it.
"""

from typing import Final

from penstock import failpoint
from penstock.domain.finding import Finding, FindingKind
from penstock.domain.message import MessageState
from penstock.failpoint import Point
from penstock.reconcile.findings import Findings
from penstock.store import attempts
from penstock.store.attempts import Attempt
from penstock.store.pool import Store

MOST_ATTEMPTS: Final = 100


async def give_up_lapsed_attempts(store: Store, findings: Findings) -> None:
    """Mark their messages unknown. An answer that still comes, or is found in a spool, settles them after all.

    One that somebody holds is being settled, or was when its process was stopped: it is passed over until the lock is gone.
    """
    async with store.engine() as connection:
        lapsed = await attempts.list_lapsed_attempts(connection, MOST_ATTEMPTS)
    for found in lapsed:
        async with store.engine() as connection, connection.transaction():
            attempt = await attempts.find_attempt(connection, found.attempt_id)
            if attempt is None or await attempts.try_attempt(connection, found.attempt_id) != "open":
                continue
            await attempts.mark_unknown(connection, attempt, MessageState.QUEUED, found.reason)
            await findings.note(connection, _finding(attempt, found.reason))
            failpoint.reach(Point.RECOVER_BEFORE_COMMIT)
        failpoint.reach(Point.RECOVER_AFTER_COMMIT)


def _finding(attempt: Attempt, reason: str) -> Finding:
    return Finding(
        kind=FindingKind.ATTEMPT_LAPSED, subject=f"attempt:{attempt.attempt_id}", tenant_id=attempt.tenant_id,
        campaign_id=attempt.campaign_id, is_repaired=True,
        detail={"reason": reason, "batch_id": attempt.batch_id, "messages": attempt.messages},
    )  # fmt: skip
