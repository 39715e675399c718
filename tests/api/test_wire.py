"""What no well-behaved client sends: refused as a problem, at once, without repeating any of it, and without growing."""

import io
import os
import re
import time
from pathlib import Path

import pytest

from penstock.api.app import TENANT_ROUTES
from tests.api.conftest import Api
from tests.api.test_around import log_lines as log_lines  # noqa: PLC0414 - a fixture
from tests.api.wire import Reply, connect, exchange, read_reply, request

SOON_S = 0.05
TRIES = 5
"""The machine is shared: the best of a few is what the gateway needs."""
CANARY = b"canary4915100000000"
JSON = "Content-Type: application/json"
HELLO = b"GET /v1/campaigns HTTP/1.1\r\n"
HOST = b"Host: test\r\n"
POST = b"POST /v1/campaigns HTTP/1.1\r\n" + HOST

UNREADABLE = {
    "length and chunks": POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + CANARY,
    "chunks and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" + CANARY,
    "two lengths": POST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
    "a signed length": POST + b"Content-Length: +4\r\n\r\nabcd",
    "a negative length": POST + b"Content-Length: -4\r\n\r\nabcd",
    "a length in words": POST + b"Content-Length: " + CANARY + b"\r\n\r\nabcd",
    "an endless length": POST + b"Content-Length: " + b"9" * 400 + b"\r\n\r\n",
    "an unknown coding": POST + b"Transfer-Encoding: " + CANARY + b"\r\n\r\n",
    "chunks that are not last": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "chunks with a hidden name": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a folded header": HELLO + HOST + b"X-Folded: a\r\n " + CANARY + b"\r\n\r\n",
    "a header without a name": HELLO + HOST + b": " + CANARY + b"\r\n\r\n",
    "a header without a colon": HELLO + HOST + CANARY + b"\r\n\r\n",
    "NUL in a header": HELLO + HOST + b"X-Nul: a\x00" + CANARY + b"\r\n\r\n",
    "no host": HELLO + b"\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    "an older language": b"HELO " + CANARY + b"\r\n\r\n",
    "a newer language": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a method of symbols": b"G{}T /v1/campaigns HTTP/1.1\r\n" + HOST + b"\r\n",
    "a broken byte in the path": b"GET /v1/campaigns/\xff" + CANARY + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "a space in the path": b"GET /v1/campaigns/" + CANARY + b" b HTTP/1.1\r\n" + HOST + b"\r\n",
    "a long path": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "a long header": HELLO + HOST + b"X-Long: " + CANARY * 6000 + b"\r\n\r\n",
    "a long header's name": HELLO + HOST + b"X" * 100_000 + b": a\r\n\r\n",
    "many headers": HELLO + HOST + b"".join(b"X-%d: a\r\n" % i for i in range(100_000)) + b"\r\n",
}  # fmt: skip


def check_problem(reply: Reply, *statuses: int) -> None:
    """The whole form of an error, and nothing of what was sent in it."""
    assert reply.status in statuses, reply.raw
    problem = reply.problem
    assert problem["status"] == reply.status
    assert problem["type"] == f"/docs/errors/{problem['code']}"
    assert problem["request_id"] == reply.headers["x-request-id"]
    assert problem["detail"]
    assert CANARY not in reply.raw
    assert "aiohttp" not in reply.raw.decode("latin-1").lower()


async def take_time(api: Api, sent: bytes) -> tuple[Reply, float]:
    """The answer, and how long it took at best."""
    best, reply = float("inf"), Reply(b"")
    for _ in range(TRIES):
        started = time.perf_counter()
        reply = await exchange(api, sent)
        best = min(best, time.perf_counter() - started)
    return reply, best


@pytest.mark.parametrize("what", UNREADABLE)
async def test_what_cannot_be_read_is_refused(api: Api, log_lines: io.StringIO, what: str) -> None:
    """It is a 400 problem within 50 ms that repeats nothing of it, nor does the log."""
    reply, seconds = await take_time(api, UNREADABLE[what])
    check_problem(reply, 400)
    assert seconds < SOON_S
    assert CANARY.decode() not in log_lines.getvalue()
    assert "request_unreadable" in log_lines.getvalue()


async def test_nothing_is_smuggled_behind_a_refusal(api: Api) -> None:
    """What follows an unreadable request on the same connection is not answered as a second one."""
    second = request(api, "GET", "/v1/campaigns")
    for what in ("length and chunks", "chunks and length", "two lengths", "an unknown coding"):
        reader, writer = await connect(api)
        writer.write(UNREADABLE[what] + second)
        assert len(re.findall(rb"HTTP/1\.[01] \d{3} ", await reader.read())) == 1
        writer.close()


LENIENT = {
    "line ends without a carriage return": (
        b"GET /v1/campaigns HTTP/1.1\nHost: test\nAuthorization: Bearer pk_none_of_ours\n\n",
        (400, 401),
    ),
    "an old version": (b"GET /v1/campaigns HTTP/0.9\r\n\r\n", (401,)),
    "a chunk's extension": (POST + b"Transfer-Encoding: chunked\r\n\r\n2;x=y\r\n{}\r\n0\r\n\r\n", (400, 401)),
    "a chunk's size in words": (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", (400, 401)),
    "a broken byte in a header": (HELLO + HOST + b"Authorization: Bearer \xff\xfe\r\n\r\n", (401,)),
    "an upgrade": (HELLO + HOST + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", (401,)),
    "an unknown expectation": (POST + b"Expect: " + CANARY + b"\r\nContent-Length: 0\r\n\r\n", (401,)),
    "an unknown expectation at no address": (
        b"POST /nowhere HTTP/1.1\r\n" + HOST + b"Expect: " + CANARY + b"\r\nContent-Length: 0\r\n\r\n",
        (417, 404, 400),
    ),
}


@pytest.mark.parametrize("what", LENIENT)
async def test_what_can_be_read_two_ways_is_refused_for_what_it_lacks(api: Api, what: str) -> None:
    """Forms that some parsers take are at most read as what they say, and here they carry no key."""
    sent, statuses = LENIENT[what]
    reply, seconds = await take_time(api, sent)
    check_problem(reply, *statuses)
    assert seconds < SOON_S


async def test_broken_chunks_are_a_problem(api: Api) -> None:
    """A body whose chunks stop making sense is 400 on every route that reads one."""
    head = request(api, "POST", "/v1/campaigns", JSON, "Transfer-Encoding: chunked")
    check_problem(await exchange(api, head + b"zz\r\n{}\r\n0\r\n\r\n"), 400)
    check_problem(await exchange(api, head + b"2\r\n{}}}\r\n0\r\n\r\n"), 400)


BODIES = {
    "nested 2,000 deep": b'{"name":' + b"[" * 2_000 + b"]" * 2_000 + b"}",
    "nested 40,000 deep": b"[" * 40_000 + b"]" * 40_000,
    "nested 90,000 deep and cut": b'{"x":' * 18_000,
    "broken UTF-8": b'{"name":"\xff","text":"b"}',
    "half a surrogate pair": b'{"name":"\\ud800","text":"b"}',
    "not a number": b'{"name":"a","text":"b","max_parts":NaN}',
    "infinite": b'{"name":"a","text":"b","max_parts":Infinity}',
    "5,000 digits": b'{"name":"a","text":"b","max_parts":' + b"9" * 5_000 + b"}",
    "5,000 digits in a field that is not known": b'{"name":"a","text":"b","x":' + b"9" * 5_000 + b"}",
    "1e400": b'{"name":"a","text":"b","max_parts":1e400}',
    "1e400 in a field that is not known": b'{"name":"a","text":"b","x":1e400}',
    "a key twice": b'{"name":"a","name":"c","text":"b"}',
    "a key twice in other letters": b'{"name":"a","\\u006eame":"c","text":"b"}',
    "U+0000": b'{"name":"a\\u0000","text":"b"}',
    "a byte order mark": b'\xef\xbb\xbf{"name":"a","text":"b"}',
    "colliding keys": b"{" + b",".join(b'"k%d":%d' % (i, i * 2**61) for i in range(3_000)) + b"}",
}


@pytest.mark.parametrize("what", BODIES)
async def test_odd_json_is_refused(api: Api, what: str) -> None:
    """It is 400 or 422 within 50 ms, and nothing is stored."""
    reply, seconds = await take_time(api, request(api, "POST", "/v1/campaigns", JSON, body=BODIES[what]))
    check_problem(reply, 400, 422)
    assert seconds < SOON_S
    assert (await api.call("GET", "/v1/campaigns")).json["items"] == []


@pytest.mark.parametrize("key", ["", "Idempotency-Key: same"])
async def test_a_key_that_stands_twice_is_refused_with_and_without_an_idempotency_key(api: Api, key: str) -> None:
    """The meaning of a body does not depend on a header, nor on which of two values a reader takes."""
    headers = [JSON, key] if key else [JSON]
    reply = await exchange(api, request(api, "POST", "/v1/campaigns", *headers, body=BODIES["a key twice"]))
    check_problem(reply, 400)
    assert "twice" in reply.problem["detail"]


@pytest.mark.parametrize(
    "path",
    ["/v1/campaigns?limit=%ff", "/v1/campaigns?limit=%00", "/v1/campaigns?after=%ff", "/v1/campaigns?%ff=1", "/v1/%ff",
     "/v1/campaigns/%ff", "/v1/campaigns/%00", "/v1/campaigns?limit=" + "9" * 5_000, "/v1/campaigns?a=1" + "&a=1" * 2_000,
     "/%2e%2e/%2e%2e/etc", "//", "/v1//campaigns", "/v1/campaigns/", "*", "http://other.example/v1/campaigns/", "/?", "/;"],
)  # fmt: skip
async def test_odd_addresses_are_refused(api: Api, path: str) -> None:
    """Broken bytes, NUL, repeated and endless parameters, and addresses that are none: 4xx within 50 ms."""
    reply, seconds = await take_time(api, request(api, "GET", path))
    check_problem(reply, 400, 404, 422)
    assert seconds < SOON_S


POSTS = [route.path for route in TENANT_ROUTES if route.method == "POST"]


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("kind", ["application/json", "text/csv"])
async def test_ten_gigabytes_are_refused_before_they_are_sent(api: Api, path: str, kind: str) -> None:
    """The announced length is enough, on every route that takes a body."""
    place = path.format(campaign_id=await api.create(), source="shop", key_id=1)
    head = ("Idempotency-Key: big", f"Content-Type: {kind}", "Expect: 100-continue")
    sent = request(api, "POST", place, *head, length=10_000_000_000)
    reply, seconds = await take_time(api, sent)
    check_problem(reply, 413)
    assert seconds < SOON_S


async def test_a_client_that_waits_is_asked_for_its_body_only_when_it_is_wanted(api: Api) -> None:
    """`Expect: 100-continue` is answered by 100 where the body is read, and by the refusal where it is not."""
    body = b'{"name":"a","text":"b"}'
    reader, writer = await connect(api)
    writer.write(request(api, "POST", "/v1/campaigns", JSON, "Expect: 100-continue", length=len(body)))
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(body)
    assert (await read_reply(reader)).status == 201
    writer.close()
    refused = request(api, "POST", "/v1/campaigns", JSON, "Expect: 100-continue", length=len(body)).replace(b"pk_", b"pk_x")
    assert (await exchange(api, refused)).status == 401


async def test_the_corpus_leaves_nothing_behind(api: Api) -> None:
    """Sent again and again, it does not make the process grow."""
    corpus = [*UNREADABLE.values(), *(sent for sent, _ in LENIENT.values())]
    corpus += [request(api, "POST", "/v1/campaigns", JSON, body=body) for body in BODIES.values()]

    async def send_all(times: int) -> int:
        for _ in range(times):
            for sent in corpus:
                await exchange(api, sent)
        return resident_bytes()

    before = await send_all(2)
    assert await send_all(6) - before < 20_000_000


def resident_bytes() -> int:
    """What this process, server and client, holds in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
