"""Campaigns counted one by one, held against what is written about them: their books, and the batches that are to send them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from msgspec import Struct

from penstock.domain.ids import CampaignId, TenantId
from penstock.store.pool import Connection
from penstock.store.queries import query, row_count

LIST_TO_RECOUNT = query("recounts.list_to_recount")
LIST_EVERYTHING = query("recounts.list_everything")
NOTE_RECOUNT = query("recounts.note_recount")
KEEP_MESSAGES = query("recounts.keep_messages")
LAST_SEQ = query("recounts.last_seq")
COUNT_RANGE = query("recounts.count_range")
COUNT_SKIPPED = query("recounts.count_skipped")
LIST_UNBATCHED = query("recounts.list_unbatched")
COUNT_OVERLAPS = query("recounts.count_overlaps")
LOCK_UNFINISHED = query("recounts.lock_unfinished")
RESTORE_BATCHES = query("recounts.restore_batches")
LIST_STUCK = query("recounts.list_stuck")


BEFORE_FIRST: Final = (TenantId(0), CampaignId(UUID(int=0)))


class Unbatched(Struct, frozen=True):
    """A queued message that no living batch covers."""

    seq: int
    is_attempted: bool
    """A request may have carried it."""


class Stuck(Struct, frozen=True):
    """A sending campaign in which nothing moves, and what is known about why."""

    tenant_id: TenantId
    campaign_id: CampaignId
    is_held: bool
    """Its account sends nothing."""
    has_due: bool
    has_unknown: bool
    has_dead: bool


async def list_to_recount(connection: Connection, every: timedelta, limit: int) -> list[tuple[TenantId, CampaignId]]:
    """Campaigns whose books are due to be checked."""
    return [(row["tenant_id"], row["campaign_id"]) for row in await connection.fetch(LIST_TO_RECOUNT, every, limit)]


async def list_everything(
    connection: Connection, after: tuple[TenantId, CampaignId], limit: int
) -> list[tuple[TenantId, CampaignId]]:
    """A page of all campaigns of all tenants."""
    return [(row["tenant_id"], row["campaign_id"]) for row in await connection.fetch(LIST_EVERYTHING, *after, limit)]


async def note_recount(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> None:
    """It is checked now."""
    await connection.execute(NOTE_RECOUNT, tenant_id, campaign_id)


async def keep_messages(connection: Connection) -> None:
    """Let no month of messages go until the transaction ends: its first statement, before it has a snapshot."""
    await connection.execute(KEEP_MESSAGES)


async def last_seq(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> int:
    """The highest sequence number, -1 when there is no message."""
    seq: int = await connection.fetchval(LAST_SEQ, tenant_id, campaign_id)
    return seq


async def count_range(
    connection: Connection, tenant_id: TenantId, campaign_id: CampaignId, low: int, high: int
) -> dict[str, int]:
    """Messages by state, from `low` to below `high`."""
    return {row["counter"]: row["n"] for row in await connection.fetch(COUNT_RANGE, tenant_id, campaign_id, low, high)}


async def count_skipped(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> dict[str, int]:
    """Rows that did not become messages, by reason."""
    return {row["reason"]: row["n"] for row in await connection.fetch(COUNT_SKIPPED, tenant_id, campaign_id)}


async def list_unbatched(  # noqa: PLR0913, PLR0917 - a range of a campaign
    connection: Connection, tenant_id: TenantId, campaign_id: CampaignId, low: int, high: int, limit: int
) -> list[Unbatched]:
    """Queued messages from `low` to below `high` that nothing would send."""
    return [Unbatched(**row) for row in await connection.fetch(LIST_UNBATCHED, tenant_id, campaign_id, low, high, limit)]


async def count_overlaps(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> int:
    """Living batches that begin inside another one."""
    n: int = await connection.fetchval(COUNT_OVERLAPS, tenant_id, campaign_id)
    return n


async def lock_unfinished(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> bool:
    """Keep claims out until the transaction ends; whether the campaign has not come to its end."""
    return bool(await connection.fetchval(LOCK_UNFINISHED, tenant_id, campaign_id))


async def restore_batches(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId, seqs: Sequence[int]) -> int:
    """Batches that were made for these queued messages, in the transaction that holds the campaign's lock."""
    return row_count(await connection.execute(RESTORE_BATCHES, tenant_id, campaign_id, seqs))


async def list_stuck(connection: Connection, after: timedelta, limit: int) -> list[Stuck]:
    """Sending campaigns in which nothing has moved for so long, though something should."""
    return [Stuck(**row) for row in await connection.fetch(LIST_STUCK, after, limit)]
