"""The whole way out: client and judgement against sockets that misbehave. Against the simulator: test_provider_simulator."""

import asyncio
import gzip
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from penstock.config import Mitto
from penstock.domain.outcome import Accepted, Held, NotSent, Outcome, Refused, Split, Throttled, Unknown
from penstock.providers.mitto import client as client_module
from penstock.providers.mitto.client import MittoClient
from penstock.providers.mitto.wire import judge
from penstock.providers.port import Answered, Disconnected, Reply, Unsent, pack_reply, unpack_reply
from penstock.redact import Secret
from tests.contract.hostile import HostileServer, http, reset_at_once, say

ACCOUNT = "00000000-0000-4000-8000-000000000001"
BODY = b'{"messages":[{"destination":"+4915100000000"},{"destination":"+4915100000001"}]}'
NOW = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
GOOD = b'{"bulkId":"b","messages":[{"messageId":"A"},{"messageId":"B"}]}'
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n"
ENDLESS_HEAD = b"HTTP/1.1 200 OK\r\n" + b"X-Filler: 0\r\n" * 5000


def settings_for(port: int, host: str = "127.0.0.1", **changes: Any) -> Mitto:
    """Build settings with short deadlines."""
    defaults = {"timeout": timedelta(seconds=0.4), "connect_timeout": timedelta(seconds=0.3)}
    return Mitto(**({"api_base": f"http://{host}:{port}", "api_key": Secret("mock-mitto-key")} | defaults | changes))


async def send(settings: Mitto, body: bytes = BODY) -> Reply:
    """Send one request of two messages with a client of its own."""
    async with MittoClient(settings) as client:
        return await client.send_bulk(body, 2)


async def outcome_of(settings: Mitto, expected: int = 2) -> Outcome:
    """Send, keep the answer as the spool does, and judge."""
    reply = await send(settings)
    if isinstance(reply, Answered):
        assert unpack_reply(pack_reply(reply)) == reply
    return judge(reply, expected, ACCOUNT, now=NOW)


def closed_port() -> int:
    """Return a port nobody listens on."""
    import socket  # noqa: PLC0415 - only here

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


CASES: list[tuple[str, Callable[[], HostileServer], Outcome]] = [
    ("good", say(http(200, GOOD)), Accepted([0, 1], ["A", "B"], [])),
    ("gzip", say(http(200, gzip.compress(GOOD), "Content-Encoding: gzip")), Accepted([0, 1], ["A", "B"], [])),
    ("reset after request", say(b"", then="reset"), Unknown("disconnected")),
    ("close after request", say(b""), Unknown("disconnected")),
    ("half a status line", say(b"HTTP/1.1 20"), Unknown("disconnected")),
    ("not http", say(b"SSH-2.0-OpenSSH\r\n\r\n"), Unknown("not_http")),
    ("short body", say(http(200, GOOD[:20], length=len(GOOD))), Unknown("truncated")),
    ("short body, reset", say(http(200, GOOD[:20], length=len(GOOD)), then="reset"), Unknown("truncated")),
    ("short chunk", say(CHUNKED + GOOD[:20]), Unknown("truncated")),
    ("missing last chunk", say(CHUNKED.replace(b"40", b"%x" % len(GOOD)) + GOOD + b"\r\n"), Unknown("truncated")),
    ("bad gzip", say(http(200, b"not gzip", "Content-Encoding: gzip")), Unknown("truncated")),
    ("json prefix", say(http(200, GOOD[:-1])), Unknown("answer_not_json")),
    ("silence", say(b"", then="hold"), Unknown("timeout")),
    ("silence in the body", say(http(200, GOOD[:9], length=99), then="hold"), Unknown("timeout")),
    ("trickle", say(http(200, GOOD), gap_s=0.02), Unknown("timeout")),
    ("endless head", say(ENDLESS_HEAD, then="hold"), Unknown("not_http")),
    ("html", say(http(200, b"<html></html>", "Content-Type: text/html")), Unknown("answer_not_json")),
    ("empty", say(http(200)), Unknown("answer_not_json")),
    ("no content", say(b"HTTP/1.1 204 No Content\r\n\r\n"), Unknown("answer_not_json")),
    ("throttled", say(http(429, b"", "Retry-After: 3")), Throttled(3.0)),
    ("throttled until", say(http(429, b"", "Retry-After: Mon, 05 Jan 2026 10:00:07 GMT")), Throttled(7.0)),
    ("throttled absurdly", say(http(429, b"", "Retry-After: 99999999999999999")), Throttled(300.0)),
    ("throttled in no words", say(http(429, b"", "Retry-After: ?").replace(b"?", b"\xff")), Throttled(None)),
    ("throttled in other words", say(http(429, b"", "Retry-After: fünf")), Throttled(None)),
    ("throttled silently", say(http(429)), Throttled(None)),
    ("throttled, cut", say(http(429, b"x", length=9)), Unknown("truncated")),
    ("key", say(http(401)), Held("http_401")),
    ("forbidden", say(http(403)), Held("http_403")),
    ("path", say(http(404)), Held("http_404")),
    ("account", say(http(400, b'{"errors":{"trafficAccountId":["no"]}}')), Held("http_400_account")),
    ("too large", say(http(413)), Split("http_413", is_size=True)),
    ("malformed", say(http(400)), Split("http_400")),
    ("invalid", say(http(422)), Split("http_422")),
    ("error", say(http(500)), Unknown("http_500")),
    ("gateway", say(http(502, b"<html>")), Unknown("http_502")),
    ("unavailable", say(http(503, b"", "Retry-After: 3")), Unknown("http_503")),
    ("too slow for it", say(http(408)), Unknown("http_408")),
    ("shorter", say(http(200, b'{"messages":[{"messageId":"A"}]}')), Unknown("answer_length", ("A",))),
    (
        "repeated",
        say(http(200, GOOD.replace(b'"B"', b'"A"'))),
        Unknown(
            "answer_repeated_id",
            (
                "A",
                "A",
            ),
        ),
    ),
    ("missing", say(http(200, GOOD.replace(b'"B"', b"null"))), Unknown("answer_missing_id", ("A",))),
]


@pytest.mark.parametrize(("make", "outcome"), [pytest.param(*case[1:], id=case[0]) for case in CASES])
async def test_outcomes(make: Callable[[], HostileServer], outcome: Outcome) -> None:
    """Each behaviour of a server has one outcome, and the request reached it once."""
    async with make().running() as server:
        got = await outcome_of(settings_for(server.port))
        assert len(server.requests) == 1
    if isinstance(outcome, Unknown) and outcome.reason in ("disconnected", "truncated", "connection"):
        assert isinstance(got, Unknown)  # how a cut shows depends on who is faster
        assert got.reason in ("disconnected", "truncated", "connection")
    else:
        assert got == outcome


async def test_one_refused_message() -> None:
    """A complete refusal of a request with one message refuses that message."""
    async with say(http(400))().running() as server:
        assert await outcome_of(settings_for(server.port), expected=1) == Refused("http_400")


async def test_what_is_not_free_to_leave_is_unsent() -> None:
    """It is asked once the connection is there, and no byte follows a no; the next request is not hindered by it."""
    answers = iter([False, True])

    async def is_free() -> bool:
        return next(answers)

    async with say(http(200, GOOD))().running() as server, MittoClient(settings_for(server.port)) as client:
        assert await client.send_bulk(BODY, 2, is_free) == Unsent("not_free")
        assert server.requests == []
        assert isinstance(await client.send_bulk(BODY, 2, is_free), Answered)
        assert len(server.requests) == 1


async def test_nobody_listens() -> None:
    """A refused connection is certain not to have carried anything."""
    assert await outcome_of(settings_for(closed_port())) == NotSent("connect")


async def test_no_such_host() -> None:
    """A name that does not resolve is not sent."""
    assert await outcome_of(settings_for(80, "penstock.invalid", connect_timeout=timedelta(seconds=5))) in (
        NotSent("dns"), NotSent("timeout"), NotSent("connect_timeout"),
    )  # fmt: skip


async def test_no_tls() -> None:
    """A server that speaks plain text where TLS was expected has seen no request."""
    async with say(http(200, GOOD))().running() as server:
        settings = settings_for(server.port)
        secured = msgspec.structs.replace(settings, api_base=f"https://127.0.0.1:{server.port}")
        assert isinstance(await send(secured), Unsent)
        assert server.requests == []


async def test_silent_tls() -> None:
    """A server that accepts and never answers the handshake ends with the connect timeout, unsent."""

    async def hold(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with HostileServer(hold).running() as server:
        settings = msgspec.structs.replace(settings_for(server.port), api_base=f"https://127.0.0.1:{server.port}")
        assert await send(settings) == Unsent("connect_timeout")


async def test_a_reset_before_reading_is_not_unsent() -> None:
    """The connection stood, so bytes may have left: a reset says nothing about what was read."""
    async with HostileServer(reset_at_once).running() as server:
        assert isinstance(await send(settings_for(server.port), BODY * 20_000), Disconnected)


async def test_waiting_for_the_pool_is_unsent() -> None:
    """A request that never got a connection of the pool has not left."""
    async with say(b"", then="hold")().running() as server:
        settings = settings_for(server.port, connections=1, connect_timeout=timedelta(seconds=0.1))
        async with MittoClient(settings) as client, asyncio.TaskGroup() as tasks:
            first = tasks.create_task(client.send_bulk(BODY, 2))
            second = tasks.create_task(client.send_bulk(BODY, 2))
        assert {first.result(), second.result()} == {Disconnected("timeout"), Unsent("connect_timeout")}
        assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(status: int) -> None:
    """A redirect is an answer like any other; nothing is sent to where it points."""
    async with say(http(200, GOOD))().running() as other:
        location = f"Location: http://127.0.0.1:{other.port}/"
        async with say(http(status, b"", location))().running() as server:
            assert await outcome_of(settings_for(server.port)) == Unknown(f"http_{status}")
        assert other.connections == 0


@pytest.mark.parametrize("end", ["close", "reset"])
async def test_a_dead_connection_is_not_tried_again(end: str) -> None:
    """A kept-alive connection that dies under its second request: that request was seen once and is unknown."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        writer.write(http(200, GOOD))
        await server.read_request(reader)
        if end == "reset":
            writer.transport.abort()

    server = HostileServer(behave)
    async with server.running(), MittoClient(settings_for(server.port)) as client:
        assert isinstance(await client.send_bulk(BODY, 2), Answered)
        assert isinstance(await client.send_bulk(BODY, 2), Disconnected)
        assert (len(server.requests), server.connections) == (2, 1)


async def test_what_is_sent() -> None:
    """The request is the POST of the contract, its body untouched."""
    async with say(http(200, GOOD))().running() as server:
        await send(settings_for(server.port))
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().splitlines()
    assert lines[0] == "POST /api/v1.1/Messages/sendmessagesbulk HTTP/1.1"
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    assert headers["x-mitto-api-key"] == "mock-mitto-key"
    assert headers["content-type"] == headers["accept"] == "application/json"
    assert "cookie" not in headers
    assert body == BODY


async def test_a_large_body_arrives_whole() -> None:
    """A body of several megabytes is sent with its length, in slices."""
    large = BODY * 40_000
    async with say(http(200, GOOD))().running() as server:
        assert isinstance(await send(settings_for(server.port, timeout=timedelta(seconds=10)), large), Answered)
        assert server.requests[0].endswith(b"\r\n\r\n" + large)


async def test_an_answer_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is larger than any answer can be is not read on, compressed or not."""
    monkeypatch.setattr(client_module, "MAX_ANSWER_BYTES", 100_000)
    bomb = gzip.compress(bytes(5_000_000))
    async with say(http(200, bomb, "Content-Encoding: gzip"))().running() as server:
        assert await send(settings_for(server.port)) == Disconnected("answer_too_large")


async def test_cancellation_passes_through() -> None:
    """A cancelled send is cancelled, not turned into an outcome."""
    async with say(b"", then="hold")().running() as server, MittoClient(settings_for(server.port)) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await client.send_bulk(BODY, 2)


async def test_connections_are_kept() -> None:
    """Requests one after another share a connection."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await server.read_request(reader)
            writer.write(http(200, GOOD))

    server = HostileServer(behave)
    async with server.running(), MittoClient(settings_for(server.port)) as client:
        for _ in range(5):
            assert isinstance(await client.send_bulk(BODY, 2), Answered)
        assert server.connections == 1


def test_a_key_is_needed() -> None:
    """Without an API key there is no client."""
    with pytest.raises(ValueError, match="MITTO_API_KEY"):
        MittoClient(Mitto())


@pytest.mark.parametrize("base", ["mitto.example", "http://127.0.0.1:99999", "http://["])
async def test_an_address_that_is_none_is_unsent(base: str) -> None:
    """What is no address cannot have been written to."""
    assert await send(Mitto(api_base=base, api_key=Secret("mock-mitto-key"))) == Unsent("address")


async def test_another_scheme_is_unsent() -> None:
    """Nothing leaves for a scheme that the client does not speak."""
    assert isinstance(await send(Mitto(api_base="htps://mitto.example", api_key=Secret("mock-mitto-key"))), Unsent)


class Failing(MittoClient):
    """A client with a defect: it fails before or after the head was handed to the transport."""

    has_left = False

    async def _post(self, _: Any, __: bytes, progress: Any) -> Reply:
        progress.has_left = self.has_left
        raise LookupError("a defect")


@pytest.mark.parametrize(("has_left", "reply"), [(False, Unsent("client_error")), (True, Disconnected("client_error"))])
async def test_an_unexpected_error_is_judged_by_what_left(has_left: bool, reply: Reply) -> None:  # noqa: FBT001 - a parameter
    """Whatever goes wrong in the client is an outcome: unsent before the head left, unknown after."""
    async with Failing(settings_for(closed_port())) as client:
        client.has_left = has_left
        assert await client.send_bulk(BODY, 2) == reply


async def test_a_key_that_no_header_can_carry_sends_nothing() -> None:
    """A line break in the key raises nothing and lets no request out."""
    async with say(http(200, GOOD))().running() as server:
        reply = await send(settings_for(server.port, api_key=Secret("mock\nkey")))
        assert isinstance(reply, Unsent | Disconnected)
        assert server.requests == []


ID = "01KC0000000000000000000001"
FOUND = b'{"messageId":"01KC0000000000000000000001"}'


async def look_up(settings: Mitto, provider_id: str = ID) -> Reply:
    """Ask about one message with a client of its own."""
    async with MittoClient(settings) as client:
        return await client.get_message(provider_id)


LOOK_UPS: list[tuple[str, Callable[[], HostileServer], Reply]] = [
    ("found", say(http(200, FOUND)), Answered(200, None, FOUND)),
    ("not found", say(http(404, b"{}")), Answered(404, None, b"{}")),
    ("throttled", say(http(429, b"", "Retry-After: 3")), Answered(429, "3", b"")),
    ("redirected", say(http(302, b"", "Location: http://127.0.0.1:1/")), Answered(302, None, b"")),
    ("cut", say(http(200, FOUND[:9], length=len(FOUND))), Disconnected("truncated")),
    ("silence", say(b"", then="hold"), Disconnected("timeout")),
    ("trickle", say(http(200, FOUND), gap_s=0.02), Disconnected("timeout")),
]


@pytest.mark.parametrize(("make", "reply"), [case[1:] for case in LOOK_UPS], ids=[case[0] for case in LOOK_UPS])
async def test_look_ups(make: Callable[[], HostileServer], reply: Reply, monkeypatch: pytest.MonkeyPatch) -> None:
    """A complete answer is one, whatever it says; anything else is none, within a deadline of its own."""
    monkeypatch.setattr(client_module, "LOOK_UP_TIMEOUT_S", 0.4)
    async with make().running() as server:
        assert await look_up(settings_for(server.port, timeout=timedelta(seconds=60))) == reply


async def test_a_look_up_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer of any size is not read to its end."""
    monkeypatch.setattr(client_module, "MAX_MESSAGE_BYTES", 1000)
    async with say(http(200, b"x" * 2000))().running() as server:
        assert await look_up(settings_for(server.port)) == Disconnected("answer_too_large")


@pytest.mark.parametrize(("provider_id", "path"), [(ID, ID), ("a/../b?c#d", "a%2F..%2Fb%3Fc%23d")])
async def test_an_id_is_one_step_of_the_path(provider_id: str, path: str) -> None:
    """Whatever an id consists of, it leads to no other address."""
    async with say(http(200, FOUND))().running() as server:
        await look_up(settings_for(server.port), provider_id)
    assert server.requests[0].startswith(f"GET /api/v1.1/Messages/{path} HTTP/1.1\r\n".encode())
    assert b"X-Mitto-API-Key: mock-mitto-key" in server.requests[0]


async def test_a_look_up_on_a_dead_connection_is_repeated_once_at_most() -> None:
    """Where every connection dies with the question, there are two: what is harmless is repeated, and not for ever."""
    async with say(b"", then="reset")().running() as server:
        assert isinstance(await look_up(settings_for(server.port)), Disconnected)
    assert 1 <= len(server.requests) <= 2
