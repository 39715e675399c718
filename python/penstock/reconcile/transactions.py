"""Transactions that a process of ours began and does not go on with are ended, so that others get what they have locked.

A process that is stopped in the middle of one (SIGSTOP, a machine that was frozen, a network that is gone) would keep its locks
until it wakes. When it does, it finds its connection lost and does the whole transaction again, as after any loss.
"""

from datetime import timedelta

from penstock.domain.finding import Finding, FindingKind
from penstock.reconcile.findings import Findings
from penstock.store import locks
from penstock.store.locks import Ended
from penstock.store.pool import LONGEST_TRANSACTION, Store


async def end_stale_transactions(store: Store, findings: Findings, age: timedelta = LONGEST_TRANSACTION) -> None:
    """End those that are older than `age`."""
    async with store.engine() as connection:
        for ended in await locks.end_transactions(connection, age):
            await findings.note(connection, _finding(ended))


def _finding(ended: Ended) -> Finding:
    return Finding(
        kind=FindingKind.TRANSACTION_ENDED, subject=f"session:{ended.session}", is_repaired=True,
        detail={"pool": ended.pool, "seconds": ended.age_s, "waited_for": ended.waited_for},
    )  # fmt: skip
