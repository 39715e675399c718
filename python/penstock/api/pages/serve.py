"""The addresses under which the document and the pages are read. They are made once and need no key."""

import hashlib
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import web
from msgspec import Struct

from penstock.api.pages import errors, reference
from penstock.api.pages.markup import HEADERS
from penstock.api.problems import ROWS
from penstock.domain.errors import NotFoundError


class Fixed(Struct, frozen=True):
    """An answer that is the same as long as the process lives."""

    content_type: str
    body: bytes
    etag: str


def routes(document: dict[str, Any]) -> list[web.RouteDef]:
    """The document, its page, and the pages of the codes."""
    pages = {code: _fixed("text/html", errors.render_one(code)) for code in ROWS}

    async def error_page(request: web.Request) -> web.Response:
        found = pages.get(request.match_info["code"])
        if found is None:
            raise NotFoundError("There is no such code.")
        return _answer(request, found)

    return [
        web.get("/openapi.json", _always(_fixed("application/json", msgspec.json.encode(document)))),
        web.get("/docs", _always(_fixed("text/html", reference.render(document)))),
        web.get("/docs/errors/", _always(_fixed("text/html", errors.render_all()))),
        web.get("/docs/errors/{code}", error_page),
    ]


def _fixed(content_type: str, body: bytes) -> Fixed:
    return Fixed(content_type, body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


def _always(fixed: Fixed) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        return _answer(request, fixed)

    return answer


def _answer(request: web.Request, fixed: Fixed) -> web.Response:
    headers = {**HEADERS, "ETag": fixed.etag, "Cache-Control": "no-cache"}
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")}
    if known & {fixed.etag, "*"}:
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    charset = "utf-8" if fixed.content_type == "text/html" else None
    return web.Response(body=fixed.body, content_type=fixed.content_type, charset=charset, headers=headers)
