"""What reconciliation came upon, for operators."""

from typing import Final

from aiohttp import web

from penstock.api import queries, schemas, views
from penstock.api.answers import answer
from penstock.api.parts import PARTS
from penstock.api.routes import Parameter
from penstock.domain.finding import FindingKind
from penstock.store import findings

QUERY: Final = (*queries.PAGE, Parameter("kind", FindingKind, "Findings of this kind only."))


async def index(request: web.Request) -> web.Response:
    """List what reconciliation came upon in the last month, newest first. What was repaired is said to be so."""
    given = queries.parameters(request)
    page = queries.page(given)
    before = queries.position(page, lambda cursor: queries.bounded_int(cursor, 1 << 63), findings.AFTER_LAST)
    async with request.app[PARTS].store.engine() as connection:
        found = await findings.list_findings(connection, before, page.limit, kind=given.get("kind"))
    more = queries.next_url(request, b"%d" % found[-1].finding_id) if len(found) == page.limit else None
    return answer(schemas.Listing([views.finding(one) for one in found], more))
