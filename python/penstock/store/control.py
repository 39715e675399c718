"""What changes the course of a campaign: schedules, pauses, cancellation, pace. Its books and its rows are in campaigns.py."""

from collections.abc import Mapping
from datetime import datetime

import msgspec
from msgspec import Struct

from penstock.domain.campaign import AutoPause
from penstock.domain.ids import AccountId, BatchId, CampaignId, TenantId
from penstock.store.pool import Connection
from penstock.store.queries import query, row_count

SCHEDULE_CAMPAIGN = query("control.schedule_campaign")
PAUSE_CAMPAIGN = query("control.pause_campaign")
RESUME_CAMPAIGN = query("control.resume_campaign")
CANCEL_CAMPAIGN = query("control.cancel_campaign")
PACE_BATCHES = query("control.pace_batches")
LIST_SCHEDULED = query("control.list_scheduled")
LIST_WATCHED = query("control.list_watched")
GET_STANDING = query("control.get_standing")
LIST_UNSWEPT = query("control.list_unswept")
LOCK_UNSENT_BATCH = query("control.lock_unsent_batch")
CANCEL_RANGE = query("control.cancel_range")
DROP_BATCH = query("control.drop_batch")
FINISH_CANCELED = query("control.finish_canceled")
REQUEUE_DEAD = query("control.requeue_dead")
GET_WAITING = query("control.get_waiting")


class Watched(Struct, frozen=True):
    """A sending campaign that a rule may pause."""

    tenant_id: TenantId
    campaign_id: CampaignId
    rule: AutoPause
    base: Mapping[str, int] | None
    books: Mapping[str, int]


class Standing(Struct, frozen=True):
    """Where every message of a campaign stands between waiting and handed over, at one instant."""

    queued: int
    """Also those of open attempts."""
    unknown: int
    accepted: int
    """Sent, delivered or undelivered."""
    expired: int
    canceled: int
    rejected: int
    in_flight: int
    """In requests whose answer is awaited."""
    expired_unsent: int


class Waiting(Struct, frozen=True):
    """What a campaign has left to send."""

    requests: int
    segments: int
    held_until: datetime | None
    """The account sends nothing before."""


class UnsentBatch(Struct, frozen=True):
    """A locked batch that will not be sent."""

    batch_id: BatchId
    first_seq: int
    last_seq: int


async def schedule_campaign(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> None:
    """Let a locked campaign wait for its time."""
    await connection.execute(SCHEDULE_CAMPAIGN, tenant_id, campaign_id)


async def pause_campaign(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId, reason: str | None) -> None:
    """Keep a locked campaign from being claimed."""
    await connection.execute(PAUSE_CAMPAIGN, tenant_id, campaign_id, reason)


async def resume_campaign(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> None:
    """Open a locked, paused campaign again that had begun to send."""
    await connection.execute(RESUME_CAMPAIGN, tenant_id, campaign_id)


async def cancel_campaign(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> None:
    """End a locked campaign; what is queued is swept behind."""
    await connection.execute(CANCEL_CAMPAIGN, tenant_id, campaign_id)


async def pace_batches(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> None:
    """Set when a locked campaign's waiting batches are due, if it has a pace."""
    await connection.execute(PACE_BATCHES, tenant_id, campaign_id)


async def list_scheduled(connection: Connection, limit: int) -> list[tuple[TenantId, CampaignId]]:
    """Scheduled campaigns whose time has come."""
    return [(row["tenant_id"], row["campaign_id"]) for row in await connection.fetch(LIST_SCHEDULED, limit)]


async def list_watched(connection: Connection) -> list[Watched]:
    """Sending campaigns with a rule, and their folded books."""
    return [
        Watched(
            row["tenant_id"], row["campaign_id"], msgspec.json.decode(row["auto_pause"], type=AutoPause),
            _books(row["auto_pause_base"]), _books(row["books"]) or {},
        )
        for row in await connection.fetch(LIST_WATCHED)
    ]  # fmt: skip


def _books(text: str | None) -> dict[str, int] | None:
    return None if text is None else msgspec.json.decode(text, type=dict[str, int])


async def get_standing(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> Standing:
    """Of a campaign that exists."""
    row = await connection.fetchrow(GET_STANDING, tenant_id, campaign_id)
    return Standing(**row)  # type: ignore[arg-type]


async def list_unswept(connection: Connection, limit: int) -> list[tuple[TenantId, CampaignId]]:
    """Canceled campaigns with batches that will not be sent."""
    return [(row["tenant_id"], row["campaign_id"]) for row in await connection.fetch(LIST_UNSWEPT, limit)]


async def lock_unsent_batch(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> UnsentBatch | None:
    """One of them that nobody else holds."""
    row = await connection.fetchrow(LOCK_UNSENT_BATCH, tenant_id, campaign_id)
    return UnsentBatch(**row) if row else None


async def cancel_range(
    connection: Connection, tenant_id: TenantId, campaign_id: CampaignId, batch: UnsentBatch, reason: str
) -> int:
    """How many messages of the batch were still queued and were left out."""
    return row_count(await connection.execute(CANCEL_RANGE, tenant_id, campaign_id, batch.first_seq, batch.last_seq, reason))


async def drop_batch(connection: Connection, batch_id: BatchId) -> None:
    """A locked batch of which nothing will be sent is settled."""
    await connection.execute(DROP_BATCH, batch_id)


async def finish_canceled(connection: Connection) -> list[CampaignId]:
    """Canceled campaigns that have just come to rest."""
    return [row["campaign_id"] for row in await connection.fetch(FINISH_CANCELED)]


async def requeue_dead(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> int:
    """How many messages lie in dead batches that were put back into the queue."""
    return sum(row["messages"] for row in await connection.fetch(REQUEUE_DEAD, tenant_id, campaign_id))


async def get_waiting(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId, account_id: AccountId) -> Waiting:
    """Of a campaign and its account."""
    row = await connection.fetchrow(GET_WAITING, tenant_id, campaign_id, account_id)
    return Waiting(**row)  # type: ignore[arg-type]
