"""The application: its whole route table on one screen."""

from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from typing import Final

import structlog
from aiohttp import web

from penstock.api import campaigns, messages, openapi, opt_outs, queries, recipients, report, schemas
from penstock.api.idempotency import check_key
from penstock.api.middleware import add_headers, observe
from penstock.api.open_routes import OPEN_ROUTES
from penstock.api.pages import serve
from penstock.api.parts import PARTS, Parts
from penstock.api.queries import PAGE
from penstock.api.routes import ONCE, ROUTE, SPENDS, Address, Route, delete, get, post
from penstock.api.streams import check_announced_size, wait_with_invitation

CAMPAIGN: Final = "/v1/campaigns/{campaign_id}"

_List = schemas.Listing

# Looking needs the scope `read`, doing needs `send`, unless a line says otherwise.
TENANT_ROUTES: Final[Sequence[Route]] = (
    post("/v1/campaigns", campaigns.create, schemas.NewCampaign, schemas.CampaignView, 201, key=ONCE),
    get("/v1/campaigns", campaigns.index, _List[schemas.CampaignSummary], query=PAGE),
    get(CAMPAIGN, campaigns.show, schemas.CampaignView),
    post(f"{CAMPAIGN}/send", campaigns.send, schemas.SendRequest, schemas.CampaignView, 202, key=SPENDS),
    post(
        f"{CAMPAIGN}/recipients", recipients.upload, None, schemas.UploadAnswer,
        query=recipients.QUERY, headers=recipients.HEADERS, uploads=recipients.UPLOADS,
    ),
    delete(f"{CAMPAIGN}/recipients", recipients.discard, None, None, 204),
    get(f"{CAMPAIGN}/skipped", recipients.skipped, _List[schemas.SkippedView], query=PAGE),
    get(f"{CAMPAIGN}/messages", messages.index, _List[schemas.MessageView], query=messages.QUERY),
    get(f"{CAMPAIGN}/report", report.stream, None, query=report.QUERY, downloads=report.DOWNLOADS),
    get("/v1/opt-outs", opt_outs.index, _List[schemas.OptOutView], query=PAGE),
    post("/v1/opt-outs", opt_outs.add, schemas.Numbers, schemas.OptOutsAdded),
    delete("/v1/opt-outs", opt_outs.remove, schemas.Numbers, schemas.OptOutsRemoved),
)  # fmt: skip

SECTIONS: Final = (openapi.Section("tenantKey", TENANT_ROUTES),)
"""Every table, with the key that opens it."""


def make_app(parts: Parts, extra_routes: Sequence[web.RouteDef] = ()) -> web.Application:
    """The application with the tenants' routes behind their keys, its own description, and `extra_routes` as they are."""
    app = web.Application(middlewares=[observe])
    app[PARTS] = parts
    app.on_response_prepare.append(add_headers)
    for route in TENANT_ROUTES:
        for method in methods_of(route):
            app.router.add_route(method, route.path, for_tenants(parts, route), expect_handler=wait_with_invitation)
    app.router.add_routes([*_documentation(), *extra_routes])
    return app


@cache
def _documentation() -> list[web.RouteDef]:
    return serve.routes(openapi.document(SECTIONS, OPEN_ROUTES))


def methods_of(route: Address) -> tuple[str, ...]:
    """HEAD comes with GET, but for streams: there it would cost as much and say nothing."""
    is_looking = route.method == "GET" and route.gives is not None
    return (route.method, "HEAD") if is_looking else (route.method,)


def for_tenants(parts: Parts, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The route's handler behind the key: nothing of a request is looked at before its caller is known and allowed."""

    async def authenticated(request: web.Request) -> web.StreamResponse:
        caller = await parts.authenticator.authenticate(request)
        structlog.contextvars.bind_contextvars(tenant_id=caller.tenant_id)
        caller.require(route.scope)
        request[ROUTE] = route
        check_key(request, route)
        check_announced_size(request, parts.http.max_upload_bytes if route.uploads else parts.http.max_json_bytes)
        queries.read_parameters(request, route)
        return await route.handler(request, caller)

    return authenticated
