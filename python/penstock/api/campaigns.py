"""Campaigns: create, list, read, send."""

from uuid import UUID

from aiohttp import web

from penstock.api import queries, schemas, views
from penstock.api.answers import answer
from penstock.api.auth import Caller
from penstock.api.bodies import read_json, read_optional_json
from penstock.api.parts import PARTS, Parts, new_id
from penstock.domain.errors import NotFoundError
from penstock.domain.ids import CampaignId, TenantId
from penstock.ingest import control
from penstock.store import campaigns, uploads
from penstock.store.campaigns import Campaign
from penstock.store.pool import Connection

NEWEST = CampaignId(UUID(int=(1 << 128) - 1))


async def create(request: web.Request, caller: Caller) -> web.Response:
    """POST /v1/campaigns."""
    queries.parameters(request)
    parts = request.app[PARTS]
    new = await read_json(request, schemas.NewCampaign)
    plan = control.Plan(
        name=new.name, text=new.text, sender=parts.sender if new.sender is None else new.sender,
        default_region=new.default_region, countries=new.countries, max_parts=new.max_parts, validity_s=new.validity_s,
    )  # fmt: skip
    campaign = await control.create_campaign(
        parts.store, plan, tenant_id=caller.tenant_id, account_id=parts.account_id,
        campaign_id=CampaignId(UUID(new_id(parts))),
    )  # fmt: skip
    view = views.whole(campaign, {}, [], parts.clock.now())
    return answer(view, status=201, headers={"Location": f"/v1/campaigns/{view.id}"})


async def index(request: web.Request, caller: Caller) -> web.Response:
    """GET /v1/campaigns: newest first."""
    page = queries.page(queries.parameters(request, "limit", "after"))
    before = queries.position(page, lambda cursor: CampaignId(UUID(bytes=cursor)), NEWEST)
    async with request.app[PARTS].store.api() as connection:
        found = await campaigns.list_campaigns(connection, caller.tenant_id, before, page.limit)
        books = await campaigns.get_counts_of(connection, caller.tenant_id, [one.campaign_id for one in found])
    items = [views.summary(one, books[one.campaign_id]) for one in found]
    more = queries.next_url(request, found[-1].campaign_id.bytes) if len(found) == page.limit else None
    return answer(schemas.Listing(items, more))


async def show(request: web.Request, caller: Caller) -> web.Response:
    """GET /v1/campaigns/{id}."""
    queries.parameters(request)
    parts = request.app[PARTS]
    campaign_id = queries.campaign_id(request)
    async with parts.store.api() as connection:
        campaign = await find(connection, caller.tenant_id, campaign_id)
        return answer(await _view(connection, parts, campaign))


async def send(request: web.Request, caller: Caller) -> web.Response:
    """POST /v1/campaigns/{id}/send."""
    queries.parameters(request)
    parts = request.app[PARTS]
    campaign_id = queries.campaign_id(request)
    asked = await read_optional_json(request, schemas.SendRequest)
    campaign = await control.start_sending(parts.store, caller.tenant_id, campaign_id, asked.expect_recipients)
    async with parts.store.api() as connection:
        return answer(await _view(connection, parts, campaign), status=202)


async def find(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> Campaign:
    """The tenant's campaign. Raises NotFoundError, also for another tenant's."""
    campaign = await campaigns.get_campaign(connection, tenant_id, campaign_id)
    if campaign is None:
        raise NotFoundError("There is no such campaign.")
    return campaign


async def _view(connection: Connection, parts: Parts, campaign: Campaign) -> schemas.CampaignView:
    books = await campaigns.get_counts(connection, campaign.tenant_id, campaign.campaign_id)
    known = await uploads.list_uploads(connection, campaign.tenant_id, campaign.campaign_id)
    return views.whole(campaign, books, known, parts.clock.now())
