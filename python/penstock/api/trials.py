"""One test message of a campaign: its text with the caller's values, sent the way single messages are sent."""

from aiohttp import web

from penstock.api import queries, schemas
from penstock.api.auth import Caller
from penstock.api.bodies import read_json
from penstock.api.campaigns import find
from penstock.api.idempotency import once_grouped
from penstock.api.names import request_id
from penstock.api.parts import PARTS
from penstock.api.singles import render_one
from penstock.domain.single import Single
from penstock.ingest.repeats import Replied
from penstock.ingest.trial import render_trial
from penstock.store.idempotency import RequestKey


async def trial(request: web.Request, caller: Caller) -> web.Response:
    """Send one message with the campaign's text, to try it. It is no recipient of the campaign and not in its books."""
    parts, campaign_id = request.app[PARTS], queries.campaign_id(request)
    asked = await read_json(request, schemas.TrialRequest)
    async with parts.store.tenant(caller.tenant_id) as connection:
        campaign = await find(connection, caller.tenant_id, campaign_id)
    made = render_trial(campaign, asked.to, asked.values)
    message = Single(
        account_id=campaign.account_id, sender=campaign.sender, number=made.msisdn, text=made.text, segments=made.segments
    )

    async def send(key: RequestKey | None) -> Replied:
        return await parts.singles.send(caller.tenant_id, key, [message], render_one(message, request_id(request)))

    return await once_grouped(request, caller, send)
