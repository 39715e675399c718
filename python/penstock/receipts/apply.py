"""Stored reports become states: fold, one UPDATE a flush, park what has no message yet.

Parked reports are retried by this service alone. If the settlement of a send also looked for early reports, both could look
before the other commits, and both would miss.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

import structlog

from penstock import _core, failpoint
from penstock.domain.errors import UnavailableError
from penstock.domain.message import MessageState, is_final
from penstock.domain.report import Report, fold
from penstock.domain.retry import parked_delay_s
from penstock.failpoint import Point
from penstock.lifecycle import wait_for_halt
from penstock.store import reports
from penstock.store.pool import Connection, Store
from penstock.telemetry.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)

MOST_PAGES: Final = 5_000
RETRY_S: Final = 0.5
GATHER_S: Final = 0.05
"""After a flush that was not half full: reports that come one a request are worth a transaction only together."""


class Applier:
    """The service that applies pages and retries parked reports."""

    name = "apply"

    def __init__(
        self, store: Store, metrics: Metrics, *, hear: Callable[[bytes], Awaitable[None]], poll_s: float, flush_reports: int
    ) -> None:
        """`hear`: is given the lines of each flush once they are applied, for what they show beside states."""
        self._hear = hear
        self._store = store
        self._metrics = metrics
        self._poll_s = poll_s
        self._flush_reports = flush_reports

    async def run(self, halt: asyncio.Event) -> None:
        """Apply until halted; a page in hand is finished."""
        while not halt.is_set():
            try:
                applied = await self._flush()
            except UnavailableError:
                log.warning("reports_wait_for_database")
                await wait_for_halt(halt, RETRY_S)
            else:
                if applied < self._flush_reports // 2:
                    await wait_for_halt(halt, min(GATHER_S, self._poll_s) if applied else self._poll_s)

    async def run_once(self) -> bool:
        """Apply one flush of pages and one of parked reports; whether there was anything."""
        return await self._flush() > 0

    async def _flush(self) -> int:
        """How many reports were taken off what waits."""
        return await self._apply_pages() + await self._retry_parked()

    async def _apply_pages(self) -> int:
        async with self._store.engine() as connection, connection.transaction():
            pages = await reports.take_pages(connection, MOST_PAGES, self._flush_reports)
            if not pages:
                return 0
            lines = b"".join(page.body for page in pages)
            unmatched = await self._apply(connection, await _read(lines))
            if unmatched:
                await reports.park_reports(connection, unmatched, parked_delay_s(0) or 0)
                self._metrics.reports.labels("parked").inc(len(unmatched))
            await reports.finish_pages(connection, [page.page_id for page in pages])
            failpoint.reach(Point.RECEIPTS_BEFORE_APPLY)
        failpoint.reach(Point.RECEIPTS_AFTER_APPLY)
        await self._hear(lines)
        return sum(page.reports for page in pages)

    async def _retry_parked(self) -> int:
        async with self._store.engine() as connection, connection.transaction():
            parked = await reports.take_parked(connection, self._flush_reports)
            if not parked:
                return 0
            unmatched = {report.provider_id for report in await self._apply(connection, [item.report for item in parked])}
            again = [item for item in parked if item.report.provider_id in unmatched]
            await reports.drop_parked(
                connection, [item.parked_id for item in parked if item.report.provider_id not in unmatched]
            )
            delays = [parked_delay_s(item.tries + 1) for item in again]
            await reports.postpone_parked(connection, [item.parked_id for item in again], delays)
        return len(parked) - len(again)

    async def _apply(self, connection: Connection, found: Iterable[Report]) -> list[Report]:
        """Move the messages; return the final reports that have no message yet, in order of arrival for each."""
        folded, conflicts = fold(found)
        finals = [report for report in folded if report.state is not MessageState.SENT]
        if not finals:
            return []
        moved = await reports.apply_reports(connection, finals)
        self._metrics.reports.labels("applied").inc(moved)
        unmatched: list[Report] = []
        if moved < len(finals):
            states = await reports.find_states(connection, [report.provider_id for report in finals])
            # Each statement sees what is committed when it begins: a message that is found here and not final was settled
            # after the UPDATE had looked. Its report is as early as one whose message is not found at all.
            final = {provider_id: state for provider_id, state in states.items() if is_final(state)}
            unmatched = [report for report in finals if report.provider_id not in final]
            conflicts += [report for report in finals if final.get(report.provider_id, report.state) is not report.state]
            self._metrics.webhooks_duplicate.inc(len(finals) - moved - len(unmatched))
        # What a message did not hear first it cannot contradict: that waits with the report that came before it.
        early = {report.provider_id for report in unmatched}
        await self._record(connection, [report for report in conflicts if report.provider_id not in early])
        return unmatched + [report for report in conflicts if report.provider_id in early]

    async def _record(self, connection: Connection, conflicts: Sequence[Report]) -> None:
        if conflicts:
            await reports.record_conflicts(connection, conflicts)
            self._metrics.reports.labels("conflict").inc(len(conflicts))


async def _read(lines: bytes) -> list[Report]:
    """The reports of some pages, which the receiver has already read once."""
    found = await asyncio.to_thread(_core.read_reports, lines, "application/x-ndjson")
    return [
        Report(provider_id, status, at_us, error)
        for provider_id, status, at_us, error in zip(found.ids, found.statuses, found.times_us, found.errors, strict=True)
    ]
