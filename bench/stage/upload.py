"""How fast a campaign's recipients get from an HTTP body to commit, beside bare COPY of the same rows in the same run.

The gateway is a process of its own; this one streams the file to it over loopback, and then copies the same message rows,
encoded beforehand, into the same table: in one transaction, and in transactions of one chunk.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from uuid import UUID

import aiohttp
import asyncpg
import uvloop

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench import audience, rig, sheet, usage
from bench.machine import IS_TINY
from bench.sheet import Goal, Line
from bench.turns import ROUNDS, Figures, line, take_turns
from penstock import _core
from penstock.clock import SystemClock
from penstock.config import Sms
from penstock.domain.ids import TenantId, uuid7
from penstock.store.uploads import MESSAGE_COLUMNS

ROWS = 50_000 if IS_TINY else 1_000_000


async def measure_upload(gateway: rig.Gateway, owner: audience.Owner, body: bytes, rows: int) -> Figures:
    """Stream one file to a new draft."""
    headers = {"Authorization": f"Bearer {owner.key}"}
    async with aiohttp.ClientSession(gateway.url, headers=headers, timeout=aiohttp.ClientTimeout(total=None)) as session:
        async with session.post("/v1/campaigns", json={"name": "bench", "text": "Hello"}) as response:
            path = f"/v1/campaigns/{(await response.json())['id']}/recipients"
        before, started = usage.resident_mb(gateway.pid), time.perf_counter()
        async with usage.watched_memory(gateway.pid) as peak:
            data = audience.in_pieces(body)
            async with session.post(path, data=data, headers={"Content-Type": "text/csv"}) as response:
                answer = await response.json()
            seconds = time.perf_counter() - started
        assert answer["accepted"] == rows, answer
        async with session.delete(path) as response:
            assert response.status == 204
    return {"rows_per_s": rows / seconds, "grown_mb": peak.mb - before}


async def measure_copy(connection: asyncpg.Connection, tenant_id: TenantId, body: bytes, rows: int, chunk: int) -> Figures:
    """COPY the same rows, encoded beforehand."""
    campaign = uuid7(int(SystemClock().now().timestamp() * 1000), os.urandom(10))
    encoded = encode(body, tenant_id, campaign, chunk)
    started = time.perf_counter()
    for data in encoded:
        await connection.copy_to_table("message", source=_once(data), columns=list(MESSAGE_COLUMNS), format="binary")
    seconds = time.perf_counter() - started
    await connection.execute("DELETE FROM message WHERE campaign_id = $1", campaign)
    return {"rows_per_s": rows / seconds}


def encode(body: bytes, tenant_id: TenantId, campaign: UUID, chunk: int) -> list[bytes]:
    """The rows as COPY takes them."""
    parser = _core.RecipientParser(
        "csv", _core.Template("Hello"), traffic_account_id=rig.ACCOUNT, sender=rig.SENDER, chunk_messages=chunk,
        chunk_bytes=1 << 40,
    )  # fmt: skip
    return [one.copy_messages(tenant_id, campaign.bytes) for one in [*parser.feed(body), *parser.finish()]]


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def run(rows: int, rounds: int) -> list[Line]:
    """All three in turn on one database, emptied and vacuumed in between."""
    body = b"phone\n" + b"".join(b"+49151%08d\n" % i for i in range(rows))
    with rig.servers() as servers, rig.simulator() as provider:
        async with rig.database(servers) as dsn:
            owner = await audience.prepare(dsn)
            connection = await asyncpg.connect(dsn)
            async with rig.gateway(servers, dsn, provider) as gateway:
                ways = {
                    "upload": partial(measure_upload, gateway, owner, body, rows),
                    "at once": partial(measure_copy, connection, owner.tenant_id, body, rows, rows),
                    "in chunks": partial(measure_copy, connection, owner.tenant_id, body, rows, Sms().batch_size),
                }
                turns = await take_turns(ways, rounds, between=lambda: connection.execute("VACUUM message"))
            await connection.close()
    goals = [Goal(at_least=0.5, gate=0.15), Goal(of="value", at_least=150_000)]
    what = "upload, HTTP body to commit"
    return [
        line(
            what,
            "rows/s",
            turns,
            "rows_per_s",
            ours="upload",
            theirs="at once",
            neighbour="COPY in one transaction",
            goals=goals,
        ),
        line("the same", "rows/s", turns, "rows_per_s", ours="upload", theirs="in chunks", neighbour="COPY chunk by chunk"),
        line("memory grown by an upload", "MB", turns, "grown_mb", ours="upload"),
    ]


def main() -> None:
    """Measure and leave a sheet."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=ROWS)
    options.add_argument("--rounds", type=int, default=ROUNDS)
    given = options.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        lines = runner.run(run(given.rows, given.rounds))
    sheet.write("stage/upload", lines, notes=[f"{given.rows:,} rows a run", f"{given.rounds} rounds"])


if __name__ == "__main__":
    main()
