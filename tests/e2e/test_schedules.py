"""What was given a time goes out at that time, though the gateway was stopped and started again in between."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import aiohttp
import orjson

from penstock.client import Client
from penstock.clock import SystemClock
from penstock.simulator import Simulator
from tests.e2e.evidence import FIRST_NUMBER, Database, wait_until
from tests.e2e.inside import gateway, settings, simulator_settings
from tests.servers import free_port

AHEAD = timedelta(seconds=8)
LATEST_S = 5.0
"""A second, and four for a busy machine."""


async def sent_at(simulator: str) -> dict[int, float]:
    """When each number was written to, by the simulator's clock."""
    async with aiohttp.ClientSession() as session, session.get(f"{simulator}/_sim/journal") as answer:
        lines = [orjson.loads(line) for line in (await answer.read()).splitlines()]
    return {int(line["destination"]): line["wire_time"] for line in lines if line.get("destination")}


async def schedule(url: str, key: str, at: datetime) -> None:
    """A campaign for two numbers and a message for a third."""
    async with Client(url, key) as client:
        made = await client.create_campaign("Later", "Hello", send_at=at.isoformat())
        rows = b"phone\n" + b"".join(b"+%d\n" % (FIRST_NUMBER + i) for i in range(2))
        await client.upload(made.id, _once(rows), "text/csv")
        assert (await client.send(made.id)).state == "scheduled"
    body = {"to": f"+{FIRST_NUMBER + 2}", "text": "Hello", "send_at": at.isoformat()}
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "later"}
    async with aiohttp.ClientSession(url, headers=headers) as session, session.post("/v1/messages", json=body) as answer:
        assert answer.status == 201


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def test_schedules_outlive_the_process(dsn: str, valkey_url: str, tmp_path: Path) -> None:
    """Campaign and message leave within seconds of their time, not before, and the drift is measured."""
    port = free_port()
    database, url, spool = Database(dsn), f"http://127.0.0.1:{port}", tmp_path / "spool"
    async with Simulator(simulator_settings(port, tmp_path / "journal.ndjson")) as simulator:
        environment = settings(dsn, valkey_url, simulator.url, PENSTOCK_HTTP_PORT=str(port))
        async with gateway(environment, spool):
            due = SystemClock().now() + AHEAD
            await schedule(url, await database.make_key(), due)
        assert await sent_at(simulator.url) == {}
        async with gateway(environment, spool):

            async def are_sent() -> bool:
                return len(await sent_at(simulator.url)) == 3

            await wait_until(are_sent, "all three are sent")
            async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as answer:
                metrics = await answer.text()
        late = [moment - due.timestamp() for moment in (await sent_at(simulator.url)).values()]
    assert all(0 <= seconds < LATEST_S for seconds in late), late
    for kind in ("campaign", "message"):
        assert f'penstock_schedule_drift_seconds_count{{kind="{kind}"}} 1.0' in metrics
