"""A tenant's own keys, for a key that may manage them."""

from datetime import timedelta

from aiohttp import web

from penstock.api import queries, schemas, views
from penstock.api.answers import answer, secret
from penstock.api.auth import Caller
from penstock.api.bodies import read_json, read_optional_json
from penstock.api.parts import PARTS
from penstock.domain.audit import by_key
from penstock.ingest import keys as acts
from penstock.store import keys


async def index(request: web.Request, caller: Caller) -> web.Response:
    """List the keys, oldest first, revoked ones too."""
    parts = request.app[PARTS]
    page = queries.page(queries.parameters(request))
    after = queries.position(page, queries.key_position, keys.BEFORE_FIRST)
    async with parts.store.tenant(caller.tenant_id) as connection:
        found = await keys.list_keys(connection, caller.tenant_id, after, page.limit)
    more = queries.next_url(request, b"%d" % found[-1].key_id) if len(found) == page.limit else None
    return answer(schemas.Listing([views.key(one, parts.clock.now()) for one in found], more))


async def create(request: web.Request, caller: Caller) -> web.Response:
    """Make a key. It is shown in this answer and never again; it cannot open more than the key that makes it."""
    parts = request.app[PARTS]
    plan = await read_plan(request)
    acts.check_giver(caller.scopes, plan.scopes)
    async with parts.store.tenant(caller.tenant_id) as connection, connection.transaction():
        made = await acts.make_key(connection, by_key(caller.key_id), caller.tenant_id, plan, parts.random)
    return secret(views.shown_key(made, parts.clock.now()), status=201)


async def rotate(request: web.Request, caller: Caller) -> web.Response:
    """Replace a key by a new one for the same and for as long, shown in this answer; the old one ends after the overlap."""
    parts = request.app[PARTS]
    key_id = queries.key_id(request)
    overlap = timedelta(seconds=(await read_optional_json(request, schemas.Rotation)).overlap_s)
    async with parts.store.tenant(caller.tenant_id) as connection, connection.transaction():
        made = await acts.rotate_key(
            connection,
            by_key(caller.key_id),
            caller.tenant_id,
            key_id,
            overlap=overlap,
            random=parts.random,
            giver=caller.scopes,
        )
    parts.authenticator.forget(caller.tenant_id)
    return secret(views.shown_key(made, parts.clock.now()), status=201)


async def revoke(request: web.Request, caller: Caller) -> web.Response:
    """Close a key, also the one that asks. Within a second it opens nothing anywhere."""
    parts = request.app[PARTS]
    key_id = queries.key_id(request)
    async with parts.store.tenant(caller.tenant_id) as connection, connection.transaction():
        await acts.revoke_key(connection, by_key(caller.key_id), caller.tenant_id, key_id)
    parts.authenticator.forget(caller.tenant_id)
    return web.Response(status=204)


async def read_plan(request: web.Request) -> acts.KeyPlan:
    """What the body says about a new key, checked."""
    asked = await read_json(request, schemas.NewKey)
    acts.check_end(asked.expires_at, request.app[PARTS].clock.now())
    return acts.KeyPlan(label=asked.label, scopes=frozenset(asked.scopes), expires_at=asked.expires_at)
