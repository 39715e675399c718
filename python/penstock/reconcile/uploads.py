"""Uploads that nobody continues: empty ones go; those with recipients are told, because only their owner knows the rest."""

from datetime import timedelta
from typing import Final

import structlog

from penstock.domain.finding import Finding, FindingKind
from penstock.reconcile.findings import Findings
from penstock.store import uploads
from penstock.store.pool import Store

log = structlog.stdlib.get_logger(__name__)

EMPTY_AFTER: Final = timedelta(hours=1)
"""Longer than any upload that lives can go without storing anything."""
ABANDONED_AFTER: Final = timedelta(days=1)
MOST_UPLOADS: Final = 1000


async def look_after_uploads(store: Store, findings: Findings) -> None:
    """Drop what is empty, and note what waits for its rest: while it is open its campaign cannot be sent."""
    async with store.engine() as connection:
        if dropped := await uploads.drop_orphaned_uploads(connection, EMPTY_AFTER):
            log.info("orphaned_uploads_dropped", uploads=dropped)
        for upload in await uploads.list_abandoned_uploads(connection, ABANDONED_AFTER, MOST_UPLOADS):
            finding = Finding(
                kind=FindingKind.UPLOAD_ABANDONED, subject=f"upload:{upload.campaign_id}:{upload.upload_no}",
                tenant_id=upload.tenant_id, campaign_id=upload.campaign_id,
                detail={"rows": upload.rows, "touched_at": upload.touched_at.isoformat()},
            )  # fmt: skip
            await findings.note(connection, finding)
