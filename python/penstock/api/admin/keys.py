"""A tenant's keys, for operators: the only way to its first one."""

from datetime import timedelta

from aiohttp import web

from penstock.api import queries, schemas, views
from penstock.api.answers import answer, secret
from penstock.api.bodies import read_optional_json
from penstock.api.keys import read_plan
from penstock.api.parts import PARTS
from penstock.domain.audit import ADMIN
from penstock.ingest import keys as acts
from penstock.ingest.tenants import find_tenant
from penstock.store import keys


async def index(request: web.Request) -> web.Response:
    """List a tenant's keys, oldest first, revoked ones too."""
    parts = request.app[PARTS]
    page = queries.page(queries.parameters(request))
    after = queries.position(page, queries.key_position, keys.BEFORE_FIRST)
    async with parts.store.engine() as connection:
        tenant = await find_tenant(connection, queries.tenant_id(request))
        found = await keys.list_keys(connection, tenant.tenant_id, after, page.limit)
    more = queries.next_url(request, b"%d" % found[-1].key_id) if len(found) == page.limit else None
    return answer(schemas.Listing([views.key(one, parts.clock.now()) for one in found], more))


async def create(request: web.Request) -> web.Response:
    """Make a key. It is shown in this answer and never again."""
    parts = request.app[PARTS]
    plan = await read_plan(request)
    async with parts.store.engine() as connection, connection.transaction():
        tenant = await find_tenant(connection, queries.tenant_id(request))
        made = await acts.make_key(connection, ADMIN, tenant.tenant_id, plan, parts.random)
    return secret(views.shown_key(made, parts.clock.now()), status=201)


async def rotate(request: web.Request) -> web.Response:
    """Replace a key by a new one for the same and for as long, shown in this answer; the old one ends after the overlap."""
    parts = request.app[PARTS]
    tenant_id, key_id = queries.tenant_id(request), queries.key_id(request)
    overlap = timedelta(seconds=(await read_optional_json(request, schemas.Rotation)).overlap_s)
    async with parts.store.engine() as connection, connection.transaction():
        made = await acts.rotate_key(connection, ADMIN, tenant_id, key_id, overlap=overlap, random=parts.random)
    parts.authenticator.forget(tenant_id)
    return secret(views.shown_key(made, parts.clock.now()), status=201)


async def revoke(request: web.Request) -> web.Response:
    """Close a key. Within a second it opens nothing anywhere."""
    parts = request.app[PARTS]
    tenant_id, key_id = queries.tenant_id(request), queries.key_id(request)
    async with parts.store.engine() as connection, connection.transaction():
        await acts.revoke_key(connection, ADMIN, tenant_id, key_id)
    parts.authenticator.forget(tenant_id)
    return web.Response(status=204)
