"""Batches by the time zones of their recipients: what waits in each, and until when."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct

from penstock.domain.ids import BatchId, CampaignId, TenantId
from penstock.store.pool import Connection
from penstock.store.queries import query

LIST_ZONE_GROUPS = query("zone_groups.list_zone_groups")
DELAY_ZONE_GROUP = query("zone_groups.delay_zone_group")
LIST_RANGES = query("zone_groups.list_ranges")
LIST_NUMBERS = query("zone_groups.list_numbers")
SET_ZONE_GROUP = query("zone_groups.set_zone_group")


class ZoneGroup(Struct, frozen=True):
    """What a campaign has left to send to recipients for whom the same clocks count."""

    zone_group: str
    requests: int
    segments: int
    now: datetime
    """By the database's clock, which claims go by."""

    @property
    def names(self) -> Sequence[str]:
        """The time zones."""
        return zone_names(self.zone_group)


class Range(Struct, frozen=True):
    """Neighbours of one zone group."""

    zone_group: str
    first_seq: int
    last_seq: int


def zone_names(zone_group: str) -> Sequence[str]:
    """The time zones of a group, as IANA names them."""
    return zone_group.split(",")


def named_group(names: Iterable[str]) -> str:
    """The group of several time zones: all of their clocks count."""
    return ",".join(sorted(names))


async def list_zone_groups(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> list[ZoneGroup]:
    """Of a campaign with quiet hours; there are none in any other."""
    return [ZoneGroup(**row) for row in await connection.fetch(LIST_ZONE_GROUPS, tenant_id, campaign_id)]


async def delay_zone_group(
    connection: Connection, tenant_id: TenantId, campaign_id: CampaignId, zone_group: str, until: datetime
) -> None:
    """Send nothing of it before."""
    await connection.execute(DELAY_ZONE_GROUP, tenant_id, campaign_id, zone_group, until)


async def list_ranges(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> list[Range]:
    """Of all messages of a campaign with quiet hours, in order; none of any other."""
    return [Range(**row) for row in await connection.fetch(LIST_RANGES, tenant_id, campaign_id)]


async def list_numbers(
    connection: Connection, tenant_id: TenantId, campaign_id: CampaignId, first: int, last: int
) -> list[int]:
    """Of the messages of a range."""
    return [row["msisdn"] for row in await connection.fetch(LIST_NUMBERS, tenant_id, campaign_id, first, last)]


async def set_zone_group(connection: Connection, batch_id: BatchId, zone_group: str) -> None:
    """Of a locked batch."""
    await connection.execute(SET_ZONE_GROUP, batch_id, zone_group)
