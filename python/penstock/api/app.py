"""The application: its whole route table on one screen."""

from collections.abc import Sequence
from functools import cache
from typing import Final

import structlog
from aiohttp import web

from penstock.api import (
    campaigns,
    controls,
    events,
    ingest,
    keys,
    limited,
    limits,
    lookup,
    messages,
    openapi,
    opt_outs,
    queries,
    recipients,
    report,
    schemas,
    singles,
    tenant,
    trials,
)
from penstock.api.admin.routes import ADMIN_ROUTES, for_operators
from penstock.api.filters import FILTERS
from penstock.api.idempotency import check_key
from penstock.api.middleware import add_headers, observe
from penstock.api.open_routes import OPEN_ROUTES
from penstock.api.pages import serve
from penstock.api.parts import PARTS, Parts
from penstock.api.queries import PAGE
from penstock.api.routes import ONCE, ROUTE, SPENDS, Address, Handler, Route, delete, get, patch, post, put
from penstock.api.streams import check_announced_size, wait_with_invitation
from penstock.domain.errors import KeyRequiredError, OptedOutError
from penstock.domain.keys import Scope
from penstock.limits.rules import Tier

CAMPAIGN: Final = "/v1/campaigns/{campaign_id}"
MESSAGE: Final = "/v1/messages/{message_id}"
SENDS: Final = Tier.SEND

_List = schemas.Listing

# Looking needs the scope `read`, doing needs `send`, unless a line says otherwise. Every call counts in the limits of callers;
# one that makes messages go out or makes a key is of a tier that has limits of its own.
TENANT_ROUTES: Final[Sequence[Route]] = (
    post("/v1/campaigns", campaigns.create, schemas.NewCampaign, schemas.CampaignView, 201, key=ONCE),
    get("/v1/campaigns", campaigns.index, _List[schemas.CampaignSummary], query=(*PAGE, *FILTERS)),
    get(CAMPAIGN, campaigns.show, schemas.CampaignView),
    post(f"{CAMPAIGN}/send", campaigns.send, schemas.SendRequest, schemas.CampaignView, 202, key=SPENDS, tier=SENDS),
    post(f"{CAMPAIGN}/pause", controls.pause, schemas.PauseRequest, schemas.CampaignView, key=ONCE),
    post(f"{CAMPAIGN}/resume", controls.resume, schemas.Empty, schemas.CampaignView, key=ONCE),
    post(f"{CAMPAIGN}/cancel", controls.cancel, schemas.Empty, schemas.CanceledView, key=ONCE),
    post(f"{CAMPAIGN}/retry-failed", controls.retry_failed, schemas.RetryRequest, schemas.RetryView, key=ONCE, tier=SENDS),
    post(
        f"{CAMPAIGN}/test", trials.trial, schemas.TrialRequest, schemas.MessageDetail, 201,
        key=ONCE, tier=SENDS, errors=(OptedOutError,),
    ),
    post(f"{CAMPAIGN}/quote", controls.quote, schemas.Empty, schemas.Quote, scope=Scope.READ),
    get(f"{CAMPAIGN}/events", events.stream, None, downloads=events.DOWNLOADS),
    post(
        f"{CAMPAIGN}/recipients", recipients.upload, None, schemas.UploadAnswer,
        query=recipients.QUERY, headers=recipients.HEADERS, uploads=recipients.UPLOADS,
    ),
    delete(f"{CAMPAIGN}/recipients", recipients.discard, None, None, 204),
    get(f"{CAMPAIGN}/skipped", recipients.skipped, _List[schemas.SkippedView], query=PAGE),
    get(f"{CAMPAIGN}/messages", messages.index, _List[schemas.MessageView], query=messages.QUERY),
    get(f"{CAMPAIGN}/report", report.stream, None, query=report.QUERY, downloads=report.DOWNLOADS),
    post(
        "/v1/messages", singles.create, schemas.NewMessages, schemas.MessageDetail, 201,
        key=ONCE, tier=SENDS, also=singles.ALSO, errors=(OptedOutError,),
    ),
    post("/v1/messages/search", lookup.search, schemas.SearchRequest, schemas.Found, scope=Scope.READ),
    get(MESSAGE, lookup.show, schemas.MessageDetail),
    delete(MESSAGE, singles.cancel, None, schemas.MessageDetail),
    get(f"{MESSAGE}/timeline", lookup.timeline, schemas.Timeline),
    get("/v1/ingest", ingest.index, _List[schemas.SourceView]),
    put(
        "/v1/ingest/{source}", ingest.put_source, schemas.SourceSetup, schemas.SourceView, scope=Scope.MANAGE, also=ingest.NEW,
    ),
    delete("/v1/ingest/{source}", ingest.drop, None, None, 204, scope=Scope.MANAGE),
    post(
        "/v1/ingest/{source}", ingest.take, schemas.EventBody, schemas.EventTaken, 201,
        key=ONCE, tier=SENDS, also=ingest.KNOWN, errors=(KeyRequiredError,),
    ),
    get("/v1/opt-outs", opt_outs.index, _List[schemas.OptOutView], query=PAGE),
    post("/v1/opt-outs", opt_outs.add, schemas.Numbers, schemas.OptOutsAdded),
    delete("/v1/opt-outs", opt_outs.remove, schemas.Numbers, schemas.OptOutsRemoved),
    get("/v1/limits", limits.show, schemas.LimitsView),
    get("/v1/tenant", tenant.show, schemas.TenantView, scope=Scope.MANAGE),
    patch("/v1/tenant", tenant.change, schemas.OwnTenantChange, schemas.TenantView, scope=Scope.MANAGE),
    # Answers that show a key are never kept, so none of these takes an Idempotency-Key.
    get("/v1/keys", keys.index, _List[schemas.KeyView], scope=Scope.MANAGE, query=PAGE),
    post("/v1/keys", keys.create, schemas.NewKey, schemas.ShownKey, 201, scope=Scope.MANAGE, tier=Tier.REGISTER),
    # Replacing one is only a call: whoever finds a key in the wrong hands must not be told to wait.
    delete("/v1/keys/{key_id}", keys.revoke, None, None, 204, scope=Scope.MANAGE),
    post("/v1/keys/{key_id}/rotate", keys.rotate, schemas.Rotation, schemas.ShownKey, 201, scope=Scope.MANAGE),
)  # fmt: skip

SECTIONS: Final = (openapi.Section("tenantKey", TENANT_ROUTES), openapi.Section("operatorKey", ADMIN_ROUTES))
"""Every table, with the key that opens it."""


def make_app(parts: Parts, extra_routes: Sequence[web.RouteDef] = ()) -> web.Application:
    """The tenants' routes behind their keys, the operator's behind theirs if there is one, the document, and `extra_routes`."""
    app = web.Application(middlewares=[observe])
    app[PARTS] = parts
    app.on_response_prepare.append(add_headers)
    for route in TENANT_ROUTES:
        _add(app, route, for_tenants(parts, route))
    if parts.admin_key is not None:
        for admin_route in ADMIN_ROUTES:
            _add(app, admin_route, for_operators(parts.admin_key, admin_route))
    app.router.add_routes([*_documentation(), *extra_routes])
    events.prepare(app)
    return app


def _add(app: web.Application, route: Address, handler: Handler) -> None:
    for method in methods_of(route):
        app.router.add_route(method, route.path, handler, expect_handler=wait_with_invitation)


@cache
def _documentation() -> list[web.RouteDef]:
    return serve.routes(openapi.document(SECTIONS, OPEN_ROUTES))


def methods_of(route: Address) -> tuple[str, ...]:
    """HEAD comes with GET, but for streams: there it would cost as much and say nothing."""
    is_looking = route.method == "GET" and route.gives is not None
    return (route.method, "HEAD") if is_looking else (route.method,)


def for_tenants(parts: Parts, route: Route) -> Handler:
    """The route's handler behind the key: nothing of a request is looked at before its caller is known and allowed."""

    async def authenticated(request: web.Request) -> web.StreamResponse:
        caller = await limited.find_caller(request)
        structlog.contextvars.bind_contextvars(tenant_id=caller.tenant_id)
        await limited.admit(request, caller, route.tier)
        caller.require(route.scope)
        request[ROUTE] = route
        check_key(request, route)
        check_announced_size(request, parts.http.max_upload_bytes if route.uploads else parts.http.max_json_bytes)
        queries.read_parameters(request, route)
        return await route.handler(request, caller)

    return authenticated
