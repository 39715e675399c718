"""How the gateway grows: with the size of a campaign, with processes, with tenants. Curves rather than one number.

    python bench/flow/scale.py [--sizes 10000 100000 1000000 10000000] [--processes 1 2 4] [--tenants 1 10 1000]

By size: one file through the API, then sending; rows and messages a second, memory, write-ahead log and disk of each. By
processes: as many gateways on one database send one campaign together. By tenants: the same messages spread over so many.
Nothing here has a neighbour but itself: the first point of each curve.
"""

import argparse
import asyncio
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import uvloop

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench import audience, rig, sheet, usage
from bench.machine import IS_TINY
from bench.sheet import Goal, Line, Plot
from bench.turns import Figures
from penstock.client import Client
from penstock.store import campaigns

SIZES = (5_000, 20_000) if IS_TINY else (10_000, 100_000, 1_000_000)
PROCESSES = (1, 2) if IS_TINY else (1, 2, 4)
TENANTS = (1, 10) if IS_TINY else (1, 10, 1_000)
MESSAGES = 10_000 if IS_TINY else 300_000
SET_BYTES = 10
"""A number in the set that finds duplicates, at most."""

Points = dict[int, Figures]
"""Quantity → figures."""


async def by_size(servers: rig.Rig, provider: str, messages: int) -> Figures:
    """Upload and send one campaign."""
    async with rig.database(servers) as dsn:
        owner = await audience.prepare(dsn)
        async with AsyncExitStack() as stack:
            gateway = await stack.enter_async_context(rig.gateway(servers, dsn, provider))
            connection = await asyncpg.connect(dsn)
            stack.push_async_callback(connection.close)
            client = await stack.enter_async_context(Client(gateway.url, owner.key))
            peak = await stack.enter_async_context(usage.watched_memory(gateway.pid))
            before = await usage.snapshot(connection, servers.postgres.pid or 0, [gateway.pid])
            idle, begun = usage.resident_mb(gateway.pid), time.perf_counter()
            campaign = await client.create_campaign("scale", audience.TEXT)
            await client.upload(campaign.id, audience.stream(messages), "text/csv")
            uploading_s = time.perf_counter() - begun
            stored = await usage.snapshot(connection, servers.postgres.pid or 0, [gateway.pid])
            await client.send(campaign.id)
            await rig.wait_for(connection, rig.IS_SENT)
            sent = await usage.snapshot(connection, servers.postgres.pid or 0, [gateway.pid])
            rate = messages / await connection.fetchval(rig.TOOK)
    upload, send = usage.figures(before, stored, messages), usage.figures(stored, sent, messages)
    return {
        "rows_per_s": messages / uploading_s, "msgs_per_s": rate, "grown_mb": peak.mb - idle,
        "beyond_set_mb": peak.mb - idle - messages * SET_BYTES / 1e6,
        **{f"upload_{name}": value for name, value in upload.items()},
        **{f"send_{name}": value for name, value in send.items()},
    }  # fmt: skip


async def send_all(servers: rig.Rig, provider: str, *, processes: int = 1, tenants: int = 1) -> Figures:
    """Send the same number of messages by so many processes, for so many tenants."""
    async with rig.database(servers) as dsn, AsyncExitStack() as stack:
        started = []
        for number in range(tenants):
            owner = await audience.prepare(dsn, f"bench {number}")
            share, is_last = MESSAGES // tenants, number == tenants - 1
            started.append((owner.tenant_id, await audience.store_campaign(dsn, owner.tenant_id, share, is_last=is_last)))
        gateways = [await stack.enter_async_context(rig.gateway(servers, dsn, provider)) for _ in range(processes)]
        connection = await asyncpg.connect(dsn)
        stack.push_async_callback(connection.close)
        async with connection.transaction():
            for tenant_id, campaign_id in started:
                await campaigns.start_campaign(connection, tenant_id, campaign_id)
        await rig.wait_for(connection, rig.IS_SENT)
        rate = MESSAGES // tenants * tenants / await connection.fetchval(rig.TOOK)
        return {"msgs_per_s": rate, "rss_mb": max(usage.resident_mb(gateway.pid) for gateway in gateways)}


async def measure(given: argparse.Namespace) -> tuple[Points, Points, Points]:
    """The three curves."""
    with rig.servers() as servers, rig.simulator() as provider:
        sizes = {n: await _said(f"{n:,} recipients", await by_size(servers, provider, n)) for n in given.sizes}
        processes = {n: await _said(f"{n} processes", await send_all(servers, provider, processes=n)) for n in given.processes}
        tenants = {n: await _said(f"{n} tenants", await send_all(servers, provider, tenants=n)) for n in given.tenants}
    return sizes, processes, tenants


async def _said(what: str, found: Figures) -> Figures:
    print(f"  {what}: " + "  ".join(f"{name} {page_number:,.0f}" for name, page_number in found.items()), file=sys.stderr)
    return found


def lines_of(sizes: Points, processes: Points, tenants: Points) -> list[Line]:
    """Each point beside the first of its curve."""
    units = {
        "rows_per_s": "rows/s", "msgs_per_s": "msg/s", "grown_mb": "MB", "upload_wal_bytes": "bytes/msg",
        "upload_disk_bytes": "bytes/msg", "send_wal_bytes": "bytes/msg", "send_disk_bytes": "bytes/msg",
    }  # fmt: skip
    names = {
        "rows_per_s": "upload", "msgs_per_s": "send", "grown_mb": "memory grown", "upload_wal_bytes": "log of the upload",
        "upload_disk_bytes": "disk of the upload", "send_wal_bytes": "log of sending", "send_disk_bytes": "disk of sending",
    }  # fmt: skip
    lines = [
        Line(what=f"{names[figure]}, {size:,} recipients", unit=unit, ours=[found[figure]])
        for size, found in sizes.items()
        for figure, unit in units.items()
    ]
    most = max(sizes)
    goal = Goal(of="value", at_most=100)
    lines.append(Line(what="memory beyond the set of numbers", unit="MB", ours=[sizes[most]["beyond_set_mb"]], goals=[goal]))
    for what, points in (("processes", processes), ("tenants", tenants)):
        first = next(iter(points.values()))["msgs_per_s"]
        lines += [
            Line(what=f"send, {n:,} {what}", unit="msg/s", ours=[found["msgs_per_s"]], neighbour="one", theirs=[first])
            for n, found in points.items()
        ]
    return lines


def plots_of(sizes: Points, processes: Points, tenants: Points) -> list[Plot]:
    """What `render.py` draws."""

    def curve(points: Points, figure: str) -> list[tuple[float, float]]:
        return [(n, found[figure]) for n, found in points.items()]

    return [
        Plot(
            title="Upload and send by size", x="recipients", y="per second",
            curves={"upload, rows": curve(sizes, "rows_per_s"), "send, messages": curve(sizes, "msgs_per_s")},
        ),
        Plot(title="Memory by size", x="recipients", y="MB grown", curves={"gateway": curve(sizes, "grown_mb")}),
        Plot(title="Send by processes", x="processes", y="messages/s", curves={"gateway": curve(processes, "msgs_per_s")}),
        Plot(title="Send by tenants", x="tenants", y="messages/s", curves={"gateway": curve(tenants, "msgs_per_s")}),
    ]  # fmt: skip


def main() -> None:
    """Measure and leave a sheet."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    options.add_argument("--processes", type=int, nargs="+", default=PROCESSES)
    options.add_argument("--tenants", type=int, nargs="+", default=TENANTS)
    given = options.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        points = runner.run(measure(given))
    notes = [f"{MESSAGES:,} messages by processes and tenants, one run a point"]
    sheet.write("flow/scale", lines_of(*points), plots=plots_of(*points), notes=notes)


if __name__ == "__main__":
    main()
