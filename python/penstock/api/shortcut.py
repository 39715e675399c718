"""A shorter way for the provider's reports, past the application.

Reports may come one a request, and then the machinery around a request costs several times what a report does. Only the plain
case goes this way: a POST to exactly the reports' path, with the secret in its header and a body that has arrived whole. All
else goes the ordinary way (webhooks.py), so what is refused and why is decided there alone. A report that is stored leaves a
measurement and no log line: at thousands a second, lines would cost more than reports.
"""

from collections.abc import Awaitable, Callable, Mapping
from hmac import compare_digest
from time import perf_counter
from typing import Final

import structlog
from aiohttp import web
from aiohttp.hdrs import CONTENT_ENCODING

from penstock.api import middleware, problems
from penstock.api.connection import answer
from penstock.api.webhooks import PATH, SECRET_HEADER, Accept
from penstock.redact import Secret
from penstock.telemetry.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

MOST_BYTES: Final = 64_000
"""Larger bodies are worth the ordinary way's bounds."""


class ReportShortcut:
    """Stands before the application's handler."""

    def __init__(
        self, accept: Accept, secret: Secret, metrics: Metrics, *, new_id: Callable[[], str], headers: Mapping[str, str]
    ) -> None:
        """`headers` go with every answer."""
        self._accept = accept
        self._secret = secret.reveal().encode()
        self._metrics = metrics
        self._new_id = new_id
        self._headers = headers
        self._duration = metrics.http_duration.labels("POST", PATH, "202")

    def before(self, ordinary: Handler) -> Handler:
        """A handler that takes the short way where it can."""

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            return await (self._store(request) if self._is_plain(request) else ordinary(request))

        return handle

    def _is_plain(self, request: web.BaseRequest) -> bool:
        if request.raw_path != PATH or request.method != "POST":
            return False
        body, headers = request.content, request.headers
        if not body.is_eof() or body.exception() is not None or body.total_bytes > MOST_BYTES or CONTENT_ENCODING in headers:
            return False
        return compare_digest(headers.get(SECRET_HEADER, "").encode("utf-8", "surrogateescape"), self._secret)

    async def _store(self, request: web.BaseRequest) -> web.StreamResponse:
        started, name = perf_counter(), self._new_id()
        try:
            await self._accept(request.content.read_nowait(), request.content_type)
        except Exception as error:  # noqa: BLE001 - whatever it is, the table says what it means
            return self._refuse(error, name, started)
        self._metrics.webhooks_processed.inc()
        self._duration.observe((perf_counter() - started) * 1000)
        return web.Response(status=202, headers={**self._headers, "X-Request-Id": name})

    def _refuse(self, error: Exception, name: str, started: float) -> web.Response:
        """As the ordinary way would answer and write it down."""
        self._metrics.webhooks_failed.inc()
        row = problems.row_of(error)
        with structlog.contextvars.bound_contextvars(request_id=name):
            if row is problems.INTERNAL:
                log.error("request_failed", exc_info=error)
            response = answer(error, name)
            middleware.record(
                self._metrics, middleware.Done("POST", PATH, response.status), row.level, perf_counter() - started
            )
        response.headers.update(self._headers)
        return response
