"""The header Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07): quoted as it says, or bare as clients send it.

Not for deciding what a repetition is: that is ingest/repeats.py.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from penstock import _core
from penstock.api import problems
from penstock.api.auth import Caller
from penstock.api.bodies import raw_body
from penstock.api.names import request_id
from penstock.api.parts import PARTS
from penstock.api.routes import ROUTE, KeyUse, Route
from penstock.domain.errors import GatewayError, KeyRequiredError, MalformedRequestError
from penstock.ingest.repeats import Refused, Replied
from penstock.store.idempotency import RequestKey, StoredAnswer
from penstock.store.pool import Connection

HEADER: Final = "Idempotency-Key"
_QUOTED: Final = re.compile(r'"((?:[!#-\[\]-~]|\\["\\]){1,255})"')
_BARE: Final = re.compile(r"[!#-~][!-~]{0,254}")
_ESCAPED: Final = re.compile(r'\\(["\\])')

Effect = Callable[[Connection], Awaitable[StoredAnswer]]
Send = Callable[[RequestKey | None], Awaitable[Replied]]


def check_key(request: web.Request, route: Route) -> None:
    """Refuse a request without a key where one is needed, before anything of it is read."""
    if route.key is not KeyUse.NONE and read_key(request) is None and route.key is KeyUse.REQUIRED:
        raise KeyRequiredError(f"Send a new {HEADER} with each request, and the same one when you repeat it.")


async def once(request: web.Request, caller: Caller, effect: Effect) -> web.Response:
    """Answer with the effect's answer: once, where the request carries a key. The effect runs in one transaction."""
    parts = request.app[PARTS]
    key = _request_key(request, caller)
    if key is None:
        async with parts.store.tenant(caller.tenant_id) as connection, connection.transaction():
            return _response(await effect(connection))

    async def kept(connection: Connection) -> StoredAnswer:
        try:
            return await effect(connection)
        except GatewayError as error:
            answer = problems.kept(error, request_id(request))
            if answer is None:
                raise
            raise Refused(answer) from error

    replied = await parts.repeats.answer(key, kept)
    return respond_once(replied.answer, is_repeat=replied.is_repeat)


async def once_grouped(request: web.Request, caller: Caller, send: Send) -> web.Response:
    """The same where `send` has a transaction of its own, which may be many requests': it is handed the key."""
    key = _request_key(request, caller)
    if key is None:
        return _response((await send(None)).answer)
    replied = await request.app[PARTS].repeats.first(key, lambda: send(key))
    return respond_once(replied.answer, is_repeat=replied.is_repeat)


def respond_once(answer: StoredAnswer, *, is_repeat: bool) -> web.Response:
    """The answer to a request with a key, marked as new or repeated."""
    response = _response(answer)
    response.headers["X-Idempotency"] = "HIT" if is_repeat else "MISS"
    return response


def _response(answer: StoredAnswer) -> web.Response:
    return web.Response(status=answer.status, body=answer.body, headers=answer.headers)


def _request_key(request: web.Request, caller: Caller) -> RequestKey | None:
    route = request[ROUTE]
    key = None if route.key is KeyUse.NONE else read_key(request)
    if key is None:
        return None
    body = raw_body(request)
    content_type = request.content_type if body else ""
    try:
        fingerprint = _core.fingerprint(request.method, request.path_qs, content_type, body)
    except _core.FormatError as error:
        raise MalformedRequestError(str(error)) from error
    variant = fingerprint if caller.settings.idempotency == "key_and_body" else b""
    return RequestKey(caller.tenant_id, route.name, key, fingerprint, variant)


def read_key(request: web.Request) -> str | None:
    """The header's key without its quotes, None when there is none. Raises MalformedRequestError."""
    given = request.headers.getall(HEADER, [])
    if not given:
        return None
    if len(given) > 1:
        raise MalformedRequestError(f"The header {HEADER} is given more than once.")
    if (quoted := _QUOTED.fullmatch(given[0])) is not None:
        return _ESCAPED.sub(r"\1", quoted[1])
    if _BARE.fullmatch(given[0]) is None:
        raise MalformedRequestError(f"{HEADER} is 1 to 255 visible ASCII characters, quoted or not.")
    return given[0]
