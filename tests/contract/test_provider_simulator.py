"""The way out against an independent Mitto: what the gateway concludes, beside what the journal says really happened."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from penstock.clock import SystemClock
from penstock.config import Mitto
from penstock.domain.outcome import Accepted, Held, Outcome, Split, Throttled, Unknown
from penstock.providers.mitto.client import MittoClient
from penstock.providers.mitto.wire import judge
from penstock.redact import Secret
from penstock.simulator import Simulator, SimulatorSettings

ACCOUNT = "00000000-0000-4000-8000-000000000001"
MESSAGES = 6


def body_of(account: str = ACCOUNT) -> bytes:
    """Render a bulk request."""
    sms = {"text": "Hello", "sender": "Penstock"}
    messages = [{"trafficAccountId": account, "destination": f"+491510000{n:04d}", "sms": sms} for n in range(MESSAGES)]
    return json.dumps({"messages": messages}).encode()


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """Lend a running simulator that knows one key with one account."""
    settings = SimulatorSettings(port=0, keys={"mock-mitto-key": (ACCOUNT,)})
    async with Simulator(settings) as simulator:
        yield simulator


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[MittoClient]:
    """Lend a client of it, with a short deadline."""
    settings = Mitto(api_base=simulator.url, api_key=Secret("mock-mitto-key"), timeout=timedelta(seconds=0.4))
    async with MittoClient(settings) as client:
        yield client


async def send(client: MittoClient, account: str = ACCOUNT) -> Outcome:
    """Send six messages and judge the answer."""
    return judge(await client.send_bulk(body_of(account), MESSAGES), MESSAGES, account, now=SystemClock().now())


async def misbehave(simulator: Simulator, scenario: str, **parameters: Any) -> None:
    """Put a scenario in force."""
    document = {"scenario": scenario, "parameters": parameters}
    async with aiohttp.ClientSession() as session, session.post(f"{simulator.url}/_sim/scenario", json=document) as answer:
        assert answer.status == 201, await answer.text()


def requests_and_messages(simulator: Simulator) -> tuple[int, int]:
    """Read what the simulator counted: requests seen, messages accepted."""
    counts = simulator.summary.render()
    return counts["requests"], counts["accepted"]


async def test_accepted(simulator: Simulator, client: MittoClient) -> None:
    """Every message is accepted once, with an id of its own."""
    outcome = await send(client)
    assert isinstance(outcome, Accepted)
    assert list(outcome.positions) == list(range(MESSAGES))
    assert len(set(outcome.ids)) == MESSAGES
    assert requests_and_messages(simulator) == (1, MESSAGES)


@pytest.mark.parametrize("member", ["error", "errors"])
async def test_accepted_in_part(simulator: Simulator, client: MittoClient, member: str) -> None:
    """Elements with an error are refused, the others accepted."""
    await misbehave(simulator, "P1", count=2, member=member)
    outcome = await send(client)
    assert isinstance(outcome, Accepted)
    assert list(outcome.positions) == [2, 3, 4, 5]
    assert [position for position, _ in outcome.refused] == [0, 1]


COMPLETE = [
    ("A1", {}, Held("http_401")),
    ("A2", {"status": 403}, Held("http_403")),
    ("A2", {"status": 400}, Held("http_400_account")),
    ("A2", {"status": 404}, Held("http_404")),
    ("L1", {"retry_after": "seconds"}, Throttled(3.0)),
    ("L1", {"retry_after": "none"}, Throttled(None)),
    ("L1", {"retry_after": "absurd"}, Throttled(300.0)),
    ("L3", {"status": 413, "max_messages": 5}, Split("http_413", is_size=True)),
    ("L3", {"status": 400, "max_messages": 5}, Split("http_400")),
]


@pytest.mark.parametrize(("scenario", "parameters", "outcome"), COMPLETE)
async def test_complete_refusals(
    simulator: Simulator, client: MittoClient, scenario: str, parameters: dict[str, Any], outcome: Outcome
) -> None:
    """A complete refusal is recognised as one, and nothing was accepted."""
    await misbehave(simulator, scenario, **parameters)
    assert await send(client) == outcome
    assert requests_and_messages(simulator) == (1, 0)


async def test_a_foreign_account_is_held(simulator: Simulator, client: MittoClient) -> None:
    """An account that the key may not use holds the account, not the messages."""
    assert await send(client, "00000000-0000-4000-8000-00000000ffff") == Held("http_403")
    assert requests_and_messages(simulator) == (1, 0)


async def test_a_date_to_retry_after(simulator: Simulator, client: MittoClient) -> None:
    """Retry-After as a date is a wait from now."""
    await misbehave(simulator, "L1", retry_after="date", seconds=30)
    outcome = await send(client)
    assert isinstance(outcome, Throttled)
    assert outcome.retry_after_s is not None
    assert 20 < outcome.retry_after_s <= 30


UNKNOWN = [
    ("P1", {"count": 1, "member": "none"}, "answer_missing_id"),
    ("P2", {}, "answer_length"), ("P3", {}, "answer_length"),
    ("P5", {"kind": "duplicate"}, "answer_repeated_id"), ("P5", {"kind": "null"}, "answer_missing_id"),
    ("P5", {"kind": "empty"}, "answer_missing_id"), ("P5", {"kind": "number"}, "answer_missing_id"),
    ("P6", {"kind": "no_messages"}, "answer_no_messages"), ("P6", {"kind": "bare_id"}, "answer_no_messages"),
    ("P6", {"kind": "null_messages"}, "answer_no_messages"),
    ("E1", {"status": 500}, "http_500"), ("E1", {"status": 503}, "http_503"),
    ("E2", {"status": 502}, "http_502"), ("E2", {"status": 504}, "http_504"),
    ("E3", {"kind": "html"}, "answer_not_json"), ("E3", {"kind": "empty"}, "answer_not_json"),
    ("E3", {"kind": "not_json"}, "answer_not_json"),
    ("T3", {"accepted": False}, "disconnected"), ("T3", {"accepted": True}, "disconnected"),
    ("T4", {}, "disconnected"),
    ("T5", {"kind": "length"}, "truncated"), ("T5", {"kind": "chunked"}, "truncated"),
    ("T5", {"kind": "json_prefix"}, "answer_not_json"),
    ("T6", {"kind": "body"}, "timeout"), ("T6", {"kind": "headers"}, "timeout"),
    ("C1", {}, "disconnected"),
]  # fmt: skip


@pytest.mark.parametrize(("scenario", "parameters", "reason"), UNKNOWN)
async def test_what_nobody_can_know(
    simulator: Simulator, client: MittoClient, scenario: str, parameters: dict[str, Any], reason: str
) -> None:
    """Whatever leaves acceptance open is unknown, and the request was made once."""
    await misbehave(simulator, scenario, **parameters)
    outcome = await send(client)
    assert isinstance(outcome, Unknown)
    assert outcome.reason == reason or {outcome.reason, reason} <= {"disconnected", "connection", "truncated"}
    assert requests_and_messages(simulator)[0] == 1


async def test_a_connection_cut_on_reuse(simulator: Simulator, client: MittoClient) -> None:
    """A kept-alive connection that is cut under the next request makes it unknown; the request is not repeated."""
    await misbehave(simulator, "T7", accepted=True)
    assert isinstance(await send(client), Accepted)
    assert isinstance(await send(client), Unknown)
    assert requests_and_messages(simulator) == (2, 2 * MESSAGES)
