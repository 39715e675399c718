"""Delivery reports at the door: one a request, and in arrays, beside a bare aiohttp handler that only answers 202.

Both doors are processes of their own on one core's worth of loop, and a third process floods them with the same requests over
the same number of connections. The gateway's answer means that the reports are durable; the bare one means nothing at all.
What the gateway then does with them (UPDATE by provider id) is measured from the first report to the last message final.
"""

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import asyncpg
import orjson
import uvloop

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench import audience, flood, rig, sheet
from bench.machine import IS_TINY
from bench.sheet import Goal, Line
from bench.turns import ROUNDS, Figures, line, take_turns

REQUESTS = 2_000 if IS_TINY else 30_000
ARRAYS = (20 if IS_TINY else 400, 500)
"""Requests, and reports in each."""
CONNECTIONS = 64
PATH = "/webhooks/mitto/dlr"
BARE = """
import uvloop
from aiohttp import web

async def answer(request):
    await request.read()
    return web.Response(status=202)

async def serve():
    app = web.Application()
    app.add_routes([web.post("/webhooks/mitto/dlr", answer)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(site._server.sockets[0].getsockname()[1], flush=True)
    import asyncio
    await asyncio.Event().wait()

uvloop.run(serve())
"""
SEND = """
UPDATE message SET state = 'sent', sent_at = now(), provider_id = 'id-' || campaign_id || '-' || seq WHERE state = 'queued'
"""
IS_APPLIED = """
SELECT NOT EXISTS (SELECT FROM report_page WHERE applied_at IS NULL) AND NOT EXISTS (SELECT FROM message WHERE state = 'sent')
"""


@contextmanager
def bare_handler() -> Iterator[str]:
    """The address of the bare handler."""
    process = subprocess.Popen([sys.executable, "-c", BARE], stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own program
    try:
        assert process.stdout
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.terminate()
        process.wait()


def report(provider_id: str) -> dict[str, object]:
    """As the provider writes it."""
    return {"messageId": provider_id, "deliveryStatus": "Delivered", "updatedAt": "2026-01-02T03:04:05Z"}


async def sent_messages(dsn: str, owner: audience.Owner, messages: int) -> list[str]:
    """Messages that wait for their report; their provider ids, in the order they were given."""
    await audience.store_campaign(dsn, owner.tenant_id, messages)
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(SEND)
        await connection.execute("UPDATE batch SET state = 'settled'")
        rows = await connection.fetch("SELECT provider_id FROM message WHERE state = 'sent' ORDER BY campaign_id, seq")
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
    return [row[0] for row in rows]


async def measure_gateway(dsn: str, owner: audience.Owner, url: str, shape: tuple[int, int]) -> Figures:
    """Flood it, and wait until every report is applied."""
    requests, reports = shape
    ids = await sent_messages(dsn, owner, requests * reports)
    connection = await asyncpg.connect(dsn)
    try:
        started = time.perf_counter()
        seconds = await flood.post(url + PATH, bodies(ids, reports), CONNECTIONS, {"X-Webhook-Secret": rig.SECRET})
        await rig.wait_for(connection, IS_APPLIED, poll_s=0.02)
        applied = time.perf_counter() - started
        await connection.execute("DELETE FROM report_page")
        await connection.execute("VACUUM report_page, message")
    finally:
        await connection.close()
    return {"requests_per_s": requests / seconds, "reports_per_s": len(ids) / seconds, "applied_per_s": len(ids) / applied}


async def measure_bare(url: str, shape: tuple[int, int]) -> Figures:
    """The same requests to a handler that does nothing with them."""
    requests, reports = shape
    ids = [f"id-00000000-0000-7000-8000-000000000000-{number}" for number in range(requests * reports)]
    seconds = await flood.post(url + PATH, bodies(ids, reports), CONNECTIONS, {"X-Webhook-Secret": rig.SECRET})
    return {"requests_per_s": requests / seconds, "reports_per_s": len(ids) / seconds}


def bodies(ids: list[str], reports: int) -> list[bytes]:
    """One object each, or arrays."""
    if reports == 1:
        return [orjson.dumps(report(one)) for one in ids]
    return [orjson.dumps([report(one) for one in ids[start : start + reports]]) for start in range(0, len(ids), reports)]


async def run(rounds: int, requests: int) -> list[Line]:
    """Both shapes, both doors, in turn."""
    lines = []
    with rig.servers() as servers, rig.simulator() as provider, bare_handler() as bare:
        async with rig.database(servers) as dsn:
            owner = await audience.prepare(dsn)
            async with rig.gateway(servers, dsn, provider) as gateway:
                for shape in ((requests, 1), ARRAYS):
                    ways = {
                        "gateway": partial(measure_gateway, dsn, owner, gateway.url, shape),
                        "bare": partial(measure_bare, bare, shape),
                    }
                    lines += lines_of(shape, await take_turns(ways, rounds))
    return lines


def lines_of(shape: tuple[int, int], turns: dict[str, list[Figures]]) -> list[Line]:
    """What is said of one shape."""
    single = shape[1] == 1
    goals = [Goal(at_least=0.5, gate=0.1)] if single else [Goal(of="value", at_least=50_000)]
    what = "reports, one a request" if single else f"reports, {shape[1]} a request"
    neighbour = "aiohttp handler that answers 202"
    return [
        line(what, "reports/s", turns, "reports_per_s", ours="gateway", theirs="bare", neighbour=neighbour, goals=goals),
        line(f"{what}: until all are applied", "reports/s", turns, "applied_per_s", ours="gateway"),
    ]


def main() -> None:
    """Measure and leave a sheet."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--requests", type=int, default=REQUESTS)
    options.add_argument("--rounds", type=int, default=ROUNDS)
    given = options.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        lines = runner.run(run(given.rounds, given.requests))
    notes = [f"{given.requests:,} requests with one report, {ARRAYS[0]} with {ARRAYS[1]}, {CONNECTIONS} connections"]
    sheet.write("stage/reports", lines, notes=notes)


if __name__ == "__main__":
    main()
