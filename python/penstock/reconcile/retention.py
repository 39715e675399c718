"""Messages are kept for so many days and then go, by whole months; what the books say of them stays.

The order lets a process die anywhere. First the books of every campaign of the month are held against its messages for the last
time. Then, all in one transaction and under their locks, the campaigns are marked: from there on nothing is stored, read or
counted for them. Then what stands beside the messages goes, a step at a time, and the messages themselves go last, at once: as
long as they are there, the next round finds the month and ends what was begun.
"""

from typing import Final

import structlog

from penstock import failpoint
from penstock.domain.finding import Finding, FindingKind
from penstock.failpoint import Point
from penstock.reconcile.findings import Findings
from penstock.reconcile.recount import MOST_MESSAGES, recount
from penstock.store import retention
from penstock.store.pool import Store
from penstock.store.retention import AGED, PURGES, Month

log = structlog.stdlib.get_logger(__name__)

STEP: Final = 1000
"""Rows that one statement deletes, a chunk with all its numbers and values among them: some tens of milliseconds."""
MOST_ROWS: Final = 200_000
"""In one round, so that the leader's other jobs have their turn."""


async def drop_months(store: Store, findings: Findings, days: int) -> None:
    """Work on the oldest month that may go, for a while; 0 days: nothing ever goes."""
    if not days:
        return
    async with store.engine() as connection:
        months = await retention.list_months(connection, days)
    free = [month for month in months if await _may_go(store, findings, month, days)]
    if free:
        await _work_on(store, findings, free[0], days)


async def drop_aged(store: Store, days: int) -> None:
    """What came from outside and belongs to no month goes by its own age."""
    if not days:
        return
    for aged in AGED:
        deleted, rows = STEP, 0
        while deleted == STEP and rows < MOST_ROWS:
            async with store.engine() as connection:
                deleted = await retention.drop_aged(connection, aged, days, STEP)
            rows += deleted


async def _may_go(store: Store, findings: Findings, month: Month, days: int) -> bool:
    """Whether nothing of the month is open or was lately; what is open after all this time is told."""
    async with store.engine() as connection:
        survey = await retention.survey_month(connection, month, days)
        if survey.open:
            detail = {"campaigns": survey.open, "oldest": survey.open_ids}
            finding = Finding(kind=FindingKind.MONTH_KEPT, subject=_subject(month), detail=detail)
            await findings.note_once(connection, finding)
    return not survey.open and not survey.young


async def _work_on(store: Store, findings: Findings, month: Month, days: int) -> None:
    if not await _count_for_the_last_time(store, findings, month) or not await _mark(store, month, days):
        return
    failpoint.reach(Point.RETENTION_AFTER_MARK)
    if not await _purge(store, month):
        return
    failpoint.reach(Point.RETENTION_BEFORE_DROP)
    async with store.engine() as connection:
        if await retention.drop_month(connection, month):
            log.info("month_dropped", subject=_subject(month))
        else:
            log.info("month_in_use", subject=_subject(month))
            return
    failpoint.reach(Point.RETENTION_AFTER_DROP)


async def _count_for_the_last_time(store: Store, findings: Findings, month: Month) -> bool:
    """Whether all of the month is counted; else more of it the next time."""
    async with store.engine() as connection:
        uncounted = await retention.list_uncounted(connection, month)
    counted = 0
    for tenant_id, campaign_id in uncounted:
        if counted >= MOST_MESSAGES:
            return False
        counted += await recount(store, findings, tenant_id, campaign_id)
    return True


async def _mark(store: Store, month: Month, days: int) -> bool:
    """Whether every campaign of the month is marked: not if one has begun to move since it was looked at."""
    async with store.engine() as connection, connection.transaction():
        await retention.lock_month(connection, month)
        survey = await retention.survey_month(connection, month, days)
        if survey.open or survey.young:
            return False
        await retention.mark_month(connection, month)
        failpoint.reach(Point.RETENTION_BEFORE_MARK)
    return True


async def _purge(store: Store, month: Month) -> bool:
    """Whether nothing stands beside the messages any more; else more goes the next time."""
    rows = 0
    for purge in PURGES:
        deleted = STEP
        while deleted == STEP:
            async with store.engine() as connection:
                deleted = await retention.purge(connection, purge, month, STEP)
            failpoint.reach(Point.RETENTION_AFTER_STEP)
            rows += deleted
            if rows >= MOST_ROWS:
                return False
    return True


def _subject(month: Month) -> str:
    return f"month:{month.begins_at:%Y-%m}"
