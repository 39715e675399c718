"""What is done to a campaign that was told to send: pause, resume, cancel; and what sending would come to."""

from aiohttp import web

from penstock.api import queries, schemas, views
from penstock.api.answers import answer, stored
from penstock.api.auth import Caller
from penstock.api.bodies import read_optional_json
from penstock.api.campaigns import view_of
from penstock.api.idempotency import once
from penstock.api.parts import PARTS
from penstock.ingest import steering
from penstock.ingest.quote import Surroundings, make_quote
from penstock.store.idempotency import StoredAnswer
from penstock.store.pool import Connection


async def pause(request: web.Request, caller: Caller) -> web.Response:
    """Send nothing more until it is resumed; requests that have left are still answered for. Pausing twice changes nothing."""
    queries.parameters(request)
    parts, campaign_id = request.app[PARTS], queries.campaign_id(request)
    asked = await read_optional_json(request, schemas.PauseRequest)

    async def effect(connection: Connection) -> StoredAnswer:
        campaign = await steering.pause(connection, caller.tenant_id, campaign_id, asked.reason)
        return stored(await view_of(connection, parts, campaign))

    return await once(request, caller, effect)


async def resume(request: web.Request, caller: Caller) -> web.Response:
    """Go on where it was paused. Validity went on meanwhile, a pace did not. Resuming twice changes nothing."""
    queries.parameters(request)
    parts, campaign_id = request.app[PARTS], queries.campaign_id(request)
    await read_optional_json(request, schemas.Empty)

    async def effect(connection: Connection) -> StoredAnswer:
        campaign = await steering.resume(connection, caller.tenant_id, campaign_id, parts.clock.now())
        return stored(await view_of(connection, parts, campaign))

    return await once(request, caller, effect)


async def cancel(request: web.Request, caller: Caller) -> web.Response:
    """Send nothing more, for good. The numbers are exact at that instant; canceling twice shows them as they are then.

    Messages in flight end as sent, unknown, or stopped after all; unknown ones stay so until the provider's word is known.
    """
    queries.parameters(request)
    parts, campaign_id = request.app[PARTS], queries.campaign_id(request)
    await read_optional_json(request, schemas.Empty)

    async def effect(connection: Connection) -> StoredAnswer:
        done = await steering.cancel(connection, caller.tenant_id, campaign_id)
        view = schemas.CanceledView(
            stopped=done.stopped, in_flight=done.in_flight, sent=done.sent, unknown=done.unknown, refused=done.refused,
            campaign=await view_of(connection, parts, done.campaign),
        )  # fmt: skip
        return stored(view)

    return await once(request, caller, effect)


async def quote(request: web.Request, caller: Caller) -> web.Response:
    """Say what sending would come to, and what stands in its way. Nothing is changed."""
    queries.parameters(request)
    parts, campaign_id = request.app[PARTS], queries.campaign_id(request)
    await read_optional_json(request, schemas.Empty)
    around = Surroundings(now=parts.clock.now(), speeds=parts.speeds, safe_mode=parts.safe_mode)
    async with parts.store.tenant(caller.tenant_id) as connection:
        return answer(views.quote(await make_quote(connection, caller.tenant_id, campaign_id, around)))
