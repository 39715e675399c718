"""Sending while an upload runs flat out: how much of its rate it keeps, at full speed and paced at 20,000 messages a second.

Paced means that the account may send so many segments a second, which is how real accounts are. One gateway does both; the
upload comes from this process over loopback, one file after the other until the last message is sent.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import asyncpg
import msgspec
import uvloop

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench import audience, rig, sheet
from bench.machine import IS_TINY
from bench.sheet import Goal, Line
from bench.turns import ROUNDS, Figures, line, take_turns
from penstock.client import Client
from penstock.store import campaigns

MESSAGES = 30_000 if IS_TINY else 300_000
PACE = 20_000
PACED_S = 1.5 if IS_TINY else 10
FILE_ROWS = 50_000 if IS_TINY else 300_000
IS_SENT = "SELECT NOT EXISTS (SELECT FROM batch WHERE campaign_id = $1 AND state IN ('pending', 'sending'))"
TOOK = """
SELECT extract(epoch FROM (SELECT max(closed_at) FROM attempt WHERE campaign_id = $1)
                        - (SELECT started_at FROM campaign WHERE campaign_id = $1))::float8
"""
STORED = "SELECT count(*) FROM message WHERE campaign_id <> $1"


class Load(msgspec.Struct, frozen=True):
    """What one run does."""

    messages: int
    segments_per_s: str
    has_upload: bool


async def measure(servers: rig.Rig, provider: str, load: Load) -> Figures:
    """Send one campaign, with or without uploads of others beside it."""
    async with rig.database(servers) as dsn:
        owner = await audience.prepare(dsn)
        campaign_id = await audience.store_campaign(dsn, owner.tenant_id, load.messages)
        async with rig.gateway(servers, dsn, provider, MITTO_MAX_SEGMENTS_PER_S=load.segments_per_s) as gateway:
            connection = await asyncpg.connect(dsn)
            try:
                async with uploading(gateway, owner, has_upload=load.has_upload):
                    begun = time.perf_counter()
                    await campaigns.start_campaign(connection, owner.tenant_id, campaign_id)
                    await rig.wait_for(connection, IS_SENT, campaign_id)
                    seconds = time.perf_counter() - begun
                    stored = await connection.fetchval(STORED, campaign_id)
                rate = load.messages / await connection.fetchval(TOOK, campaign_id)
            finally:
                await connection.close()
    return {"msgs_per_s": rate, "rows_per_s": stored / seconds}


@asynccontextmanager
async def uploading(gateway: rig.Gateway, owner: audience.Owner, *, has_upload: bool) -> AsyncIterator[None]:
    """Meanwhile files are uploaded, one after the other; the last one is cut off at the end."""
    body = audience.csv(FILE_ROWS)

    async def upload() -> None:
        async with Client(gateway.url, owner.key) as client:
            while True:
                campaign = await client.create_campaign("beside", audience.TEXT)
                await client.upload(campaign.id, audience.in_pieces(body), "text/csv")

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(upload())] if has_upload else []
        yield
        for task in tasks:
            task.cancel()


async def run(rounds: int) -> list[Line]:
    """Alone and beside an upload, at full speed and paced."""
    lines = []
    with rig.servers() as servers, rig.simulator() as provider:
        for messages, limit in ((MESSAGES, "unlimited"), (int(PACE * PACED_S), str(PACE))):
            ways = {
                name: partial(measure, servers, provider, Load(messages, limit, has_upload))
                for name, has_upload in (("alone", False), ("beside", True))
            }
            is_paced = limit != "unlimited"
            goal = Goal(at_least=0.95, gate=0.5) if is_paced else Goal(at_least=0.6, gate=0.15)
            what = f"send while an upload runs, {'limit 20,000 segments/s' if is_paced else 'unpaced'}"
            turns = await take_turns(ways, rounds)
            lines += [
                line(what, "msg/s", turns, "msgs_per_s", ours="beside", theirs="alone", neighbour="send alone", goals=[goal]),
                line("  the upload beside it", "rows/s", turns, "rows_per_s", ours="beside"),
            ]
    return lines


def main() -> None:
    """Measure and leave a sheet."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=ROUNDS)
    given = options.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        lines = runner.run(run(given.rounds))
    sheet.write("flow/beside", lines, notes=[f"{MESSAGES:,} messages unpaced, {PACED_S:g} s paced", f"{given.rounds} pairs"])


if __name__ == "__main__":
    main()
