"""The client against the served application."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from penstock.client import Client, Pace, ProblemError, Retries
from penstock.clock import SystemClock
from tests.api.conftest import KEY, Api, rows


@pytest.fixture
async def client(api: Api) -> AsyncIterator[Client]:
    """The first tenant's client."""
    async with Client(api.url, KEY) as client:
        yield client


async def test_campaign_from_file_to_report(client: Client, tmp_path: Path) -> None:
    """Create, upload with progress, send, follow, read back."""
    file = tmp_path / "people.csv"
    file.write_bytes(rows(25) + b"nobody,x\n")
    told: list[int] = []
    campaign = await client.create_campaign("Spring", "Hi {name}", sender="Shop", validity_s=3600)
    assert (campaign.state, campaign.sender) == ("draft", "Shop")
    result = await client.upload(campaign.id, file, "text/csv", upload_id="people", on_progress=told.append)
    assert (result.rows, result.accepted, result.skipped) == (26, 25, {"invalid_number": 1})
    assert told[-1] == file.stat().st_size
    assert [row.line async for row in client.skipped(campaign.id)] == [27]
    assert (await client.send(campaign.id, expect_recipients=25)).state == "sending"
    assert (await client.get_campaign(campaign.id)).counts.queued == 25
    assert len([message async for message in client.messages(campaign.id, state="queued")]) == 25
    report = b"".join([piece async for piece in client.report(campaign.id)])
    assert report.count(b"\n") == 26


async def test_upload_from_an_iterator_with_a_named_column(client: Client) -> None:
    """An iterator is streamed as it comes."""

    async def lines() -> AsyncIterator[bytes]:
        yield b"a,b\n"
        yield b"x,+4915100000001\n"

    campaign = await client.create_campaign("Spring", "Hi")
    result = await client.upload(campaign.id, lines(), "text/csv", phone_column="b")
    assert result.accepted == 1
    await client.discard_recipients(campaign.id)
    assert (await client.get_campaign(campaign.id)).counts.received == 0


async def test_controls(client: Client) -> None:
    """A campaign is quoted, scheduled, paused, resumed, canceled and listed."""

    async def lines() -> AsyncIterator[bytes]:
        yield rows(3)

    made = await client.create_campaign("Spring", "Hi {name}", pace={"over_s": 60}, send_at=_in_an_hour())
    await client.upload(made.id, lines(), "text/csv")
    quote = await client.quote(made.id)
    assert (quote.recipients, quote.why_not[0].code) == (3, "scheduled")
    assert (await client.send(made.id)).state == "scheduled"
    paused = await client.pause(made.id, reason="look first")
    assert (paused.state, paused.pause_reason, paused.pace) == ("paused", "look first", Pace(over_s=60))
    assert (await client.resume(made.id)).state == "scheduled"
    assert (await client.cancel(made.id)).stopped == 3
    assert [one.id async for one in client.campaigns(state="canceled", name="Spring")] == [made.id]
    with pytest.raises(ProblemError):
        await client.retry_failed(made.id)


def _in_an_hour() -> str:
    return (SystemClock().now() + timedelta(hours=1)).isoformat()


async def test_opt_outs(client: Client) -> None:
    """Numbers are added, listed and removed."""
    assert await client.add_opt_outs(["+4915100000001", "+4915100000002"]) == 2
    assert [one.number async for one in client.opt_outs()] == ["+4915100000001", "+4915100000002"]
    assert await client.remove_opt_outs(["+4915100000001"]) == 1


async def test_refusals_are_exceptions_with_code_and_request_id(client: Client) -> None:
    """What the gateway says is what the exception carries."""
    campaign = await client.create_campaign("Spring", "Hi")
    with pytest.raises(ProblemError) as caught:
        await client.send(campaign.id)
    error = caught.value
    assert (error.status, error.code) == (409, "state_conflict")
    assert error.detail
    assert error.request_id


@pytest.mark.slow  # the server lingers for ten seconds to have its refusal heard
async def test_refused_upload_is_heard_while_it_is_still_being_sent(client: Client) -> None:
    """An early refusal ends a long upload with the refusal, not with a broken pipe."""

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 100_000

    with pytest.raises(ProblemError) as caught:
        await client.upload("00000000-0000-7000-8000-000000000000", endless(), "text/csv")
    assert caught.value.code == "not_found"


async def test_wrong_key_is_a_problem(api: Api) -> None:
    """The client says 401 as it is."""
    async with Client(api.url, "pk_wrong_0123456789") as client:
        with pytest.raises(ProblemError) as caught:
            await client.get_campaign("00000000-0000-7000-8000-000000000000")
    assert caught.value.status == 401


@pytest.fixture
async def flaky(api: Api) -> AsyncIterator[str]:
    """A door in front of the gateway that breaks the connection after the first request has taken effect."""
    broken = 0

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal broken
        broken += 1
        _, _, port = api.url.rpartition(":")
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", int(port))
        inner_writer.write(await reader.read(65536))
        answer = await inner_reader.read(65536)
        if broken > 1:
            writer.write(answer)
            await writer.drain()
        inner_writer.close()
        writer.close()

    server = await asyncio.start_server(pass_on, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


async def test_a_broken_answer_is_asked_for_again_under_the_same_key(api: Api, flaky: str) -> None:
    """The campaign whose answer was lost is the one that the repetition gets: there is no second one."""
    async with Client(flaky, KEY, retries=Retries(first_s=0.01)) as client:
        created = await client.create_campaign("Spring", "Hi")
    listed = (await api.call("GET", "/v1/campaigns")).json["items"]
    assert [one["id"] for one in listed] == [created.id]


async def test_a_post_without_a_key_is_not_repeated(flaky: str) -> None:
    """Whether it took effect is for the caller to look up."""
    async with Client(flaky, KEY, retries=Retries(first_s=0.01)) as client:
        with pytest.raises(aiohttp.ClientError):
            await client.add_opt_outs(["+4915100000001"])
