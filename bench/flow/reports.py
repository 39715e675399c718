"""The whole way of a campaign, from `send` to the last final state, with the provider's reports coming back meanwhile.

The simulator, the gateway and PostgreSQL share the machine, so what reports cost is seen against the same campaign without
any: there the way ends when the last message is sent.
"""

import argparse
import asyncio
import sys
from functools import partial
from pathlib import Path

import asyncpg
import uvloop

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench import audience, rig, sheet, usage
from bench.machine import IS_TINY
from bench.sheet import Line
from bench.turns import ROUNDS, Figures, line, take_turns
from penstock.store import campaigns
from tests.e2e.inside import free_port

MESSAGES = 5_000 if IS_TINY else 100_000
IS_OVER = "SELECT NOT EXISTS (SELECT FROM message WHERE state = ANY($1::message_state[]))"
TOOK = """
SELECT extract(epoch FROM (SELECT greatest(max(final_at), max(sent_at), (SELECT max(applied_at) FROM report_page)) FROM message)
                        - (SELECT started_at FROM campaign))::float8
"""
SHAPES: dict[str, dict[str, object]] = {
    "none": {},
    "arrays": {"report_shape": "array", "report_array": 500},
    "single": {"report_shape": "object"},
}


async def measure(servers: rig.Rig, shape: str, messages: int) -> Figures:
    """One campaign, and the reports in one shape."""
    port = free_port()
    settings = {
        "report_delay_ms": 100.0,
        "report_jitter_ms": 50.0,
        "report_concurrency": 32,
        "secret": rig.SECRET,
        **SHAPES[shape],
    }
    if shape != "none":
        settings["callback"] = f"http://127.0.0.1:{port}/webhooks/mitto/dlr"
    async with rig.database(servers) as dsn:
        owner = await audience.prepare(dsn)
        campaign_id = await audience.store_campaign(dsn, owner.tenant_id, messages)
        with rig.simulator(**settings) as provider:
            async with rig.gateway(servers, dsn, provider, port=port) as gateway:
                connection = await asyncpg.connect(dsn)
                try:
                    before = await usage.snapshot(connection, servers.postgres.pid or 0, [gateway.pid])
                    await campaigns.start_campaign(connection, owner.tenant_id, campaign_id)
                    await rig.wait_for(connection, IS_OVER, ["queued", *(["sent"] if shape != "none" else [])], poll_s=0.2)
                    after = await usage.snapshot(connection, servers.postgres.pid or 0, [gateway.pid])
                    rate = messages / await connection.fetchval(TOOK)
                finally:
                    await connection.close()
                memory = usage.resident_mb(gateway.pid)
    return {"msgs_per_s": rate, "rss_mb": memory, **usage.figures(before, after, messages)}


async def run(messages: int, rounds: int) -> list[Line]:
    """Every shape in turn."""
    with rig.servers() as servers:
        turns = await take_turns({shape: partial(measure, servers, shape, messages) for shape in SHAPES}, rounds)
    lines = []
    for shape, what in (("arrays", "reports in arrays of 500"), ("single", "one report a request")):
        lines += [
            line(
                f"send to final, {what}", "msg/s", turns, "msgs_per_s", ours=shape, theirs="none", neighbour="without reports"
            ),
            line("  processor of the gateway", "s/million", turns, "cpu_s_per_million", ours=shape, theirs="none"),
            line("  write-ahead log", "bytes/msg", turns, "wal_bytes", ours=shape, theirs="none"),
            line("  disk grown", "bytes/msg", turns, "disk_bytes", ours=shape, theirs="none"),
            line("  memory of the gateway", "MB", turns, "rss_mb", ours=shape, theirs="none"),
        ]
    return lines


def main() -> None:
    """Measure and leave a sheet."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--messages", type=int, default=MESSAGES)
    options.add_argument("--rounds", type=int, default=ROUNDS if IS_TINY else 3)
    given = options.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        lines = runner.run(run(given.messages, given.rounds))
    sheet.write("flow/reports", lines, notes=[f"{given.messages:,} messages a run", f"{given.rounds} rounds"])


if __name__ == "__main__":
    main()
