"""Tenants, for operators."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from penstock.api import queries, schemas, views
from penstock.api.answers import answer
from penstock.api.bodies import read_json
from penstock.api.parts import PARTS
from penstock.domain.audit import ADMIN
from penstock.domain.ids import TenantId
from penstock.ingest import tenants as acts
from penstock.store import tenants
from penstock.store.pool import Connection
from penstock.store.tenants import Tenant


async def index(request: web.Request) -> web.Response:
    """List the tenants, oldest first, deactivated ones too."""
    page = queries.page(queries.parameters(request))
    after = queries.position(page, queries.tenant_position, tenants.BEFORE_FIRST)
    async with request.app[PARTS].store.engine() as connection:
        found = await tenants.list_tenants(connection, after, page.limit)
    more = queries.next_url(request, b"%d" % found[-1].tenant_id) if len(found) == page.limit else None
    return answer(schemas.Listing([views.tenant(one) for one in found], more))


async def create(request: web.Request) -> web.Response:
    """Create a tenant. It needs a key before it can do anything."""
    asked = await read_json(request, schemas.NewTenant)
    changes = asked.settings.changes()
    acts.check_settings(changes)
    async with request.app[PARTS].store.engine() as connection, connection.transaction():
        tenant = await acts.create_tenant(connection, ADMIN, asked.name, changes)
    return answer(views.tenant(tenant), status=201, headers={"Location": f"/admin/v1/tenants/{tenant.tenant_id}"})


async def show(request: web.Request) -> web.Response:
    """Show a tenant and its settings."""
    async with request.app[PARTS].store.engine() as connection:
        return answer(views.tenant(await acts.find_tenant(connection, queries.tenant_id(request))))


async def change(request: web.Request) -> web.Response:
    """Change settings: fields that are given are set, null resets one."""
    changes = (await read_json(request, schemas.TenantChange)).settings.changes()
    acts.check_settings(changes)
    return await _act(request, lambda connection, tenant_id: acts.change_settings(connection, ADMIN, tenant_id, changes))


async def deactivate(request: web.Request) -> web.Response:
    """Close the tenant's keys and stop its sending within a second. Nothing is lost: all that it has waits."""
    return await _act(request, lambda connection, tenant_id: acts.deactivate_tenant(connection, ADMIN, tenant_id))


async def activate(request: web.Request) -> web.Response:
    """Let a deactivated tenant's keys open and its campaigns send again, from where they stopped."""
    return await _act(request, lambda connection, tenant_id: acts.activate_tenant(connection, ADMIN, tenant_id))


async def _act(request: web.Request, act: Callable[[Connection, TenantId], Awaitable[Tenant]]) -> web.Response:
    """Do it in a transaction, and let this process see it at once."""
    parts = request.app[PARTS]
    tenant_id = queries.tenant_id(request)
    async with parts.store.engine() as connection, connection.transaction():
        tenant = await act(connection, tenant_id)
    parts.authenticator.forget(tenant_id)
    return answer(views.tenant(tenant))
