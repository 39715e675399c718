"""The audit log, for operators: read page by page, written by the acts themselves."""

from collections.abc import Mapping

from aiohttp import web

from penstock.api import queries, schemas, views
from penstock.api.answers import answer
from penstock.api.parts import PARTS
from penstock.domain.audit import Action
from penstock.domain.errors import InvalidValueError
from penstock.domain.ids import TenantId
from penstock.store import audit


async def index(request: web.Request) -> web.Response:
    """List what operators did, and tenants to their own keys and settings; newest first."""
    given = queries.parameters(request, "limit", "after", "tenant_id", "action")
    page, tenant_id, action = queries.page(given), _tenant_id(given), _action(given)
    before = queries.position(page, lambda cursor: queries.bounded_int(cursor, 1 << 63), audit.AFTER_LAST)
    async with request.app[PARTS].store.engine() as connection:
        found = await audit.list_acts(connection, before, page.limit, tenant_id=tenant_id, action=action)
    more = queries.next_url(request, b"%d" % found[-1].audit_id) if len(found) == page.limit else None
    return answer(schemas.Listing([views.act(one) for one in found], more))


def _tenant_id(given: Mapping[str, str]) -> TenantId | None:
    if "tenant_id" not in given:
        return None
    try:
        return queries.tenant_position(given["tenant_id"].encode())
    except ValueError:
        raise InvalidValueError("tenant_id is the id of a tenant.") from None


def _action(given: Mapping[str, str]) -> Action | None:
    try:
        return Action(given["action"]) if "action" in given else None
    except ValueError:
        raise InvalidValueError(f"action is one of {', '.join(Action)}.") from None
