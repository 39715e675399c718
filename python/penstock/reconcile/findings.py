"""Every finding is written down, logged and counted: here and nowhere else."""

from datetime import timedelta
from typing import Final

import structlog

from penstock.domain.finding import Finding, FindingKind
from penstock.store import findings
from penstock.store.pool import Connection, Store
from penstock.telemetry.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)

KEPT: Final = timedelta(days=30)


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


async def sweep_findings(store: Store) -> None:
    """Forget what was not seen for a month."""
    async with store.engine() as connection:
        await findings.sweep_findings(connection, KEPT)
