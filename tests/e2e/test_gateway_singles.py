"""Single messages through a whole gateway: delivered beside a slow campaign, and each once although the gateway is killed."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.evidence import FIRST_NUMBER, numbers, wait_until
from tests.e2e.inside import lab
from tests.e2e.processes import site

SINGLES = 120
FIRST_SINGLE = FIRST_NUMBER + 500_000
AT_ONCE = 20


@asynccontextmanager
async def posting(url: str, key: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A session of the tenant."""
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(url, headers=headers, connector=aiohttp.TCPConnector(limit=AT_ONCE)) as session:
        yield session


async def post(session: aiohttp.ClientSession, i: int) -> bool:
    """Send the i-th message, named by its key; whether the gateway answered that it has it."""
    body = {"to": f"+{FIRST_SINGLE + i}", "text": f"Your code is {i}", "reference": f"r{i}"}
    try:
        async with session.post("/v1/messages", json=body, headers={"Idempotency-Key": f"k{i}"}) as answer:
            assert answer.status in (201, 503), await answer.text()
            return answer.status == 201
    except aiohttp.ClientError:
        return False


async def test_single_messages_overtake_a_slow_campaign(dsn: str, valkey_url: str, tmp_path: Path) -> None:
    """Every request of the campaign hangs, and the messages are sent and reported all the same, in few requests."""
    async with lab(dsn, valkey_url, tmp_path, PENSTOCK_DISPATCH__IN_FLIGHT="2") as at:
        await at.misbehave("T1", seconds=16, next=2)
        await at.send(200)

        async def is_hanging() -> bool:
            return await at.database.value("SELECT count(*) FROM attempt WHERE state = 'open'") == 2

        await wait_until(is_hanging, "the campaign's requests hang")
        key = await at.database.make_key("second", b"second")
        async with posting(at.url, key) as session:
            assert all(await asyncio.gather(*(post(session, i) for i in range(SINGLES))))
        finals = "SELECT count(*) FROM message WHERE final_at IS NOT NULL AND msisdn >= $1"

        async def are_reported() -> bool:
            return await at.database.value(finals, FIRST_SINGLE) == SINGLES

        await wait_until(are_reported, "the single messages are sent, and their reports are in", 14.0)
        assert await is_hanging()
        requests = "SELECT count(*) FROM attempt JOIN campaign USING (tenant_id, campaign_id) WHERE is_rolling"
        assert await at.database.value(requests) < SINGLES
        # Not for the campaign's reports: they came before the slow answers, and are looked at again much later.
        await at.settle(at.database.is_sent)
        await at.verify(numbers(200) | numbers(SINGLES, FIRST_SINGLE))


@pytest.mark.parametrize("seed", range(3))
async def test_killed_while_messages_come_in(dsn: str, valkey_url: str, tmp_path: Path, seed: int) -> None:
    """What was answered with 201 is there; what was not is sent again with its key, and then each message is there once."""
    async with site(dsn, valkey_url, tmp_path) as at:
        key = await at.database.make_key("second", b"second")
        async with posting(at.process.url, key) as session:
            tasks = [asyncio.get_running_loop().create_task(post(session, i)) for i in range(SINGLES)]
            await at.sees(random.Random(seed).randrange(1, SINGLES // 2))  # noqa: S311 - a seed to repeat it
            at.process.kill()
            known = await asyncio.gather(*tasks)
        stored = {row[0] for row in await at.database.fetch("SELECT msisdn FROM message")}
        assert {FIRST_SINGLE + i for i, is_known in enumerate(known) if is_known} <= stored
        await at.database.lapse()
        await at.process.start()
        async with posting(at.process.url, key) as session:
            assert all(await asyncio.gather(*(post(session, i) for i in range(SINGLES))))
        await at.settle()
        await at.verify(numbers(SINGLES, FIRST_SINGLE))
