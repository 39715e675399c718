"""Every finding is written down, logged and counted: here and nowhere else."""

import asyncio
from datetime import timedelta
from typing import Final

import structlog

from penstock.clock import Clock
from penstock.domain.finding import Finding, FindingKind
from penstock.store import findings
from penstock.store.pool import Connection, Store
from penstock.telemetry.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)

KEPT: Final = timedelta(days=30)
RECENT: Final = timedelta(days=1)
TOLD_S: Final = 10.0
"""How old what is told may be."""


class Findings:
    """Where the jobs put what they come upon."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        for kind in FindingKind:  # a series that begins at 0 shows its first finding as an increase
            metrics.findings.labels(kind)

    async def note(self, connection: Connection, finding: Finding) -> None:
        """For the transaction that repairs it, or for one of its own."""
        await findings.note_finding(connection, finding)
        self._metrics.findings.labels(finding.kind).inc()
        log.warning(
            "finding", kind=finding.kind.value, subject=finding.subject, is_repaired=finding.is_repaired, **finding.detail
        )

    async def note_once(self, connection: Connection, finding: Finding) -> None:
        """For what stays as it is for long: told when it is not on record, and so once a month at most."""
        if not await findings.is_on_record(connection, finding):
            await self.note(connection, finding)


class RecentFindings:
    """What was seen in the last day, for the probes: read again after a while, however often they ask."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._told: dict[str, object] = {}
        self._until = float("-inf")
        self._reading = asyncio.Lock()

    async def tell(self) -> dict[str, object]:
        """Numbers by kind and the latest time: nothing of any tenant. Raises UnavailableError."""
        async with self._reading:
            if self._clock.monotonic() >= self._until:
                self._told = await self._read()
                self._until = self._clock.monotonic() + TOLD_S
        return self._told

    async def _read(self) -> dict[str, object]:
        async with self._store.engine() as connection:
            seen = await findings.count_findings(connection, RECENT)
        newest = max((one.newest_at for one in seen), default=None)
        return {"last_day": {one.kind: one.n for one in seen}, "newest_at": newest and newest.isoformat()}


async def sweep_findings(store: Store) -> None:
    """Forget what was not seen for a month."""
    async with store.engine() as connection:
        await findings.sweep_findings(connection, KEPT)
