"""One connection: whether it may stay, how long its requests' heads may take, and what is said when they cannot be read.

aiohttp's own handler answers such bytes in plain text and writes them to the log; here they become problems like every other
error, and nothing of them is repeated.
"""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, cast
from uuid import uuid4

import structlog
from aiohttp import http_exceptions, web
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_request import BaseRequest
from msgspec import Struct

from penstock.api import problems
from penstock.api.address import Proxies
from penstock.api.crowd import Crowd
from penstock.api.names import REQUEST_ID, SERVER
from penstock.domain.errors import MalformedRequestError, UnavailableError
from penstock.telemetry.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)

BUSY_RETRY_S: Final = 2

# The first that fits. The exceptions' own texts quote what was sent.
_REASONS: Final[Mapping[type[Exception], str]] = {
    http_exceptions.LineTooLong: "A line or header of the request is too long.",
    http_exceptions.BadHttpMethod: "These bytes do not begin with a request of HTTP/1.1.",
    http_exceptions.BadStatusLine: "The first line is not that of a request of HTTP/1.1.",
    http_exceptions.InvalidHeader: "A header is not well-formed.",
    http_exceptions.InvalidURLError: "The address of the request is not well-formed.",
    http_exceptions.TransferEncodingError: "The body's chunks are not well-formed.",
    http_exceptions.ContentLengthError: "The body's length is not what was announced.",
    Exception: "The head of the request is not well-formed HTTP/1.1.",
}


class Rules(Struct, frozen=True, kw_only=True):
    """What a listener's connections share."""

    crowd: Crowd
    proxies: Proxies
    metrics: Metrics
    head_timeout_s: float


class Connection(RequestHandler):
    """aiohttp's handler of a connection, with bounds."""

    def __init__(self, rules: Rules, manager: web.Server, **kwargs: Any) -> None:  # noqa: ANN401 - aiohttp's own
        super().__init__(manager, **kwargs)
        self._rules = rules
        self._party: str | None = None
        self._head_deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let it in, or turn it away before a byte of it is read."""
        party = self._rules.proxies.party_of_connection(transport.get_extra_info("peername"))
        reason = self._rules.crowd.enter(party)
        if reason is not None:
            self._rules.metrics.connections_refused.labels(reason).inc()
            self._rules.crowd.turn_away(cast("asyncio.Transport", transport), refusal())
            return
        self._party = party
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: BaseException | None) -> None:
        """It is over, whoever ended it."""
        if self._party is not None:
            self._rules.crowd.leave(self._party)
            self._party = None
        self._head_has_come()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Part of a head, or of a body."""
        before = self._request_count
        super().data_received(data)
        if self._request_count != before:
            self._head_has_come()
        elif data and not self._is_busy and self._head_deadline is None:
            self._await_head()

    @property
    def _is_busy(self) -> bool:
        return self._request_in_progress or bool(self._messages)

    def _await_head(self) -> None:
        self._head_deadline = self._loop.call_later(self._rules.head_timeout_s, self._give_up)

    def _head_has_come(self) -> None:
        if self._head_deadline is not None:
            self._head_deadline.cancel()
            self._head_deadline = None

    def _give_up(self) -> None:
        self._head_deadline = None
        if not self._is_busy:
            self.force_close()

    def handle_error(
        self, request: BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """The answer to what could not be read, or to a defect outside every handler."""
        del message
        if request.writer.output_size > 0:
            raise ConnectionError("the answer had begun and cannot be completed")
        if status == HTTPStatus.BAD_REQUEST:
            reason = next(text for kind, text in _REASONS.items() if isinstance(exc, kind) or kind is Exception)
            log.info("request_unreadable", reason=type(exc).__name__)
            return last_answer(MalformedRequestError(reason), str(uuid4()))
        log.error("request_failed", exc_info=exc)
        return last_answer(RuntimeError(), str(uuid4()))

    async def finish_response(
        self, request: BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send it; what aiohttp itself raised before any handler ran is a problem too."""
        if isinstance(resp, web.HTTPException):
            request[REQUEST_ID] = name = str(uuid4())
            resp = answer(resp, name)
        return await super().finish_response(request, resp, start_time)


def answer(error: Exception, name: str) -> web.Response:
    """The problem, for a request that no application has seen."""
    response = problems.render(error, name)
    response.headers.update({"X-Request-Id": name, "Server": SERVER})
    return response


def last_answer(error: Exception, name: str) -> web.Response:
    """The same, and the connection ends."""
    response = answer(error, name)
    response.force_close()
    return response


def refusal() -> bytes:
    """The whole answer to a connection that is one too many."""
    response = answer(UnavailableError("Too many connections are open.", retry_after_s=BUSY_RETRY_S), str(uuid4()))
    body = response.body
    assert isinstance(body, bytes)  # noqa: S101 - for the type checker
    headers = {**response.headers, "Content-Length": str(len(body)), "Connection": "close"}
    lines = [f"HTTP/1.1 {response.status} {response.reason}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
