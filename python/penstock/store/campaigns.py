"""Campaigns and their books."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from asyncpg import Record
from msgspec import Struct

from penstock.domain.campaign import AutoPause, CampaignState
from penstock.domain.ids import AccountId, CampaignId, TenantId
from penstock.domain.message import MessageState
from penstock.domain.quiet_hours import QuietHours
from penstock.store.pool import Connection
from penstock.store.queries import query, row_count

CREATE_CAMPAIGN = query("campaigns.create_campaign")
GET_CAMPAIGN = query("campaigns.get_campaign")
LOCK_CAMPAIGN = query("campaigns.lock_campaign")
LIST_CAMPAIGNS = query("campaigns.list_campaigns")
LIST_CAMPAIGNS_IN_STATE = query("campaigns.list_campaigns_in_state")
LIST_CAMPAIGNS_OF_NAME = query("campaigns.list_campaigns_of_name")
START_CAMPAIGN = query("campaigns.start_campaign")
LIST_COMPLETABLE = query("campaigns.list_completable")
COMPLETE_CAMPAIGN = query("campaigns.complete_campaign")
LIST_SILENT = query("campaigns.list_silent")
CLOSE_SILENT_MESSAGES = query("campaigns.close_silent_messages")
GET_COUNTS = query("campaigns.get_counts")
GET_COUNTS_OF = query("campaigns.get_counts_of")
ADD_COUNTS = query("campaigns.add_counts")
FOLD_COUNTS = query("campaigns.fold_counts")
RECOUNT_MESSAGES = query("campaigns.recount_messages")
COUNT_BY_STATE = query("campaigns.count_by_state")


LOWEST_ID: Final = CampaignId(UUID(int=0))
HIGHEST_ID: Final = CampaignId(UUID(int=(1 << 128) - 1))


class Campaign(Struct, frozen=True, kw_only=True):
    """One row of the campaign table."""

    tenant_id: TenantId
    campaign_id: CampaignId
    state: CampaignState
    name: str
    text: str
    sender: str
    account_id: AccountId
    default_region: str | None
    countries: list[str] | None
    max_parts: int
    validity_s: int | None
    next_seq: int
    next_chunk: int
    next_upload: int
    segments: int
    created_at: datetime
    started_at: datetime | None
    expires_at: datetime | None
    completed_at: datetime | None
    is_rolling: bool = False
    """It takes single messages for a day; not in any list of campaigns."""
    closes_at: datetime | None = None
    send_at: datetime | None = None
    pace_s: int | None = None
    paced_from: datetime | None = None
    paused_at: datetime | None = None
    pause_reason: str | None = None
    auto_pause: AutoPause | None = None
    auto_pause_base: dict[str, int] | None = None
    """The books at the last resume."""
    longest: int = 0
    """Segments of its longest message."""
    retry_of: CampaignId | None = None
    quiet_hours: QuietHours | None = None
    resend_unknown_after_s: int | None = None
    """What is still unknown then is sent once more; None: never."""
    messages_dropped_at: datetime | None = None
    """Since then its messages count as gone; its books stay."""


class NewCampaign(Struct, frozen=True, kw_only=True):
    """What a tenant decides about a campaign."""

    tenant_id: TenantId
    campaign_id: CampaignId
    name: str
    text: str
    sender: str
    account_id: AccountId
    default_region: str | None = None
    countries: Sequence[str] | None = None
    max_parts: int = 10
    validity_s: int | None = None
    send_at: datetime | None = None
    pace_s: int | None = None
    auto_pause: AutoPause | None = None
    retry_of: CampaignId | None = None
    quiet_hours: QuietHours | None = None
    resend_unknown_after_s: int | None = None


class Wanted(Struct, frozen=True, kw_only=True):
    """Which campaigns of a tenant are asked for; rolling ones never are."""

    before: CampaignId = HIGHEST_ID
    """Exclusive: where the page before ended."""
    least: CampaignId = LOWEST_ID
    """Inclusive."""
    created_after: datetime | None = None
    created_before: datetime | None = None
    """Exclusive."""
    state: CampaignState | None = None
    name: str | None = None


def _campaign(row: Record) -> Campaign:
    rule, base, hours = row["auto_pause"], row["auto_pause_base"], row["quiet_hours"]
    read = {
        "state": CampaignState(row["state"]),
        "auto_pause": None if rule is None else msgspec.json.decode(rule, type=AutoPause),
        "auto_pause_base": None if base is None else msgspec.json.decode(base, type=dict[str, int]),
        "quiet_hours": None if hours is None else msgspec.json.decode(hours, type=QuietHours),
    }
    return Campaign(**{**row, **read})


async def create_campaign(connection: Connection, new: NewCampaign) -> None:
    """Store a draft."""
    await connection.execute(
        CREATE_CAMPAIGN, new.tenant_id, new.campaign_id, new.name, new.text, new.sender, new.account_id,
        new.default_region, new.countries, new.max_parts, new.validity_s, new.send_at, new.pace_s,
        _json(new.auto_pause), new.retry_of, new.resend_unknown_after_s, _json(new.quiet_hours),
    )  # fmt: skip


def _json(value: Struct | None) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


async def get_campaign(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> Campaign | None:
    """The tenant's campaign of that id."""
    row = await connection.fetchrow(GET_CAMPAIGN, tenant_id, campaign_id)
    return _campaign(row) if row else None


async def lock_campaign(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> Campaign | None:
    """The same, locked until the transaction ends."""
    row = await connection.fetchrow(LOCK_CAMPAIGN, tenant_id, campaign_id)
    return _campaign(row) if row else None


async def list_campaigns(connection: Connection, tenant_id: TenantId, wanted: Wanted, limit: int) -> list[Campaign]:
    """A page, newest first."""
    bounds = [tenant_id, wanted.before, wanted.least, wanted.created_after, wanted.created_before, limit]
    if wanted.name is not None:
        state = None if wanted.state is None else wanted.state.value
        rows = await connection.fetch(LIST_CAMPAIGNS_OF_NAME, *bounds, state, wanted.name)
    elif wanted.state is not None:
        rows = await connection.fetch(LIST_CAMPAIGNS_IN_STATE, *bounds, wanted.state.value)
    else:
        rows = await connection.fetch(LIST_CAMPAIGNS, *bounds)
    return [_campaign(row) for row in rows]


async def start_campaign(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> None:
    """Open a locked campaign's batches for claiming."""
    await connection.execute(START_CAMPAIGN, tenant_id, campaign_id)


async def list_completable(connection: Connection) -> list[tuple[TenantId, CampaignId]]:
    """Campaigns that wait for nothing any more."""
    return [(row["tenant_id"], row["campaign_id"]) for row in await connection.fetch(LIST_COMPLETABLE)]


async def complete_campaign(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> bool:
    """Whether it was still sending."""
    return await connection.fetchval(COMPLETE_CAMPAIGN, tenant_id, campaign_id) is not None


async def list_silent(connection: Connection, report_window: timedelta) -> list[tuple[TenantId, CampaignId]]:
    """Campaigns that wait for nothing but reports, longer than the window."""
    return [(row["tenant_id"], row["campaign_id"]) for row in await connection.fetch(LIST_SILENT, report_window)]


async def close_silent_messages(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId, limit: int) -> int:
    """How many were closed; repeat until it is less than `limit`."""
    tag = await connection.execute(CLOSE_SILENT_MESSAGES, tenant_id, campaign_id, limit)
    return row_count(tag)


async def get_counts(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> dict[str, int]:
    """Its books: counter → number (counters that never moved are absent)."""
    return {row["counter"]: row["n"] for row in await connection.fetch(GET_COUNTS, tenant_id, campaign_id)}


async def get_counts_of(
    connection: Connection, tenant_id: TenantId, campaign_ids: Sequence[CampaignId]
) -> dict[CampaignId, dict[str, int]]:
    """The books of several campaigns in one statement."""
    books: dict[CampaignId, dict[str, int]] = {campaign_id: {} for campaign_id in campaign_ids}
    for row in await connection.fetch(GET_COUNTS_OF, tenant_id, campaign_ids):
        books[row["campaign_id"]][row["counter"]] = row["n"]
    return books


async def add_counts(
    connection: Connection, tenant_id: TenantId, campaign_id: CampaignId, deltas: Mapping[MessageState, int] | Mapping[str, int]
) -> None:
    """Book what this transaction changes."""
    await connection.execute(ADD_COUNTS, tenant_id, campaign_id, list(deltas), list(deltas.values()))


async def fold_counts(connection: Connection, limit: int) -> int:
    """How many deltas were folded; repeat until it is less than `limit`."""
    folded: int = await connection.fetchval(FOLD_COUNTS, limit)
    return folded


async def recount_messages(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> dict[str, int]:
    """Messages by state, counted one by one."""
    return {row["counter"]: row["n"] for row in await connection.fetch(RECOUNT_MESSAGES, tenant_id, campaign_id)}


async def count_by_state(connection: Connection) -> dict[str, int]:
    """Campaigns of all tenants by state."""
    return {row["state"]: row["n"] for row in await connection.fetch(COUNT_BY_STATE)}
