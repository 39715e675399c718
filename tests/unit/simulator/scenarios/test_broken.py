import asyncio
from typing import Any

import aiohttp
import orjson
import pytest

from tests.unit.simulator.driver import BULK, KEY, message


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_an_error_after_acceptance_hides_it(start: Any, status: int) -> None:
    """The client sees an error, the journal the messages."""
    driver = await start()
    await driver.scenario("E2", status=status)
    assert (await driver.bulk(3))[0] == status
    assert len(await driver.accepted()) == 3


@pytest.mark.parametrize(
    ("kind", "content_type", "beginning"),
    [
        ("html", "text/html", "<html>"),
        ("empty", "application/octet-stream", ""),
        ("wrong_type", "text/plain", '{"bulkId"'),
        ("not_json", "application/json", "OK "),
    ],
)
async def test_a_strange_body_hides_acceptance(start: Any, kind: str, content_type: str, beginning: str) -> None:
    """The answer is 200 and unusable, the messages are accepted."""
    driver = await start()
    await driver.scenario("E3", kind=kind)
    async with driver.session.post(BULK, data=_body(), headers=KEY) as answer:
        assert (answer.status, answer.content_type) == (200, content_type)
        assert (await answer.text()).startswith(beginning)
    assert len(await driver.accepted()) == 2


async def test_a_slow_answer_is_accepted_first(start: Any) -> None:
    """A client that gives up waiting has sent nevertheless."""
    driver = await start()
    await driver.scenario("T1", seconds=30)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await driver.bulk(2)
    assert len(await driver.accepted()) == 2


@pytest.mark.parametrize(("parameters", "accepted"), [({}, 0), ({"accepted": True}, 2)])
async def test_a_reset_during_the_body(start: Any, parameters: dict[str, Any], accepted: int) -> None:
    """The connection is reset while the body is read, accepted or not."""
    driver = await start()
    await driver.scenario("T3", **parameters)
    with pytest.raises(aiohttp.ClientError):
        await driver.bulk(2)
    assert len(await driver.accepted()) == accepted


async def test_a_reset_after_acceptance_leaves_no_byte(start: Any) -> None:
    """Not one byte of an answer arrives, and the messages are accepted and reported on."""
    driver = await start()
    await driver.scenario("T4")
    received = await _exchange(driver.simulator.port, _request())
    assert received is None
    assert len(await driver.accepted()) == 2


@pytest.mark.parametrize("kind", ["length", "chunked", "json_prefix"])
async def test_a_truncated_answer_is_a_part_of_the_true_one(start: Any, kind: str) -> None:
    """The answer ends too early in the way asked for, after acceptance."""
    driver = await start()
    await driver.scenario("T5", kind=kind, keep=0.8)
    received = await _exchange(driver.simulator.port, _request())
    assert received is not None
    head, _, body = received.partition(b"\r\n\r\n")
    assert body
    assert not body.endswith(b"0\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length:")), None)
    assert (length == len(body)) == (kind == "json_prefix")
    assert (await driver.accepted())[0]["id"].encode() in body


@pytest.mark.parametrize("kind", ["body", "headers"])
async def test_a_trickled_answer(start: Any, kind: str) -> None:
    """The answer comes in many small pieces: the body, or headers that lead to none."""
    driver = await start()
    await driver.scenario("T6", kind=kind, gap_s=0, bytes_at_once=16, headers=20)
    received = await _exchange(driver.simulator.port, _request())
    assert received is not None
    body = received.partition(b"\r\n\r\n")[2]
    if kind == "body":
        assert len(orjson.loads(body)["messages"]) == 2
    else:
        assert (received.count(b"X-Filler"), body) == (20, b"")


@pytest.mark.parametrize(("parameters", "accepted"), [({}, 2), ({"accepted": True}, 4)])
async def test_a_reused_connection_is_cut(start: Any, parameters: dict[str, Any], accepted: int) -> None:
    """The first request on a connection is served, the second one cut, accepted or not; there is no replay."""
    driver = await start()
    await driver.scenario("T7", **parameters)
    async with aiohttp.ClientSession(driver.simulator.url) as session:
        async with session.post(BULK, data=_body(), headers=KEY) as answer:
            await answer.read()
            assert answer.status == 200
        with pytest.raises(aiohttp.ClientError):
            await session.post(BULK, data=_body(), headers=KEY)
    assert len(await driver.accepted()) == accepted


async def test_only_a_prefix_is_accepted(start: Any) -> None:
    """A crash in mid-request accepts the first part and answers nothing."""
    driver = await start()
    await driver.scenario("C1", keep=0.5)
    with pytest.raises(aiohttp.ClientError):
        await driver.bulk(4)
    assert [line["position"] for line in await driver.accepted()] == [0, 1]


def _body() -> bytes:
    return orjson.dumps({"messages": [message(0), message(1)]})


def _request() -> bytes:
    body = _body()
    head = f"POST {BULK} HTTP/1.1\r\nHost: x\r\nX-Mitto-API-Key: simulator-key\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def _exchange(port: int, request: bytes) -> bytes | None:
    """Send raw bytes and read to the end of the connection; None if it was reset."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    try:
        async with asyncio.timeout(5):
            return await reader.read()
    except ConnectionResetError:
        return None
    finally:
        writer.transport.abort()
