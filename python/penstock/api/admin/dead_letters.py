"""Dead batches, for operators: why they died, and what is to become of them."""

from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

from aiohttp import web

from penstock.api import queries, schemas, views
from penstock.api.answers import answer
from penstock.api.bodies import read_optional_json
from penstock.api.parts import PARTS
from penstock.api.routes import Parameter
from penstock.domain.audit import ADMIN
from penstock.domain.ids import BatchId, CampaignId, TenantId
from penstock.reconcile import dead_letters as acts
from penstock.store import dead_letters
from penstock.store.dead_letters import DeadLetter
from penstock.store.pool import Connection

QUERY: Final = (
    *queries.PAGE,
    Parameter("tenant_id", queries.TENANT_ID, "Batches of this tenant only."),
    Parameter("campaign_id", UUID, "Batches of this campaign only."),
)


async def index(request: web.Request) -> web.Response:
    """List the dead batches, oldest first."""
    given = queries.parameters(request)
    page = queries.page(given)
    after = queries.position(page, queries.batch_position, dead_letters.BEFORE_FIRST)
    async with request.app[PARTS].store.engine() as connection:
        found = await dead_letters.list_dead_letters(
            connection, after, page.limit, tenant_id=given.get("tenant_id"), campaign_id=given.get("campaign_id")
        )
    more = queries.next_url(request, b"%d" % found[-1].batch_id) if len(found) == page.limit else None
    return answer(schemas.Listing([views.dead_letter(one) for one in found], more))


async def redrive_all(request: web.Request) -> web.Response:
    """Put every dead batch back into the queue, or those of a tenant or a campaign, each with all its tries."""
    asked = await read_optional_json(request, schemas.Redrive)
    tenant_id = None if asked.tenant_id is None else TenantId(asked.tenant_id)
    campaign_id = None if asked.campaign_id is None else CampaignId(UUID(asked.campaign_id))
    async with request.app[PARTS].store.engine() as connection, connection.transaction():
        batches = await acts.redrive_all(connection, ADMIN, tenant_id=tenant_id, campaign_id=campaign_id)
    return answer(schemas.Redriven(batches=batches))


async def redrive(request: web.Request) -> web.Response:
    """Put one dead batch back into the queue with all its tries."""
    return await _act(request, acts.redrive)


async def cancel(request: web.Request) -> web.Response:
    """Give a dead batch up: its messages are canceled and will not be sent."""
    return await _act(request, acts.cancel)


async def _act(request: web.Request, act: Callable[[Connection, str, BatchId], Awaitable[DeadLetter]]) -> web.Response:
    batch_id = queries.batch_id(request)
    async with request.app[PARTS].store.engine() as connection, connection.transaction():
        return answer(views.dead_letter(await act(connection, ADMIN, batch_id)))
