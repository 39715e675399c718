"""One test message of a campaign: its text with the caller's values, sent the way single messages are sent.

The sending is handed in, and is the single-message path's: with it `trial(send)` becomes the route `…/test`.
"""

from collections.abc import Awaitable, Callable

from aiohttp import web

from penstock.api import queries, schemas
from penstock.api.auth import Caller
from penstock.api.bodies import read_json
from penstock.api.campaigns import find
from penstock.api.idempotency import once
from penstock.api.routes import TenantHandler
from penstock.ingest.trial import Trial, render_trial
from penstock.store.campaigns import Campaign
from penstock.store.idempotency import StoredAnswer
from penstock.store.pool import Connection

SendTrial = Callable[[Connection, Caller, Campaign, Trial], Awaitable[StoredAnswer]]
"""Stores the message for sending from the campaign's sender and account, unless its number opted out, and answers."""


def trial(send: SendTrial) -> TenantHandler:
    """The handler of POST …/test."""

    async def handler(request: web.Request, caller: Caller) -> web.Response:
        """Send one message with the campaign's text, to try it. It is no recipient of the campaign and not in its books."""
        queries.parameters(request)
        campaign_id = queries.campaign_id(request)
        asked = await read_json(request, schemas.TrialRequest)

        async def effect(connection: Connection) -> StoredAnswer:
            campaign = await find(connection, caller.tenant_id, campaign_id)
            return await send(connection, caller, campaign, render_trial(campaign, asked.to, asked.values))

        return await once(request, caller, effect)

    return handler
