"""Delivery reports: pages as they came, their application, and those that wait for their message."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Struct

from penstock.domain.message import MessageState
from penstock.domain.report import Report
from penstock.store.pool import Connection
from penstock.store.queries import query

INSERT_PAGE = query("reports.insert_page")
CHOOSE_PAGES = query("reports.choose_pages")
LOCK_PAGES = query("reports.lock_pages")
FINISH_PAGES = query("reports.finish_pages")
APPLY_REPORTS = query("reports.apply_reports")
FIND_STATES = query("reports.find_states")
PARK_REPORTS = query("reports.park_reports")
TAKE_PARKED = query("reports.take_parked")
DROP_PARKED = query("reports.drop_parked")
POSTPONE_PARKED = query("reports.postpone_parked")
RECORD_CONFLICTS = query("reports.record_conflicts")
COUNT_WAITING = query("reports.count_waiting")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Page(Struct, frozen=True):
    """Reports that were stored together, one JSON object a line."""

    page_id: int
    reports: int
    received_at: datetime
    body: bytes


class Parked(Struct, frozen=True):
    """A report whose message was not found so far."""

    parked_id: int
    report: Report
    tries: int


async def insert_page(connection: Connection, reports: int, body: bytes) -> None:
    """Store a page; it is durable when this returns (outside a transaction)."""
    await connection.execute(INSERT_PAGE, reports, body)


async def take_pages(connection: Connection, limit: int, most_reports: int) -> list[Page]:
    """Lock the oldest open pages that nobody else holds, with at most `most_reports` together, but one at least."""
    after = 0
    while chosen := [row["page_id"] for row in await connection.fetch(CHOOSE_PAGES, limit, most_reports, after)]:
        if rows := await connection.fetch(LOCK_PAGES, chosen):
            return [Page(**row) for row in rows]
        after = chosen[-1]
    return []


async def finish_pages(connection: Connection, page_ids: Sequence[int]) -> None:
    """Mark pages as applied."""
    await connection.execute(FINISH_PAGES, page_ids)


async def apply_reports(connection: Connection, reports: Sequence[Report]) -> int:
    """Apply folded, sorted, final reports; how many of them moved a message."""
    moved: int = await connection.fetchval(
        APPLY_REPORTS,
        [report.provider_id for report in reports],
        [report.state for report in reports],
        [_instant(report.at_us) for report in reports],
        [report.error for report in reports],
    )
    return moved


async def find_states(connection: Connection, provider_ids: Sequence[str]) -> dict[str, MessageState]:
    """The state of every message among these ids."""
    return {row["provider_id"]: MessageState(row["state"]) for row in await connection.fetch(FIND_STATES, provider_ids)}


async def park_reports(connection: Connection, reports: Sequence[Report], delay_s: float) -> None:
    """Keep reports whose message is not known yet."""
    await connection.execute(PARK_REPORTS, *_columns(reports), timedelta(seconds=delay_s))


async def take_parked(connection: Connection, limit: int) -> list[Parked]:
    """Lock parked reports that are due."""
    return [
        Parked(row["parked_id"], Report(row["provider_id"], row["status"], row["at_us"], row["error"]), row["tries"])
        for row in await connection.fetch(TAKE_PARKED, limit)
    ]


async def drop_parked(connection: Connection, parked_ids: Sequence[int]) -> None:
    """They found their message."""
    await connection.execute(DROP_PARKED, parked_ids)


async def postpone_parked(connection: Connection, parked_ids: Sequence[int], delays_s: Sequence[float | None]) -> None:
    """Try again later; None means never again."""
    delays = [None if delay is None else timedelta(seconds=delay) for delay in delays_s]
    await connection.execute(POSTPONE_PARKED, parked_ids, delays)


async def record_conflicts(connection: Connection, reports: Sequence[Report]) -> None:
    """Keep finals that came second."""
    await connection.execute(RECORD_CONFLICTS, *_columns(reports))


async def count_waiting(connection: Connection) -> tuple[int, int]:
    """Reports stored but not applied, and reports parked."""
    row = await connection.fetchrow(COUNT_WAITING)
    return row["pages"], row["parked"]  # type: ignore[index]


def _columns(reports: Sequence[Report]) -> tuple[list[str], list[str], list[int | None], list[str | None]]:
    return (
        [report.provider_id for report in reports],
        [report.status for report in reports],
        [report.at_us for report in reports],
        [report.error for report in reports],
    )


def _instant(unix_us: int | None) -> datetime | None:
    """In integers: a float loses microseconds."""
    return None if unix_us is None else _EPOCH + timedelta(microseconds=unix_us)
