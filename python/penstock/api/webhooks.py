"""The provider's door: delivery reports. Authenticated by a shared secret, stored, answered 202.

Mitto signs nothing. The secret comes in a header that is registered with the webhook (preferred) or in the URL's query, which
is compared here and recorded nowhere.
"""

import hmac
from collections.abc import Awaitable, Callable

from aiohttp import web

from penstock.api import limited
from penstock.api.streams import read_body, wait_with_invitation
from penstock.domain.errors import UnauthenticatedError, UnsupportedTypeError
from penstock.redact import Secret
from penstock.telemetry.metrics import Metrics

PATH = "/webhooks/mitto/dlr"
MOST_BYTES = 8_000_000
SECRET_HEADER = "X-Webhook-Secret"  # noqa: S105 - a header's name
SECRET_PARAMETER = "token"  # noqa: S105 - a parameter's name
FORM = "application/x-www-form-urlencoded"

Accept = Callable[[bytes, str], Awaitable[int]]
"""Stores the reports of a body of some content type; returns when they are durable."""


def routes(accept: Accept, secret: Secret, metrics: Metrics) -> list[web.RouteDef]:
    """The provider's routes. Without the secret nothing is read and nothing is said.

    Forged calls are limited by their address, real ones never: a report that is turned away may not come again.
    """
    expected = secret.reveal().encode()

    async def delivery_reports(request: web.Request) -> web.Response:
        try:
            await _authenticate(request, expected)
            if request.method == "GET":
                await accept(_query_without_secret(request), FORM)
            else:
                await accept(await _body(request), request.content_type)
        except Exception:
            metrics.webhooks_failed.inc()
            raise
        metrics.webhooks_processed.inc()
        return web.Response(status=202)

    return [
        web.post(PATH, delivery_reports, expect_handler=wait_with_invitation),
        web.get(PATH, delivery_reports, allow_head=False),
    ]


async def _authenticate(request: web.Request, expected: bytes) -> None:
    given = request.headers.get(SECRET_HEADER) or request.query.get(SECRET_PARAMETER, "")
    if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected):
        raise await limited.refusal(request, UnauthenticatedError(f"Send the webhook's secret in {SECRET_HEADER}."))


def _query_without_secret(request: web.Request) -> bytes:
    pairs = [part for part in request.rel_url.raw_query_string.split("&") if not part.startswith(f"{SECRET_PARAMETER}=")]
    return "&".join(pairs).encode()


async def _body(request: web.Request) -> bytes:
    """Read up to the bound."""
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise UnsupportedTypeError("Send the reports without Content-Encoding.")
    return await read_body(request, MOST_BYTES)
