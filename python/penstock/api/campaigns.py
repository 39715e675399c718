"""Campaigns: create, list, read, send."""

from uuid import UUID

import msgspec
from aiohttp import web

from penstock.api import filters, queries, schemas, views
from penstock.api.answers import answer, stored
from penstock.api.auth import Caller
from penstock.api.bodies import read_json, read_optional_json
from penstock.api.idempotency import once
from penstock.api.parts import PARTS, Parts, new_id
from penstock.domain.campaign import AutoPause
from penstock.domain.errors import NotFoundError
from penstock.domain.ids import AccountId, CampaignId, TenantId
from penstock.domain.quiet_hours import QuietHours
from penstock.domain.tenant import TenantSettings
from penstock.ingest import control
from penstock.ingest.opening import refuse_dropped
from penstock.store import campaigns, uploads
from penstock.store.campaigns import Campaign
from penstock.store.idempotency import StoredAnswer
from penstock.store.pool import Connection


async def create(request: web.Request, caller: Caller) -> web.Response:
    """Create a campaign: a draft that takes recipients."""
    parts = request.app[PARTS]
    new = await read_json(request, schemas.NewCampaign)
    plan = control.Plan(
        name=new.name, text=new.text, sender=_first(new.sender, caller.settings.sender, parts.sender),
        default_region=new.default_region or caller.settings.default_region, countries=new.countries,
        max_parts=new.max_parts, validity_s=new.validity_s, send_at=new.send_at,
        pace_s=None if new.pace is None else new.pace.over_s, auto_pause=_rule(new.auto_pause),
        quiet_hours=_quiet_hours(new, caller.settings),
        resend_unknown_after_s=new.resend_unknown_after_s,
    )  # fmt: skip
    control.check_plan(plan, parts.clock.now())
    account_id = AccountId(caller.settings.traffic_account_id or parts.account_id)

    async def effect(connection: Connection) -> StoredAnswer:
        campaign = await control.create_campaign(
            connection, plan, tenant_id=caller.tenant_id, account_id=account_id, campaign_id=CampaignId(UUID(new_id(parts)))
        )
        view = views.whole(campaign, {}, [], parts.clock.now())
        return stored(view, status=201, location=f"/v1/campaigns/{view.id}")

    return await once(request, caller, effect)


async def index(request: web.Request, caller: Caller) -> web.Response:
    """List campaigns, newest first: all, or those of a state, of a name (the whole of it), of a time of creation."""
    given = queries.parameters(request)
    page, wanted = queries.page(given), filters.read(given)
    before = queries.position(page, lambda cursor: CampaignId(UUID(bytes=cursor)), wanted.before)
    wanted = msgspec.structs.replace(wanted, before=min(before, wanted.before))
    async with request.app[PARTS].store.tenant(caller.tenant_id) as connection:
        found = await campaigns.list_campaigns(connection, caller.tenant_id, wanted, page.limit)
        books = await campaigns.get_counts_of(connection, caller.tenant_id, [one.campaign_id for one in found])
    items = [views.summary(one, books[one.campaign_id]) for one in found]
    more = queries.next_url(request, found[-1].campaign_id.bytes) if len(found) == page.limit else None
    return answer(schemas.Listing(items, more))


async def show(request: web.Request, caller: Caller) -> web.Response:
    """Read a campaign: its plan, its books, its uploads, how far sending has come."""
    parts = request.app[PARTS]
    campaign_id = queries.campaign_id(request)
    async with parts.store.tenant(caller.tenant_id) as connection:
        campaign = await find(connection, caller.tenant_id, campaign_id)
        return answer(await view_of(connection, parts, campaign))


async def send(request: web.Request, caller: Caller) -> web.Response:
    """Start sending, once: now, or at `send_at`. From here on the recipients, text and sender are fixed."""
    parts = request.app[PARTS]
    campaign_id = queries.campaign_id(request)
    asked = await read_optional_json(request, schemas.SendRequest)

    async def effect(connection: Connection) -> StoredAnswer:
        campaign = await control.start_sending(
            connection, caller.tenant_id, campaign_id, asked.expect_recipients, parts.clock.now()
        )
        return stored(await view_of(connection, parts, campaign), status=202)

    return await once(request, caller, effect)


def _rule(given: schemas.AutoPauseRule | None) -> AutoPause | None:
    return None if given is None else AutoPause(failed=given.failed, unknown=given.unknown, after=given.after)


def _quiet_hours(new: schemas.NewCampaign, of_tenant: TenantSettings) -> QuietHours | None:
    match new.quiet_hours:
        case None:
            return of_tenant.quiet_hours
        case "none":
            return None
        case hours:
            return hours.rule()


def _first(given: str | None, of_tenant: str | None, of_gateway: str) -> str:
    """What the request says, an empty text too: that one is refused, not replaced."""
    if given is not None:
        return given
    return of_tenant or of_gateway


async def find(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> Campaign:
    """The tenant's campaign. Raises NotFoundError, also for another tenant's."""
    campaign = await campaigns.get_campaign(connection, tenant_id, campaign_id)
    if campaign is None:
        raise NotFoundError("There is no such campaign.")
    return campaign


async def find_with_messages(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> Campaign:
    """The same, for whoever reads its messages. Raises MessagesDroppedError too."""
    campaign = await find(connection, tenant_id, campaign_id)
    refuse_dropped(campaign)
    return campaign


async def view_of(connection: Connection, parts: Parts, campaign: Campaign) -> schemas.CampaignView:
    """The campaign as this transaction sees it."""
    books = await campaigns.get_counts(connection, campaign.tenant_id, campaign.campaign_id)
    known = await uploads.list_uploads(connection, campaign.tenant_id, campaign.campaign_id)
    return views.whole(campaign, books, known, parts.clock.now())
