"""What a tenant does to a campaign as a whole: create it, empty it, start it. What is done to one that runs is in steering.py.

Each works in a transaction that its caller opens, because the record of an answered request stands or falls with it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfoNotFoundError

from msgspec import Struct

from penstock import _core
from penstock.clock import find_zones
from penstock.config import SENDER, SENDER_RULE
from penstock.domain.campaign import AutoPause, CampaignState
from penstock.domain.errors import InvalidValueError, NotFoundError, StateConflictError
from penstock.domain.ids import AccountId, CampaignId, TenantId
from penstock.domain.quiet_hours import QuietHours, next_allowed
from penstock.ingest.opening import check_draft, lock_or_refuse, refuse_open_upload
from penstock.store import accounts, campaigns, control, uploads, zone_groups
from penstock.store.campaigns import Campaign, NewCampaign
from penstock.store.pool import Connection

LATEST_START: Final = timedelta(days=90)
"""A campaign may be scheduled so far ahead."""


class Plan(Struct, frozen=True, kw_only=True):
    """What a tenant decides about a new campaign."""

    name: str
    text: str
    sender: str
    default_region: str | None = None
    countries: Sequence[str] | None = None
    max_parts: int = 10
    validity_s: int | None = None
    send_at: datetime | None = None
    """When it starts by itself, once it was told to send."""
    pace_s: int | None = None
    """Spread evenly over so many seconds."""
    auto_pause: AutoPause | None = None
    quiet_hours: QuietHours | None = None
    resend_unknown_after_s: int | None = None
    """What is still unknown then is sent once more, and may arrive twice; None: never."""


def check_plan(plan: Plan, now: datetime) -> None:
    """Raise InvalidValueError for what cannot become a campaign."""
    check_sender(plan.sender)
    check_text(plan.text, plan.max_parts)
    check_regions(plan)
    check_times(plan, now)
    if plan.quiet_hours is not None:
        check_quiet_hours(plan.quiet_hours, "/quiet_hours")


async def create_campaign(
    connection: Connection, plan: Plan, *, tenant_id: TenantId, account_id: AccountId, campaign_id: CampaignId
) -> Campaign:
    """Store a checked plan as a draft."""
    new = NewCampaign(
        tenant_id=tenant_id, campaign_id=campaign_id, name=plan.name, text=plan.text, sender=plan.sender,
        account_id=account_id, default_region=plan.default_region, countries=plan.countries, max_parts=plan.max_parts,
        validity_s=plan.validity_s, send_at=plan.send_at, pace_s=plan.pace_s, auto_pause=plan.auto_pause,
        quiet_hours=plan.quiet_hours,
        resend_unknown_after_s=plan.resend_unknown_after_s,
    )  # fmt: skip
    await accounts.ensure_account(connection, account_id)
    await campaigns.create_campaign(connection, new)
    return await read_campaign(connection, tenant_id, campaign_id)


def check_sender(sender: str, pointer: str = "/from") -> None:
    """Raise InvalidValueError for a sender that the provider would refuse."""
    if not SENDER.fullmatch(sender):
        raise InvalidValueError(f"A sender is {SENDER_RULE}.", pointer=pointer)


def check_text(text: str, max_parts: int) -> None:
    """Raise InvalidValueError for a text that cannot be compiled or is too long before anything is filled in."""
    try:
        template = _core.Template(text)
    except _core.TemplateError as error:
        raise InvalidValueError(str(error), pointer="/text") from error
    if template.names:
        return
    parts = _core.segments(template.render([])).parts
    if parts > max_parts:
        raise InvalidValueError(f"The text takes {parts} parts and at most {max_parts} are allowed.", pointer="/text")


def check_regions(plan: Plan) -> None:
    """Raise InvalidValueError for a code that is no region of the numbering plans; the parser is the one that knows them."""
    _check_region_list([plan.default_region] if plan.default_region else [], "/default_region")
    _check_region_list(plan.countries or [], "/countries")


def check_region(code: str, pointer: str) -> None:
    """The same for one region."""
    _check_region_list([code], pointer)


def _check_region_list(codes: Sequence[str], pointer: str) -> None:
    if not codes:
        return
    try:
        _core.RecipientParser("csv", _core.Template("x"), traffic_account_id="", sender="x", countries=codes)
    except ValueError as error:
        raise InvalidValueError(str(error), pointer=pointer) from error


def check_times(plan: Plan, now: datetime) -> None:
    """Raise InvalidValueError for a start that is over or too far away, and for a pace that outlasts the validity."""
    if plan.send_at is not None and not now < plan.send_at <= now + LATEST_START:
        raise InvalidValueError(f"send_at lies in the next {LATEST_START.days} days.", pointer="/send_at")
    if plan.pace_s is not None and plan.validity_s is not None and plan.pace_s >= plan.validity_s:
        raise InvalidValueError("The last messages would run out of validity before their turn.", pointer="/pace/over_s")
    rule = plan.auto_pause
    if rule is not None and rule.failed is None and rule.unknown is None:
        raise InvalidValueError("Say which share pauses the campaign: failed, unknown or both.", pointer="/auto_pause")


def check_quiet_hours(hours: QuietHours, pointer: str) -> None:
    """Raise InvalidValueError for hours and days that leave no time to send."""
    if not hours.is_possible:
        raise InvalidValueError("Quiet hours end at another time than they begin, and leave one day at least.", pointer=pointer)


async def discard_recipients(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> None:
    """Empty a draft. An upload that is running fails at its next chunk."""
    check_draft(await lock_or_refuse(connection, tenant_id, campaign_id))
    await uploads.discard_recipients(connection, tenant_id, campaign_id)


async def start_sending(
    connection: Connection, tenant_id: TenantId, campaign_id: CampaignId, expected: int | None, now: datetime
) -> Campaign:
    """Open a draft's batches, once: now, or at its time. `expected` is the number of recipients the tenant counts on."""
    campaign = await lock_or_refuse(connection, tenant_id, campaign_id)
    if campaign.state is not CampaignState.DRAFT:
        raise StateConflictError(f"A draft can be sent, once; this campaign is {campaign.state}.")
    await refuse_open_upload(connection, tenant_id, campaign_id)
    _check_recipients(campaign, expected)
    await _commit_to_send(connection, campaign, now)
    return await read_campaign(connection, tenant_id, campaign_id)


def _check_recipients(campaign: Campaign, expected: int | None) -> None:
    if campaign.next_seq == 0:
        raise StateConflictError("The campaign has no recipients.")
    if expected is not None and campaign.next_seq != expected:
        raise StateConflictError(
            f"The campaign has {campaign.next_seq} recipients, not {expected}.", pointer="/expect_recipients"
        )


async def _commit_to_send(connection: Connection, campaign: Campaign, now: datetime) -> None:
    """All that must stand or fall with the order to send: today the state; a hold on credits belongs here, before it."""
    if campaign.send_at is not None and campaign.send_at > now:
        await control.schedule_campaign(connection, campaign.tenant_id, campaign.campaign_id)
    else:
        await open_batches(connection, campaign)


async def open_batches(connection: Connection, campaign: Campaign) -> None:
    """From here on its batches may be claimed. Validity and pace count from now."""
    await campaigns.start_campaign(connection, campaign.tenant_id, campaign.campaign_id)
    await control.pace_batches(connection, campaign.tenant_id, campaign.campaign_id)
    await keep_quiet(connection, campaign)


async def keep_quiet(connection: Connection, campaign: Campaign) -> None:
    """What waits for recipients where it is quiet now is not even looked at before it may be sent; the claim asks again."""
    if campaign.quiet_hours is None:
        return
    for group in await zone_groups.list_zone_groups(connection, campaign.tenant_id, campaign.campaign_id):
        try:
            zones = find_zones(group.names)
        except ZoneInfoNotFoundError:  # the machine that took the upload knew it; the claim says so of each batch
            continue
        allowed_at = next_allowed(group.now, zones, campaign.quiet_hours)
        if allowed_at > group.now:
            await zone_groups.delay_zone_group(
                connection, campaign.tenant_id, campaign.campaign_id, group.zone_group, allowed_at
            )


async def read_campaign(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> Campaign:
    """The campaign as this transaction sees it. Raises NotFoundError."""
    campaign = await campaigns.get_campaign(connection, tenant_id, campaign_id)
    if campaign is None:
        raise NotFoundError("There is no such campaign.")
    return campaign
