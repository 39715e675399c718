"""Messages of a campaign, page by page."""

from typing import Final

from aiohttp import web

from penstock.api import queries, schemas, views
from penstock.api.answers import answer
from penstock.api.auth import Caller
from penstock.api.campaigns import find_with_messages
from penstock.api.parts import PARTS
from penstock.api.routes import Parameter
from penstock.domain.message import MessageState
from penstock.store import messages

QUERY: Final = (*queries.PAGE, Parameter("state", MessageState, "Messages in this state only."))
BEFORE_FIRST: Final = -1


async def index(request: web.Request, caller: Caller) -> web.Response:
    """List a campaign's messages, in the order of the uploads."""
    given = queries.parameters(request)
    page = queries.page(given)
    after = queries.position(page, lambda cursor: queries.bounded_int(cursor, 2**31), BEFORE_FIRST)
    campaign_id = queries.campaign_id(request)
    async with request.app[PARTS].store.tenant(caller.tenant_id) as connection:
        campaign = await find_with_messages(connection, caller.tenant_id, campaign_id)
        found = await messages.list_messages(
            connection, caller.tenant_id, campaign_id, after=after, limit=page.limit, state=given.get("state")
        )
    more = queries.next_url(request, b"%d" % found[-1].seq) if len(found) == page.limit else None
    return answer(schemas.Listing([views.message(campaign, one) for one in found], more))
