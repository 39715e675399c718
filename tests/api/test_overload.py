"""Connections that bring nothing: bounded in number and time, while everybody else is served as usual."""

import asyncio
import itertools
import resource
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from typing import Final

import pytest
from aiohttp import web

from penstock.api import ops, streams, webhooks
from penstock.api.app import make_app
from penstock.api.parts import Parts
from penstock.api.server import WebServer
from penstock.config import Http
from penstock.health import Health
from penstock.redact import Secret
from tests.api.conftest import CHUNK, Api, rows
from tests.api.wire import connect, exchange, read_reply, request

DRIPPERS: Final = 500
FROM = "127.0.0.2"
"""Another address of this machine: one that is not the callers'."""
WINDOW_S: Final = 2.0
HEAD_S: Final = 2.5
BOUND_S: Final = 15.0


@pytest.fixture
def http_settings() -> Http:
    """Room for many, and for half as many of one address."""
    return Http(
        connections=600, connections_per_ip=300, head_timeout=timedelta(seconds=HEAD_S), least_bytes_per_s=100,
        body_timeout=timedelta(seconds=3), max_json_bytes=100_000,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def short_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rate of a body is looked at sooner than in real life."""
    monkeypatch.setattr(streams, "WINDOW_S", WINDOW_S)


@pytest.fixture(autouse=True)
def enough_files() -> Iterator[None]:
    """Both ends of every connection are this process's."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)) if hard > 0 else 4096, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def upload_head(api: Api, campaign: str, length: int = 1_000_000) -> bytes:
    """The beginning of an upload."""
    return request(api, "POST", f"/v1/campaigns/{campaign}/recipients", "Content-Type: text/csv", "Upload-Id: a", length=length)


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first: bytes) -> tuple[float, bytes]:
    """Send a beginning and then a byte every half second, until the other side ends it; how long that took, and its words."""
    started = time.perf_counter()
    hearing = asyncio.get_running_loop().create_task(hear(reader))
    with suppress(ConnectionError):
        writer.write(first)
        while not (await asyncio.wait({hearing}, timeout=0.5))[0]:
            writer.write(b"x")
            await writer.drain()
    said = await hearing
    writer.close()
    return time.perf_counter() - started, said


async def hear(reader: asyncio.StreamReader) -> bytes:
    """All that comes until the end, a reset included."""
    pieces = []
    with suppress(ConnectionError):
        while piece := await reader.read(65536):
            pieces.append(piece)
    return b"".join(pieces)


@asynccontextmanager
async def served(app: web.Application, parts: Parts) -> AsyncIterator[str]:
    """Another listener; its address."""
    halt, server = asyncio.Event(), WebServer("ops", app, parts.http, 0, parts.metrics)
    async with asyncio.TaskGroup() as group:
        group.create_task(server.run(halt))
        await server.listening.wait()
        yield f"http://127.0.0.1:{server.port}"
        halt.set()


async def test_five_hundred_drippers_do_not_slow_anybody(api: Api) -> None:
    """300 of one address get in and are ended in time, the rest is turned away; other callers are served as usual."""
    campaign = await api.create()
    firsts = [
        b"",
        b"GET /a",
        request(api, "POST", "/v1/campaigns", "Content-Type: application/json", length=90),
    ]
    ops_app = web.Application()
    ops_app.add_routes(ops.routes(Health(), api.parts.metrics))
    async with AsyncExitStack() as stack:
        door = await stack.enter_async_context(served(ops_app, api.parts))
        group = await stack.enter_async_context(asyncio.TaskGroup())
        opened = await asyncio.gather(*(connect(api, FROM) for _ in range(DRIPPERS)))
        too_many = DRIPPERS - api.parts.http.connections_per_ip
        async with asyncio.timeout(BOUND_S):
            while turned_away(api) < too_many:
                await asyncio.wait({asyncio.get_running_loop().create_future()}, timeout=0.01)
        beginnings = itertools.cycle([*firsts, upload_head(api, campaign)])
        drippers = [group.create_task(drip(*one, first)) for one, first in zip(opened, beginnings, strict=False)]
        times = []
        while not all(task.done() for task in drippers):
            started = time.perf_counter()
            assert (await api.call("GET", "/v1/campaigns")).status == 200
            async with api.session.get(f"{door}/livez") as alive:
                assert alive.status == 200
            times.append(time.perf_counter() - started)
    ends = [task.result() for task in drippers]
    assert max(seconds for seconds, _ in ends) < BOUND_S
    assert sorted(times)[len(times) * 9 // 10] < 0.5
    first_lines = Counter(said.partition(b"\r\n")[0] for _, said in ends)
    assert first_lines[b"HTTP/1.1 408 Request Timeout"] >= DRIPPERS // 10, first_lines
    assert turned_away(api) == too_many


def turned_away(api: Api) -> float:
    """Connections of one address that were too many."""
    name = "penstock_http_connections_refused_total"
    return api.parts.metrics.registry.get_sample_value(name, {"reason": "address"}) or 0.0


async def test_a_dripping_upload_keeps_what_it_brought_and_can_be_continued(api: Api) -> None:
    """It ends with 408, says where it stands, and the same body in earnest completes it."""
    campaign, body = await api.create(), rows(50)
    _, said = await drip(*await connect(api), upload_head(api, campaign, len(body) + 1_000) + body[:600])
    assert b" 408 " in said.partition(b"\r\n")[0]
    assert b'"upload_id":"a"' in said
    answer = await api.upload(campaign, body, upload_id="a")
    assert (answer.status, answer.json["accepted"]) == (200, 50), answer.body
    assert CHUNK < 50


async def test_a_connection_that_is_one_too_many_hears_why(api: Api) -> None:
    """It gets 503 with Retry-After as its whole answer, without being read; when one leaves there is room again."""
    held = [await connect(api, FROM) for _ in range(api.parts.http.connections_per_ip)]
    await exchange(api, request(api, "GET", "/v1/campaigns"))
    reader, writer = await connect(api, FROM)
    writer.write(b"GET /v1/campaigns HTTP/1.1\r\n")
    reply = await read_reply(reader)
    assert reply.status == 503
    assert reply.headers["retry-after"] == "2"
    assert reply.problem["code"] == "unavailable"
    assert reply.problem["retryable"] is True
    assert reply.problem["request_id"] == reply.headers["x-request-id"]
    assert await reader.read() == b""
    for _, one in [*held, (reader, writer)]:
        one.close()
        with suppress(ConnectionError):
            await one.wait_closed()
    async with asyncio.timeout(5):
        while True:
            reader, writer = await connect(api, FROM)
            writer.write(request(api, "GET", "/v1/campaigns"))
            status = (await read_reply(reader)).status
            writer.close()
            if status == 200:
                break


class TestBehindAProxy:
    """Where the other address is a trusted proxy's."""

    @pytest.fixture
    def http_settings(self) -> Http:
        """Room for three of one address."""
        return Http(connections=20, connections_per_ip=3, trusted_proxies=(FROM,))

    async def test_a_proxy_may_bring_everybody(self, api: Api) -> None:
        """Its connections are bounded by the room for all, not by the bound for one address."""
        async with AsyncExitStack() as stack:
            for _ in range(4 * api.parts.http.connections_per_ip):
                reader, writer = await connect(api, FROM)
                stack.callback(writer.close)
                writer.write(request(api, "GET", "/v1/campaigns"))
                assert (await read_reply(reader)).status == 200
        assert turned_away(api) == 0


async def test_silence_and_half_a_head_are_ended(api: Api) -> None:
    """A connection that sends nothing, or not all of a head, is closed; so is one that was good before."""
    for first in (b"", b"GET / HTTP/1.1\r\nHost: te"):
        seconds, said = await drip(*await connect(api), first) if first else await wait_for_end(api)
        assert said == b""
        assert HEAD_S * 0.9 < seconds < BOUND_S
    reader, writer = await connect(api)
    writer.write(request(api, "GET", "/v1/campaigns"))
    assert (await read_reply(reader)).status == 200
    seconds, said = await drip(reader, writer, b"GET /a")
    assert HEAD_S * 0.9 < seconds < BOUND_S


async def wait_for_end(api: Api) -> tuple[float, bytes]:
    """Open a connection, say nothing, and see when it ends."""
    reader, writer = await connect(api)
    started = time.perf_counter()
    said = await reader.read()
    writer.close()
    return time.perf_counter() - started, said


async def test_an_idle_connection_is_kept_and_a_working_one_is_not_cut(api: Api) -> None:
    """The deadline is for heads: between requests and while a body comes at a fair pace it does not count."""
    campaign, body = await api.create(), rows(300)
    reader, writer = await connect(api)
    writer.write(request(api, "GET", "/v1/campaigns"))
    assert (await read_reply(reader)).status == 200
    await asyncio.wait({asyncio.get_running_loop().create_future()}, timeout=HEAD_S * 1.5)
    writer.write(upload_head(api, campaign, len(body)))
    for start in range(0, len(body), 1000):
        writer.write(body[start : start + 1000])
        await asyncio.wait({asyncio.get_running_loop().create_future()}, timeout=HEAD_S / 4)
    reply = await read_reply(reader)
    assert reply.status == 200, reply.raw
    writer.close()


async def test_a_slow_webhook_body_is_ended(api: Api) -> None:
    """Every body has a deadline, not only the callers'."""

    async def accept(_: bytes, __: str) -> int:
        raise AssertionError("nothing whole has come")

    async with served(make_app(api.parts, webhooks.routes(accept, Secret("s"), api.parts.metrics)), api.parts) as url:
        sent = {"data": never(), "headers": {"X-Webhook-Secret": "s", "Content-Type": "application/json"}}
        async with api.session.post(f"{url}/webhooks/mitto/dlr", **sent) as response:
            assert response.status == 408
            assert (await response.json(content_type=None))["code"] == "request_timeout"


async def never() -> AsyncIterator[bytes]:
    """A body that begins and does not go on."""
    yield b"{"
    await asyncio.get_running_loop().create_future()
