"""What sending a campaign would come to, without sending it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Literal

from msgspec import Struct

from penstock import _core
from penstock.clock import find_zones
from penstock.domain.campaign import CampaignState
from penstock.domain.estimate import Course, Portion, Speeds, Work, finish, finish_between, first_allowed
from penstock.domain.ids import CampaignId, TenantId
from penstock.ingest.control import read_campaign
from penstock.store import campaigns, control, uploads, zone_groups
from penstock.store.campaigns import Campaign
from penstock.store.control import Waiting
from penstock.store.pool import Connection

ObstacleCode = Literal[
    "no_recipients", "upload_open", "scheduled", "paused", "ended", "account_held", "quiet_hours", "safe_mode"
]

_DETAILS: Final[Mapping[ObstacleCode, str]] = {
    "no_recipients": "The campaign has no recipients.",
    "upload_open": "An upload is not finished.",
    "scheduled": "It starts at its time, not before.",
    "paused": "It is paused: nothing leaves until it is resumed.",
    "ended": "The campaign has ended.",
    "account_held": "The traffic account is held after a refusal by the provider.",
    "quiet_hours": "It is quiet time for all of its recipients: they are written to when it is over.",
    "safe_mode": "The gateway is in safe mode: everything is stored, nothing is sent.",
}
_ENDED: Final = frozenset({CampaignState.COMPLETED, CampaignState.CANCELED, CampaignState.FAILED})


class Surroundings(Struct, frozen=True, kw_only=True):
    """What applies to every campaign of this gateway."""

    now: datetime
    speeds: Speeds
    safe_mode: bool


class Encoding(Struct, frozen=True):
    """How the text itself travels; a value filled into it may still force UCS-2 for its recipient."""

    name: Literal["GSM-7", "UCS-2"]
    forcing: list[str]
    """Characters that GSM-7 does not have, in order of appearance, once each."""


class Quote(Struct, frozen=True, kw_only=True):
    """A dry run."""

    campaign: Campaign
    books: Mapping[str, int]
    encoding: Encoding
    starts_at: datetime | None
    """None when nothing is left to send."""
    finishes_at: datetime | None
    obstacles: list[tuple[ObstacleCode, str]]
    """Code and sentence; empty when messages would leave as soon as they are sent."""


async def make_quote(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId, around: Surroundings) -> Quote:
    """Read what is known. Changes nothing. Raises NotFoundError."""
    campaign = await read_campaign(connection, tenant_id, campaign_id)
    waiting = await control.get_waiting(connection, tenant_id, campaign_id, campaign.account_id)
    is_uploading = await uploads.find_open_upload(connection, tenant_id, campaign_id) is not None
    earliest = expected_start(campaign, waiting, around.now)
    portions = await _portions(connection, campaign)
    starts_at = _in_allowed_time(campaign, portions, earliest)
    return Quote(
        campaign=campaign,
        books=await campaigns.get_counts(connection, tenant_id, campaign_id),
        encoding=encoding_of(campaign.text),
        starts_at=starts_at,
        finishes_at=None if starts_at is None else _finish(campaign, waiting, portions, starts_at, around),
        obstacles=[
            (code, _DETAILS[code])
            for code in _obstacles(campaign, waiting, around, is_uploading=is_uploading, is_quiet=starts_at != earliest)
        ],
    )


def encoding_of(text: str) -> Encoding:
    """The encoding of a template without its values."""
    template = _core.Template(text)
    literal = template.render([""] * len(template.names))
    forcing = [one for one in dict.fromkeys(literal) if _core.segments(one).encoding == "UCS-2"]
    return Encoding(_core.segments(literal).encoding, forcing)


def expected_start(campaign: Campaign, waiting: Waiting, now: datetime) -> datetime | None:
    """When the first of what is left may leave, were it sent or resumed now."""
    if campaign.state in _ENDED or waiting.requests == 0:
        return None
    scheduled = campaign.send_at if campaign.started_at is None else None
    return max(now, scheduled or now, waiting.held_until or now)


async def _portions(connection: Connection, campaign: Campaign) -> list[Portion]:
    """What is left, by the clocks that count for it; nothing where none does."""
    if campaign.quiet_hours is None:
        return []
    groups = await zone_groups.list_zone_groups(connection, campaign.tenant_id, campaign.campaign_id)
    return [Portion(find_zones(group.names), Work(group.requests, group.segments)) for group in groups]


def _in_allowed_time(campaign: Campaign, portions: Sequence[Portion], earliest: datetime | None) -> datetime | None:
    if earliest is None or campaign.quiet_hours is None or not portions:
        return earliest
    return first_allowed(portions, campaign.quiet_hours, earliest)


def _finish(
    campaign: Campaign, waiting: Waiting, portions: Sequence[Portion], starts_at: datetime, around: Surroundings
) -> datetime:
    paced_from = campaign.paced_from
    if paced_from is not None and campaign.paused_at is not None:
        paced_from += around.now - campaign.paused_at
    course = Course(starts_at=starts_at, paced_from=paced_from, pace_s=campaign.pace_s)
    if campaign.quiet_hours is not None and portions:
        return finish_between(portions, campaign.quiet_hours, around.speeds, course)
    return finish(Work(waiting.requests, waiting.segments), around.speeds, course)


def _obstacles(
    campaign: Campaign, waiting: Waiting, around: Surroundings, *, is_uploading: bool, is_quiet: bool
) -> list[ObstacleCode]:
    is_early = campaign.started_at is None and campaign.send_at is not None and campaign.send_at > around.now
    found: dict[ObstacleCode, bool] = {
        "no_recipients": campaign.next_seq == 0,
        "upload_open": is_uploading and campaign.state is CampaignState.DRAFT,
        "scheduled": is_early and campaign.state in (CampaignState.DRAFT, CampaignState.SCHEDULED),
        "paused": campaign.state is CampaignState.PAUSED,
        "ended": campaign.state in _ENDED,
        "account_held": waiting.held_until is not None and waiting.held_until > around.now,
        "quiet_hours": is_quiet,
        "safe_mode": around.safe_mode,
    }
    return [code for code, holds in found.items() if holds]
