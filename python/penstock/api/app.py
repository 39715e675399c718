"""The application: its whole route table on one screen."""

from collections.abc import Sequence

from aiohttp import web

from penstock.api import campaigns, messages, opt_outs, recipients, report
from penstock.api.auth import TenantHandler, for_tenants
from penstock.api.middleware import add_headers, observe
from penstock.api.parts import PARTS, Parts

CAMPAIGN = "/v1/campaigns/{campaign_id}"

TENANT_ROUTES: Sequence[tuple[str, str, TenantHandler]] = (
    ("POST", "/v1/campaigns", campaigns.create),
    ("GET", "/v1/campaigns", campaigns.index),
    ("GET", CAMPAIGN, campaigns.show),
    ("POST", f"{CAMPAIGN}/send", campaigns.send),
    ("POST", f"{CAMPAIGN}/recipients", recipients.upload),
    ("DELETE", f"{CAMPAIGN}/recipients", recipients.discard),
    ("GET", f"{CAMPAIGN}/skipped", recipients.skipped),
    ("GET", f"{CAMPAIGN}/messages", messages.index),
    ("GET", f"{CAMPAIGN}/report", report.stream),
    ("GET", "/v1/opt-outs", opt_outs.index),
    ("POST", "/v1/opt-outs", opt_outs.add),
    ("DELETE", "/v1/opt-outs", opt_outs.remove),
)


def make_app(parts: Parts, extra_routes: Sequence[web.RouteDef] = ()) -> web.Application:
    """The application with the tenants' routes behind their keys, and `extra_routes` as they are."""
    app = web.Application(middlewares=[observe])
    app[PARTS] = parts
    app.on_response_prepare.append(add_headers)
    for method, path, handler in TENANT_ROUTES:
        app.router.add_route(method, path, for_tenants(parts.authenticator, handler))
    app.router.add_routes(extra_routes)
    return app
