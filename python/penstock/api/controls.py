"""What is done to a campaign that was told to send: pause, resume, cancel, retry; and what sending would come to."""

from uuid import UUID

from aiohttp import web

from penstock.api import queries, schemas, views
from penstock.api.answers import answer, stored
from penstock.api.auth import Caller
from penstock.api.bodies import read_optional_json
from penstock.api.campaigns import find, view_of
from penstock.api.idempotency import once
from penstock.api.parts import PARTS, new_id
from penstock.domain.campaign import CampaignState
from penstock.domain.ids import CampaignId
from penstock.ingest import control, steering
from penstock.ingest.quote import Surroundings, make_quote
from penstock.ingest.retry import Retries, requeue
from penstock.store.idempotency import StoredAnswer
from penstock.store.pool import Connection


async def pause(request: web.Request, caller: Caller) -> web.Response:
    """Send nothing more until it is resumed; requests that have left are still answered for. Pausing twice changes nothing."""
    parts, campaign_id = request.app[PARTS], queries.campaign_id(request)
    asked = await read_optional_json(request, schemas.PauseRequest)

    async def effect(connection: Connection) -> StoredAnswer:
        campaign = await steering.pause(connection, caller.tenant_id, campaign_id, asked.reason)
        return stored(await view_of(connection, parts, campaign))

    return await once(request, caller, effect)


async def resume(request: web.Request, caller: Caller) -> web.Response:
    """Go on where it was paused. Validity went on meanwhile, a pace did not. Resuming twice changes nothing."""
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


async def retry_failed(request: web.Request, caller: Caller) -> web.Response:
    """Try again what is proven unsent, and nothing that may have been sent.

    While the campaign sends: batches that failed by themselves. Once it has ended: its messages that were rejected, ran out of
    validity or were canceled before the provider took them, as a campaign of their own; a draft, unless `send` is set.
    """
    parts, campaign_id = request.app[PARTS], queries.campaign_id(request)
    asked = await read_optional_json(request, schemas.RetryRequest)
    retries = Retries(parts.store, parts.intake)
    retry_id = await retries.prepare(caller.tenant_id, campaign_id, CampaignId(UUID(new_id(parts))))

    async def effect(connection: Connection) -> StoredAnswer:
        requeued = await requeue(connection, caller.tenant_id, campaign_id)
        view = None
        if retry_id is not None:
            campaign = await find(connection, caller.tenant_id, retry_id)
            if asked.send and campaign.state is CampaignState.DRAFT:
                now = parts.clock.now()
                campaign = await control.start_sending(connection, caller.tenant_id, retry_id, None, now)
            view = await view_of(connection, parts, campaign)
        return stored(schemas.RetryView(requeued=requeued, campaign=view))

    return await once(request, caller, effect)


async def quote(request: web.Request, caller: Caller) -> web.Response:
    """Say what sending would come to, and what stands in its way. Nothing is changed."""
    parts, campaign_id = request.app[PARTS], queries.campaign_id(request)
    await read_optional_json(request, schemas.Empty)
    around = Surroundings(now=parts.clock.now(), speeds=parts.speeds, safe_mode=parts.safe_mode)
    async with parts.store.tenant(caller.tenant_id) as connection:
        return answer(views.quote(await make_quote(connection, caller.tenant_id, campaign_id, around)))
