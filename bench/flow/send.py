"""Sending: the whole gateway beside the floor, in turn on one PostgreSQL and one simulator, reports off.

Both start with the rows in PostgreSQL, vacuumed, and end when the last answer is written; durable commits on both sides. The
gateway is a process of its own, as in production; its time runs from `send` to the last settled batch by the database's clock.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import asyncpg
import uvloop

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench import audience, floor, rig, sheet, usage
from bench.machine import IS_TINY
from bench.sheet import Goal, Line
from bench.turns import ROUNDS, Figures, Turns, line, take_turns
from penstock.store import campaigns

MESSAGES = 20_000 if IS_TINY else 300_000
IN_FLIGHT = (1, 4) if IS_TINY else (1, 2, 4)
FLOOR = "straight line in Python"
WHY = "keys name tenant, campaign and message; numbers are indexed meanwhile; books and proofs are kept"


async def measure_gateway(servers: rig.Rig, provider: str, messages: int, in_flight: int) -> Figures:
    """One campaign through a gateway of its own."""
    async with rig.database(servers) as dsn:
        owner = await audience.prepare(dsn)
        campaign_id = await audience.store_campaign(dsn, owner.tenant_id, messages)
        settings = {"PENSTOCK_DISPATCH__IN_FLIGHT": str(in_flight)}
        async with rig.gateway(servers, dsn, provider, **settings) as gateway:
            connection = await asyncpg.connect(dsn)
            try:
                before = await usage.snapshot(connection, servers.postgres.pid or 0, [gateway.pid])
                await campaigns.start_campaign(connection, owner.tenant_id, campaign_id)
                await rig.wait_for(connection, rig.IS_SENT)
                after = await usage.snapshot(connection, servers.postgres.pid or 0, [gateway.pid])
                counts = await campaigns.get_counts(connection, owner.tenant_id, campaign_id)
                assert counts.get("sent") == messages, counts
                rate = messages / await connection.fetchval(rig.TOOK)
            finally:
                await connection.close()
            return {"msgs_per_s": rate, "rss_mb": usage.resident_mb(gateway.pid), **usage.figures(before, after, messages)}


async def measure_floor(servers: rig.Rig, provider: str, messages: int, in_flight: int) -> Figures:
    """The same number of messages along the straight line, in this process."""
    async with rig.database(servers) as dsn:
        connection = await asyncpg.connect(dsn)
        try:
            options = argparse.Namespace(messages=messages, batch=5000, in_flight=in_flight)
            async with floor.ready(dsn, provider, options) as (pool, session):
                before = await usage.snapshot(connection, servers.postgres.pid or 0, [os.getpid()])
                seconds = await floor.send_all(pool, session, options)
                after = await usage.snapshot(connection, servers.postgres.pid or 0, [os.getpid()])
        finally:
            await connection.close()
    return {"msgs_per_s": messages / seconds, **usage.figures(before, after, messages)}


async def run(options: argparse.Namespace) -> list[Line]:
    """All pairs."""
    lines, turns = [], {}
    with rig.servers() as servers, rig.simulator() as provider:
        for in_flight in options.in_flight:
            print(f"{in_flight} in flight", file=sys.stderr)

            async def ours(n: int = in_flight) -> Figures:
                return await measure_gateway(servers, provider, options.messages, n)

            async def theirs(n: int = in_flight) -> Figures:
                return await measure_floor(servers, provider, options.messages, n)

            turns[in_flight] = await take_turns({"gateway": ours, "floor": theirs}, options.rounds)
            goals = [Goal(at_least=1.0, gate=0.3)] if in_flight == 1 else []
            what = f"send, {in_flight} in flight"
            lines.append(
                line(
                    what, "msg/s", turns[in_flight], "msgs_per_s", ours="gateway", theirs="floor", neighbour=FLOOR, goals=goals
                )
            )
    lines.append(_best(turns))
    return [*lines, *_costs(turns[options.in_flight[0]])]


def _best(turns: Mapping[int, Turns]) -> Line:
    """Each side at its own best number in flight."""
    best = {
        way: max((turns[n][way] for n in turns), key=lambda runs: sum(run["msgs_per_s"] for run in runs))
        for way in ("gateway", "floor")
    }
    return line(
        "send, each at its best", "msg/s", best, "msgs_per_s", ours="gateway", theirs="floor", neighbour=FLOOR,
        goals=[Goal(at_least=0.7, gate=0.3)],
    )  # fmt: skip


def _costs(turns: Turns) -> list[Line]:
    """What a message costs beside time, one in flight."""
    columns = {
        "all_cpu_s_per_million": ("processor, 1 in flight", "s/million", [Goal(at_most=1.3, gate=4)]),
        "cpu_s_per_million": ("  of it Python's", "s/million", []),
        "postgres_cpu_s_per_million": ("  of it PostgreSQL's", "s/million", []),
        "wal_bytes": ("write-ahead log", "bytes/msg", []),
        "disk_bytes": ("disk grown by sending", "bytes/msg", []),
    }
    lines = [
        line(what, unit, turns, figure, ours="gateway", theirs="floor", neighbour=FLOOR, goals=goals, why=WHY if goals else "")
        for figure, (what, unit, goals) in columns.items()
    ]
    return [*lines, line("memory of the gateway", "MB", turns, "rss_mb", ours="gateway")]


def main() -> None:
    """Measure and leave a sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=MESSAGES)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--in-flight", type=int, nargs="+", default=IN_FLIGHT)
    given = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        lines = runner.run(run(given))
    sheet.write("flow/send", lines, notes=[f"{given.messages:,} messages a run", f"{given.rounds} pairs"])


if __name__ == "__main__":
    main()
