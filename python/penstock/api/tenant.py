"""The tenant itself, for a key that may manage it."""

from aiohttp import web

from penstock.api import schemas, views
from penstock.api.answers import answer
from penstock.api.auth import Caller
from penstock.api.bodies import read_json
from penstock.api.parts import PARTS
from penstock.domain.audit import by_key
from penstock.ingest import tenants as acts


async def show(request: web.Request, caller: Caller) -> web.Response:
    """Show the tenant and its settings."""
    async with request.app[PARTS].store.tenant(caller.tenant_id) as connection:
        return answer(views.tenant(await acts.find_tenant(connection, caller.tenant_id)))


async def change(request: web.Request, caller: Caller) -> web.Response:
    """Change settings: fields that are given are set, null resets one. Which account is billed is the operator's to say."""
    parts = request.app[PARTS]
    changes = (await read_json(request, schemas.OwnTenantChange)).settings.changes()
    acts.check_settings(changes)
    async with parts.store.tenant(caller.tenant_id) as connection, connection.transaction():
        tenant = await acts.change_settings(connection, by_key(caller.key_id), caller.tenant_id, changes)
    parts.authenticator.forget(caller.tenant_id)
    return answer(views.tenant(tenant))
