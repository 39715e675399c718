"""What reconciliation came upon: one row a thing, seen again until it is mended."""

from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec import Struct

from penstock.domain.finding import Finding, FindingKind
from penstock.domain.ids import CampaignId, TenantId
from penstock.store.pool import Connection
from penstock.store.queries import query, row_count

NOTE_FINDING = query("findings.note_finding")
LIST_FINDINGS = query("findings.list_findings")
COUNT_FINDINGS = query("findings.count_findings")
SWEEP_FINDINGS = query("findings.sweep_findings")
IS_ON_RECORD = query("findings.is_on_record")

AFTER_LAST: Final = (1 << 63) - 1


class RecordedFinding(Struct, frozen=True, kw_only=True):
    """One row."""

    finding_id: int
    kind: str
    """A FindingKind, or one of a newer release."""
    subject: str
    tenant_id: TenantId | None
    campaign_id: CampaignId | None
    is_repaired: bool
    detail: dict[str, object]
    times: int
    found_at: datetime
    seen_at: datetime


class SeenKind(Struct, frozen=True):
    """How often one kind was come upon."""

    kind: str
    n: int
    newest_at: datetime


async def note_finding(connection: Connection, finding: Finding) -> None:
    """Write it down, in the transaction of its repair if there is one."""
    detail = msgspec.json.encode(finding.detail).decode()
    await connection.execute(
        NOTE_FINDING, finding.kind.value, finding.subject, finding.tenant_id, finding.campaign_id, finding.is_repaired, detail
    )


async def is_on_record(connection: Connection, finding: Finding) -> bool:
    """Whether the same thing was found before and is not forgotten."""
    known: bool = await connection.fetchval(IS_ON_RECORD, finding.kind.value, finding.subject)
    return known


async def list_findings(
    connection: Connection, before: int, limit: int, *, kind: FindingKind | None = None
) -> list[RecordedFinding]:
    """A page of findings older than `before`, newest first."""
    rows = await connection.fetch(LIST_FINDINGS, before, None if kind is None else kind.value, limit)
    return [RecordedFinding(**{**row, "detail": msgspec.json.decode(row["detail"])}) for row in rows]


async def count_findings(connection: Connection, age: timedelta) -> list[SeenKind]:
    """What was seen in this time, by kind; nothing of a kind that was not."""
    return [SeenKind(**row) for row in await connection.fetch(COUNT_FINDINGS, age)]


async def sweep_findings(connection: Connection, after: timedelta) -> int:
    """How many were not seen for so long and are forgotten."""
    return row_count(await connection.execute(SWEEP_FINDINGS, after))
