"""Messages and what stands beside them, when their time to be kept is over: by whole months, or by age."""

from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from penstock.domain.ids import CampaignId, TenantId
from penstock.store.pool import Connection
from penstock.store.queries import query, row_count

LIST_MONTHS = query("retention.list_months")
SURVEY_MONTH = query("retention.survey_month")
LIST_UNCOUNTED = query("retention.list_uncounted")
LOCK_MONTH = query("retention.lock_month")
MARK_MONTH = query("retention.mark_month")
DROP_MONTH = query("retention.drop_month")
ARE_MESSAGES_DROPPED = query("retention.are_messages_dropped")
PURGES: Final = (
    query("retention.purge_attempts"),
    query("retention.purge_batches"),
    query("retention.purge_chunks"),
    query("retention.purge_skipped"),
    query("retention.purge_references"),
)
"""In this order: each may refer to the next."""
AGED: Final = (
    query("retention.drop_pages"),
    query("retention.drop_unmatched"),
    query("retention.drop_conflicts"),
    query("retention.drop_events"),
)


class Month(Struct, frozen=True):
    """A partition of messages: those of all campaigns that were made in one UTC month."""

    begins_at: datetime
    first_id: UUID
    next_id: UUID
    """Exclusive: where the next month's ids begin."""
    due_at: datetime
    """Since then it may go."""


class Survey(Struct, frozen=True):
    """The campaigns of a month that still have their messages."""

    campaigns: int
    young: int
    """Ended, but not long enough ago."""
    open: int
    open_ids: list[str]
    """A few of them, the oldest."""


async def list_months(connection: Connection, days: int) -> list[Month]:
    """Those that were over so long ago, oldest first."""
    return [Month(**row) for row in await connection.fetch(LIST_MONTHS, days)]


async def survey_month(connection: Connection, month: Month, days: int) -> Survey:
    """What there is in the way of dropping it."""
    return Survey(**await connection.fetchrow(SURVEY_MONTH, month.first_id, month.next_id, days))  # type: ignore[arg-type]


async def list_uncounted(connection: Connection, month: Month) -> list[tuple[TenantId, CampaignId]]:
    """Campaigns whose books were not checked for the last time."""
    rows = await connection.fetch(LIST_UNCOUNTED, month.first_id, month.next_id, month.due_at)
    return [(row["tenant_id"], row["campaign_id"]) for row in rows]


async def lock_month(connection: Connection, month: Month) -> None:
    """Until the transaction ends, no upload, retry or control of its campaigns begins."""
    await connection.execute(LOCK_MONTH, month.first_id, month.next_id)


async def mark_month(connection: Connection, month: Month) -> None:
    """Let the messages of a locked month count as gone."""
    await connection.execute(MARK_MONTH, month.first_id, month.next_id)


async def purge(connection: Connection, statement: str, month: Month, limit: int) -> int:
    """How many rows one of `PURGES` deleted; repeat while it is `limit`."""
    return row_count(await connection.execute(statement, month.first_id, month.next_id, limit))


async def drop_month(connection: Connection, month: Month) -> bool:
    """Whether the messages went; if not, others had them at this moment."""
    dropped: bool = await connection.fetchval(DROP_MONTH, month.begins_at)
    return dropped


async def are_messages_dropped(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> bool:
    """Whether the tenant has this campaign, and no longer its messages."""
    dropped: bool = await connection.fetchval(ARE_MESSAGES_DROPPED, tenant_id, campaign_id)
    return dropped


async def drop_aged(connection: Connection, statement: str, days: int, limit: int) -> int:
    """How many rows one of `AGED` deleted; repeat while it is `limit`."""
    return row_count(await connection.execute(statement, days, limit))
