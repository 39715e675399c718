"""Plain reports go past the application, and nobody can tell by the answer."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec import Struct
from structlog.testing import capture_logs

from penstock import _core
from penstock.api import webhooks
from penstock.api.app import make_app
from penstock.api.middleware import standing_headers
from penstock.api.server import WebServer
from penstock.api.shortcut import MOST_BYTES, ReportShortcut
from penstock.domain.errors import MalformedRequestError, UnavailableError
from penstock.redact import Secret
from tests.api.conftest import Api

REPORT = b'{"messageId":"a","deliveryStatus":"Delivered"}'
SECRET = {"X-Webhook-Secret": "s", "Content-Type": "application/json"}


async def accept(body: bytes, content_type: str) -> int:
    """As the receiver does, without a database."""
    if body == b'{"messageId":"full"}':
        raise UnavailableError("The reports could not be stored; send them again.")
    if body == b'{"messageId":"bug"}':
        raise ZeroDivisionError
    try:
        return len(_core.read_reports(body, content_type).ids)
    except _core.FormatError as error:
        raise MalformedRequestError(str(error)) from error


@asynccontextmanager
async def door(api: Api, *, is_short: bool, safe_mode: bool = False) -> AsyncIterator[str]:
    """The reports' address, with the short way or without."""
    parts, secret = api.parts, Secret("s")
    app = make_app(parts, webhooks.routes(accept, secret, parts.metrics))
    headers = standing_headers(safe_mode=safe_mode)
    shortcut = ReportShortcut(accept, secret, parts.metrics, new_id=lambda: "made-here", headers=headers)
    web = WebServer("test", app, parts.http, 0, parts.metrics, shortcut=shortcut if is_short else None)
    halt = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(web.run(halt))
        await web.listening.wait()
        try:
            yield f"http://127.0.0.1:{web.port}{webhooks.PATH}"
        finally:
            halt.set()


class Seen(Struct, frozen=True):
    """What a provider sees, and what is written down."""

    status: int
    headers: list[str]
    body: Any
    lines: list[tuple[str, str, int]]


async def call(api: Api, url: str, body: bytes, headers: Mapping[str, str] = SECRET, **sent: Any) -> Seen:
    """One request; the log's lines about requests with their level."""
    with capture_logs() as lines:
        async with api.session.post(url, data=body, headers=headers, **sent) as response:
            found = await response.json(content_type=None) if response.content_type.endswith("json") else None
    if found is not None:
        assert found.pop("request_id") == response.headers["X-Request-Id"]
    written = [(line["event"], line["log_level"], line.get("status", 0)) for line in lines]
    return Seen(response.status, sorted(response.headers), found, written)


@pytest.mark.parametrize("body", [b"{", b"", b'{"messageId":"full"}', b'{"messageId":"bug"}', b"[]"], ids=range(5))
async def test_both_ways_answer_alike(api: Api, body: bytes) -> None:
    """What cannot be stored gets the same answer and leaves the same lines; an empty list is stored either way."""
    async with door(api, is_short=True) as short, door(api, is_short=False) as ordinary:
        by_short, by_ordinary = await call(api, short, body), await call(api, ordinary, body)
    if body == b"[]":
        assert (by_short.status, by_short.headers, by_short.body) == (202, by_ordinary.headers, None)
    else:
        assert by_short == by_ordinary
        assert by_short.status >= 400


async def test_a_plain_report_goes_the_short_way(api: Api) -> None:
    """Stored, answered 202, counted and measured; no line is written."""
    metrics = api.parts.metrics
    before = metrics.webhooks_processed._value.get()
    async with door(api, is_short=True) as url:
        seen = await call(api, url, REPORT)
    assert (seen.status, seen.body, seen.lines) == (202, None, [])
    assert metrics.webhooks_processed._value.get() == before + 1


@pytest.mark.parametrize(
    ("query", "body", "headers", "status"),
    [
        ("?token=s", REPORT, {"Content-Type": "application/json"}, 202),
        ("", REPORT, {**SECRET, "X-Webhook-Secret": "wrong"}, 401),
        ("", REPORT, {"Content-Type": "application/json"}, 401),
        ("", gzip.compress(REPORT), {**SECRET, "Content-Encoding": "gzip"}, 415),
        ("", b"[" + b",".join([REPORT] * (MOST_BYTES // len(REPORT) + 1)) + b"]", SECRET, 202),
    ],
    ids=["secret in the query", "wrong secret", "no secret", "packed", "large"],
)
async def test_all_else_goes_the_ordinary_way(api: Api, query: str, body: bytes, headers: dict[str, str], status: int) -> None:
    """A secret in the query or a wrong one, an encoding, a large body: the application answers and writes its line."""
    async with door(api, is_short=True) as url:
        seen = await call(api, url + query, body, headers, skip_auto_headers=("Accept-Encoding",))
    assert seen.status == status
    assert [event for event, _, _ in seen.lines] == ["request"]


async def test_other_methods_and_paths_are_the_applications(api: Api) -> None:
    """The short way is for one path and one method."""
    async with door(api, is_short=True) as url:
        async with api.session.put(url, data=REPORT, headers=SECRET) as response:
            assert response.status == 405
        async with api.session.post(f"{url}/more", data=REPORT, headers=SECRET) as response:
            assert response.status == 404


async def test_safe_mode_is_said(api: Api) -> None:
    """Every answer says it, those of the short way too, good or bad."""
    async with door(api, is_short=True, safe_mode=True) as url:
        assert "X-Safe-Mode" in (await call(api, url, REPORT)).headers
        assert "X-Safe-Mode" in (await call(api, url, b"{")).headers
