"""The audit log, for operators: read page by page, written by the acts themselves."""

from typing import Final

from aiohttp import web

from penstock.api import queries, schemas, views
from penstock.api.answers import answer
from penstock.api.parts import PARTS
from penstock.api.routes import Parameter
from penstock.domain.audit import Action
from penstock.store import audit

QUERY: Final = (
    *queries.PAGE,
    Parameter("tenant_id", queries.TENANT_ID, "Acts upon this tenant only."),
    Parameter("action", Action, "Acts of this kind only."),
)


async def index(request: web.Request) -> web.Response:
    """List what operators did, and tenants to their own keys and settings; newest first."""
    given = queries.parameters(request)
    page, tenant_id, action = queries.page(given), given.get("tenant_id"), given.get("action")
    before = queries.position(page, lambda cursor: queries.bounded_int(cursor, 1 << 63), audit.AFTER_LAST)
    async with request.app[PARTS].store.engine() as connection:
        found = await audit.list_acts(connection, before, page.limit, tenant_id=tenant_id, action=action)
    more = queries.next_url(request, b"%d" % found[-1].audit_id) if len(found) == page.limit else None
    return answer(schemas.Listing([views.act(one) for one in found], more))
