"""What a look-up says about a message's end goes the way of every report: stored, then folded and applied by stage 3 alone."""

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from penstock.domain.message import MessageState
from penstock.domain.report import Report
from penstock.store import reports
from penstock.store.pool import Connection

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


async def pass_on(connection: Connection, report: Report) -> bool:
    """Store it as a report if it tells the end; whether it does."""
    if report.state is None or report.state is MessageState.SENT:
        return False
    line = {"messageId": report.provider_id, "deliveryStatus": report.status, "description": report.error}
    if report.at_us is not None:
        line["updatedAt"] = (_EPOCH + timedelta(microseconds=report.at_us)).isoformat()
    await reports.insert_page(connection, 1, msgspec.json.encode(line) + b"\n")
    return True
