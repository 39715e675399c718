"""Bodies that stop, drip or are cut: what is stored stays, the answer says where, the same bytes go on."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from penstock.config import Http
from tests.api.conftest import CHUNK, Api, rows
from tests.api.test_bad_input import check_problem


@pytest.fixture
def http_settings() -> Http:
    """Hardly any patience."""
    return Http(body_timeout=timedelta(milliseconds=300), max_json_bytes=100_000)


async def send_and_cut(api: Api, campaign: str, body: bytes, offset: int) -> None:
    """Begin an upload on a connection of its own and reset it after `offset` bytes of the body."""
    host, _, port = api.url.removeprefix("http://").partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = (
        f"POST /v1/campaigns/{campaign}/recipients HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {api.key}\r\n"
        f"Upload-Id: cut\r\nContent-Type: text/csv\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body[:offset])
    await writer.drain()
    writer.transport.abort()


@pytest.mark.parametrize("seed", range(6))
async def test_upload_cut_anywhere_becomes_one_whole_upload(api: Api, seed: int) -> None:
    """However often and wherever the connection is cut, the end is exactly the rows of one full upload."""
    lines = rows(300) + b"nobody,x\n+4915100000007,Twice\n" + rows(100, start=300).removeprefix(b"phone,name\n")
    chance = random.Random(seed)  # noqa: S311 - a seed makes the run repeatable
    campaign, whole = await api.create(), await api.create()
    for _ in range(4):
        await send_and_cut(api, campaign, lines, chance.randrange(len(lines)))
    answer = await api.upload(campaign, lines, upload_id="cut")
    while answer.status == 409:  # a dead connection was heard after the living one and fences it: the client tries again
        answer = await api.upload(campaign, lines, upload_id="cut")
    full = await api.upload(whole, lines, upload_id="cut")
    assert answer.status == 200, answer.body
    assert answer.json == full.json
    assert await api.numbers(campaign) == await api.numbers(whole)
    assert (await api.show(campaign))["counts"] == (await api.show(whole))["counts"]


async def test_upload_that_pauses_too_long_says_where_it_stopped(api: Api) -> None:
    """A silent upload is 408 with its place; it stays open and can be continued."""
    campaign, body = await api.create(), rows(200)
    answer = await api.upload(campaign, stalled(body[: len(body) // 2]), upload_id="slow")
    check_problem(answer, 408, "request_timeout")
    assert answer.json["retryable"] is True
    place = answer.json["upload"]
    assert place["upload_id"] == "slow"
    assert 0 < place["rows"] < 200
    assert place["rows"] % CHUNK == 0
    assert place["line"] == place["rows"] + 1
    assert f"{place['rows']} rows" in answer.json["detail"]
    assert (await api.upload(campaign, body, upload_id="slow")).json["accepted"] == 200


async def test_json_body_that_does_not_arrive_is_ended(api: Api) -> None:
    """A JSON body has one deadline, dripping or not."""

    async def dripping() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" "
            await asyncio.wait({asyncio.get_running_loop().create_future()}, timeout=0.05)

    for body in (stalled(b'{"name":'), dripping()):
        answer = await api.call("POST", "/v1/campaigns", data=body, headers={"Content-Type": "application/json"})
        check_problem(answer, 408, "request_timeout")


async def stalled(body: bytes) -> AsyncIterator[bytes]:
    """Send a body's beginning and then nothing."""
    yield body
    await asyncio.get_running_loop().create_future()
