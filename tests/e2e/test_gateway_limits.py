"""The limits of a whole gateway, seen from the provider: kept in every window, and no single message waits behind a queue."""

import asyncio
from pathlib import Path

import aiohttp
import msgspec
import pytest

from penstock.clock import SystemClock
from penstock.store.pool import Store
from tests.builders import ACCOUNT, make_campaign
from tests.contract.positions import best_rate, fullest_window
from tests.e2e.evidence import longest_call_s, wait_until
from tests.e2e.inside import Lab, lab

SEGMENTS_PER_S = 2000
SINGLES = 140
REQUESTS_PER_S = 20
SILENT = {"callback": None}
"""No reports: they would take time from what is measured here."""
SETTLED_S = 2.0
"""So long after the first single message campaigns leave room for them in every window."""
FIRST_SINGLE = 4915200000000
SENT = "SELECT count(*) FROM message WHERE sent_at IS NOT NULL AND msisdn >= $1"
SENDS = "SELECT (extract(epoch FROM started_at) * 1e6)::int8, segments FROM attempt"
QUEUED = {"quick": 80_000, "long": 1_000_000}


class Accepted(msgspec.Struct):
    """A line of the journal."""

    wire_time: float = 0.0
    destination: str = ""
    segments: int = 0


async def read_accepted(at: Lab) -> list[Accepted]:
    """What the provider accepted, and when."""
    async with aiohttp.ClientSession() as session, session.get(f"{at.simulator.url}/_sim/journal") as answer:
        lines = (await answer.read()).splitlines()
    return [found for found in map(msgspec.json.Decoder(Accepted).decode, lines) if found.destination]


async def send_singles(at: Lab, key: str, pause_s: float = 0.05) -> dict[int, float]:
    """One message after another; when each was accepted by the gateway."""
    accepted: dict[int, float] = {}
    async with aiohttp.ClientSession(at.url, headers={"Authorization": f"Bearer {key}"}) as session:
        for number in range(FIRST_SINGLE, FIRST_SINGLE + SINGLES):
            async with session.post("/v1/messages", json={"to": f"+{number}", "text": "Your code is 1"}) as answer:
                assert answer.status == 201
            accepted[number] = SystemClock().now().timestamp()
            await asyncio.sleep(pause_s)
    return accepted


@pytest.mark.parametrize("queue", ["quick", pytest.param("long", marks=[pytest.mark.slow, pytest.mark.timeout(400)])])
async def test_a_single_message_does_not_wait_for_a_campaign(
    store: Store, dsn: str, valkey_url: str, tmp_path: Path, queue: str
) -> None:
    """With a campaign that uses the whole limit, another tenant's messages leave within a second; no window is overfull.

    The very first one may wait a whole window: until it is known that there are single messages, campaigns use all.
    """
    await make_campaign(store, QUEUED[queue], tenant="busy", account_id=ACCOUNT)
    limits = {"MITTO_MAX_SEGMENTS_PER_S": str(SEGMENTS_PER_S), "SMS_BATCH_SIZE": "5000"}
    async with lab(dsn, valkey_url, tmp_path, simulated=SILENT, **limits) as at:
        key = await at.database.make_key("second", b"second")

        async def is_busy() -> bool:
            return at.simulator.summary.accepted >= 3 * SEGMENTS_PER_S

        await wait_until(is_busy, "the campaign uses the limit")
        asked = await send_singles(at, key)

        async def are_sent() -> bool:
            return (
                await at.database.value("SELECT count(*) FROM message WHERE sent_at IS NOT NULL AND msisdn >= $1", FIRST_SINGLE)
                == SINGLES
            )

        await wait_until(are_sent, "the single messages are sent")
        lines, jitter_s = await read_accepted(at), await longest_call_s(at.url)
    singles = [(asked[int(line.destination)], line.wire_time) for line in lines if int(line.destination) in asked]
    assert len(singles) == SINGLES
    settled_at = min(asked.values()) + SETTLED_S
    waits = sorted(left - accepted for accepted, left in singles if accepted > settled_at)
    assert len(waits) > SINGLES / 3
    assert waits[int(0.99 * len(waits)) - 1] < 1.0
    arrivals = [(round(line.wire_time * 1e6), line.segments) for line in lines]
    assert fullest_window(arrivals, round((1 - jitter_s) * 1e6)) <= SEGMENTS_PER_S
    assert sum(line.segments for line in lines) < QUEUED[queue]


async def test_single_messages_share_a_limit_of_requests_evenly(
    store: Store, dsn: str, valkey_url: str, tmp_path: Path
) -> None:
    """With more of them than requests are allowed, each waits a little and goes with others; none waits for the next window."""
    del store
    async with lab(dsn, valkey_url, tmp_path, simulated=SILENT, RATE_LIMIT_TENANT_MAX=str(REQUESTS_PER_S)) as at:
        asked = await send_singles(at, await at.database.make_key("second", b"second"), 0.02)

        async def are_sent() -> bool:
            return await at.database.value(SENT, FIRST_SINGLE) == SINGLES

        await wait_until(are_sent, "the single messages are sent")
        lines = await read_accepted(at)
        requests = await at.database.value("SELECT count(*) FROM attempt")
    sent_at = {int(line.destination): line.wire_time for line in lines}
    assert sent_at.keys() == asked.keys()
    # On a machine so slow that fewer were asked for than may leave, nothing has to be joined.
    allowed = REQUESTS_PER_S * (max(asked.values()) - min(asked.values()) + 1)
    assert requests < max(SINGLES / 1.5, allowed)
    # The first half may have met the limiter's empty window.
    waits = sorted(sent_at[number] - at_s for number, at_s in asked.items() if number >= FIRST_SINGLE + SINGLES // 2)
    assert waits[int(0.9 * len(waits))] < 0.35


async def test_a_campaign_uses_its_limit(store: Store, dsn: str, valkey_url: str, tmp_path: Path) -> None:
    """In batches of thousands, alone on its account, a campaign gets at least 95 % of the limit where the machine lets it."""
    await make_campaign(store, 200_000, chunk=5000, account_id=ACCOUNT)
    limit, requests = 10_000, list[tuple[int, int]]()
    async with lab(
        dsn, valkey_url, tmp_path, simulated=SILENT, MITTO_MAX_SEGMENTS_PER_S=str(limit), SMS_BATCH_SIZE="5000"
    ) as at:

        async def is_used() -> bool:
            sent = await at.database.fetch(SENDS)
            requests[:] = [(at_us, segments) for at_us, segments in sent]
            return best_rate(requests, 1_000_000, windows=4) >= 0.95 * limit

        await wait_until(is_used, "the limit is used", deadline_s=30)
    assert sum(segments for _, segments in requests) / len(requests) > limit / 20


async def test_a_changed_limit_needs_no_restart(store: Store, dsn: str, valkey_url: str, tmp_path: Path) -> None:
    """What would take a minute and a half goes out at once after an operator has raised the account's limit."""
    scene = await make_campaign(store, 2000, account_id=ACCOUNT)
    async with lab(dsn, valkey_url, tmp_path, simulated=SILENT, MITTO_MAX_SEGMENTS_PER_S="20", SMS_BATCH_SIZE="5000") as at:

        async def has_begun() -> bool:
            return at.simulator.summary.accepted >= 20

        async def is_sent() -> bool:
            return at.simulator.summary.accepted == 2000

        await wait_until(has_begun, "sending has begun")
        assert not await is_sent()
        await scene.execute("UPDATE account SET segments_per_s = 100000")
        await wait_until(is_sent, "everything is sent", deadline_s=6.0)
        assert len(await read_accepted(at)) == 2000
