"""Around every request: its id, one log line, one measurement, and every error as a problem.

Not for deciding anything: who may call is in auth.py, what an error means in problems.py.
"""

import logging
import re
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

import structlog
from aiohttp import web

from penstock.api import limited, ops, problems
from penstock.api.names import REQUEST_ID, SERVER, request_id
from penstock.api.parts import PARTS, Parts, new_id
from penstock.telemetry.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_WELL_FORMED_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_LEVELS: Final[dict[problems.Level, int]] = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

CLIENT_GONE: Final = 499
"""For log and metrics only: the caller left before its answer was complete."""


@web.middleware
async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Name the request, answer it whatever happens, and write down how it went."""
    parts = request.app[PARTS]
    request[REQUEST_ID] = _choose_id(request, parts)
    started = parts.clock.monotonic()
    status: int = CLIENT_GONE
    level: problems.Level = "info"
    with structlog.contextvars.bound_contextvars(request_id=request_id(request)):
        try:
            response, level = await _answer(request, handler)
            status = response.status
        finally:
            _record(request, parts, status, level, parts.clock.monotonic() - started)
    return response


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """On every answer, streamed ones too."""
    response.headers["X-Request-Id"] = request_id(request)
    response.headers.update(standing_headers(safe_mode=request.app[PARTS].safe_mode))
    limited.add_limits(request, response)


def standing_headers(*, safe_mode: bool) -> dict[str, str]:
    """What every answer of this process says about it."""
    return {"Server": SERVER, **({"X-Safe-Mode": "1"} if safe_mode else {})}


async def _answer(request: web.Request, handler: Handler) -> tuple[web.StreamResponse, problems.Level]:
    try:
        return await handler(request), "info"
    except ConnectionError:
        raise  # The caller is gone: there is nobody to answer.
    except Exception as error:
        row = problems.row_of(error)
        if row is problems.INTERNAL:
            log.exception("request_failed")
        if _has_begun(request):
            raise ConnectionResetError("the answer had begun and cannot be completed") from error
        return problems.render(error, request_id(request)), row.level


def _has_begun(request: web.Request) -> bool:
    """Whether a part of an answer is out: then breaking the connection is the only honest end."""
    return request.writer.output_size > 0


def _choose_id(request: web.Request, parts: Parts) -> str:
    """The caller's own, if it is well-formed, so that both sides' logs can be joined."""
    given = request.headers.get("X-Request-Id", "")
    return given if _WELL_FORMED_ID.fullmatch(given) else new_id(parts)


def _record(request: web.Request, parts: Parts, status: int, level: problems.Level, seconds: float) -> None:
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else "unmatched"
    method = request.method if request.method in _METHODS else "OTHER"
    record(parts.metrics, Done(method, route, status), level, seconds)


class Done(NamedTuple):
    """A request that was answered."""

    method: str
    route: str
    status: int


def record(metrics: Metrics, done: Done, level: problems.Level, seconds: float) -> None:
    """One measurement and one log line."""
    metrics.http_duration.labels(done.method, done.route, str(done.status)).observe(seconds * 1000)
    if done.route in ops.PATHS and level == "info":
        return
    log.log(_LEVELS[level], "request", **done._asdict(), duration_ms=round(seconds * 1000, 1))
