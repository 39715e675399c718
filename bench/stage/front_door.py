"""What the front door costs, and how quickly single messages are accepted, beside a bare aiohttp handler in the same run.

    python bench/stage/front_door.py [--rounds 3] [--rate 500] [--seconds 5] [--check]

The neighbour reads a JSON body, does one INSERT, commits and answers: what nobody who stores anything can do without. It and
the gateway work on one PostgreSQL with durable commits. Requests leave in an open loop (bench/open_loop.py), round by round:

- parts: the neighbour alone, then behind authentication, limits of callers, strict reading, idempotency, the middleware, and
  all of the door;
- sends: POST /v1/messages at several rates, each with a key, to a whole gateway that sends them to a simulator and takes in its
  reports; and from there to the provider's recorded answer, for the oldest message of each request to the provider;
- burst: 2,000 such requests over 400 keys, 75 at a time.

Prints a table and writes bench/results/front_door.json; --check says by the exit code whether every target was met.
`BENCH_SCALE=tiny` proves that it still runs; its figures mean nothing.
"""

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path
from statistics import median
from typing import Final

import aiohttp
import msgspec
import uvloop

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench import open_loop, rig, sheet
from bench.machine import IS_TINY, RESULTS, surroundings
from bench.sheet import Goal, Line
from penstock import config
from penstock.cli.mock import simulator_process
from tests.conftest import migrate_database
from tests.e2e.evidence import Database, wait_until
from tests.e2e.processes import Process, process_settings
from tests.servers import Databases, private_postgres, private_valkey

PARTS: Final = {
    "authentication": ("auth", "bare"), "limits of callers": ("limits", "bare"), "strict JSON": ("strict", "bare"),
    "idempotency": ("idempotency", "strict"), "request id, log line, metrics": ("observed", "bare"),
    "all together": ("whole", "bare"),
}  # fmt: skip
"""What a part adds: one step of door_steps.py less another."""
GOAL_MS: Final = {"idempotency": 1.0, "all together": 3.0}
SEND_RATES: Final = (50.0, 100.0) if IS_TINY else (200.0, 500.0, 1000.0)
SEND_P99_MS: Final = {500.0: 25.0}
BURST_P95_MS: Final = 200.0
REQUESTS, KEYS, AT_ONCE = (200, 40, 25) if IS_TINY else (2000, 400, 75)
BODY: Final = '{"to": "+49151{i:08d}", "text": "Your code is 123456."}'
NEVER_REPEATED = count(1)
TO_SENT: Final = """
SELECT percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY extract(epoch FROM a.closed_at - k.created_at)::float8 * 1000)
FROM attempt a JOIN batch b USING (batch_id)
JOIN chunk k ON k.tenant_id = b.tenant_id AND k.campaign_id = b.campaign_id AND k.chunk_no = b.chunk_no
WHERE a.started_at >= $1
"""
"""Chunks that go out together become the oldest of them."""


class Row(msgspec.Struct, frozen=True):
    """One figure of the table."""

    what: str
    unit: str
    ours: float
    neighbour: float | None = None
    goal: float | None = None
    """At most."""

    @property
    def is_met(self) -> bool:
        """Whether the goal was reached, if there is one."""
        return self.goal is None or self.ours <= self.goal


class Burst(msgspec.Struct):
    """What came of a burst."""

    p95_ms: float
    answers: dict[str, int]
    """By status and mark."""


class Sends(msgspec.Struct):
    """What came of single sends at one rate."""

    answered: open_loop.Measured
    sent_p50_ms: float
    """From the transaction that stored a message to the one that recorded the provider's answer."""
    sent_p99_ms: float


class Round(msgspec.Struct):
    """One turn of everything."""

    steps: dict[str, open_loop.Measured]
    sends: dict[float, Sends]
    bare_burst: Burst
    burst: Burst


class Places(msgspec.Struct):
    """Where everything listens."""

    steps: dict[str, str]
    messages: str
    key: str
    database: Database


async def main() -> int:
    """Measure, print and write."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=1 if IS_TINY else 3)
    options.add_argument("--rate", type=float, default=100 if IS_TINY else 500, help="requests a second, for the parts")
    options.add_argument("--seconds", type=float, default=0.5 if IS_TINY else 5, help="for each step and each rate of sends")
    options.add_argument("--check", action="store_true", help="exit with 1 when a target is missed")
    given = options.parse_args()
    async with places() as where:
        rounds = [await take_round(where, given.rate, given.seconds) for _ in range(given.rounds)]
        await check_stored(where.database, rounds)
    rows = rows_of(rounds)
    print(table(rows))
    write(given.rate, rows, rounds)
    return 0 if all(row.is_met for row in rows) or not given.check else 1


@asynccontextmanager
async def places() -> AsyncIterator[Places]:
    """Durable PostgreSQL, Valkey, a simulator, the gateway and the steps: each a process of its own."""
    with private_postgres(durable=True) as server, private_valkey() as valkey, tempfile.TemporaryDirectory() as name:
        async with Databases(server).clone("schema", migrate_database) as dsn:
            database = Database(dsn)
            key = await database.make_key()
            environment = process_settings(dsn, valkey, "http://127.0.0.1:9", Path(name))
            for limit in ("TRAFFIC_ACCOUNT", "TENANT", "GLOBAL"):
                del environment[f"RATE_LIMIT_{limit}_MAX"]
            callback = f"http://127.0.0.1:{environment['PENSTOCK_HTTP_PORT']}/webhooks/mitto/dlr"
            with simulator_process(config.load(environment), ["--port", "0", "--callback", callback]) as simulator:
                gateway = Process(environment | {"MITTO_API_BASE": simulator}, Path(name))
                with serving_steps(dsn, valkey) as steps:
                    await gateway.start()
                    try:
                        yield Places(steps, f"{gateway.url}/v1/messages", key, database)
                    finally:
                        assert await gateway.terminate() == 0, gateway.errors()


@contextmanager
def serving_steps(dsn: str, redis: str) -> Iterator[dict[str, str]]:
    """The address of each step."""
    command = [sys.executable, str(Path(__file__).with_name("door_steps.py")), dsn, redis]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own
        assert process.stdout
        yield json.loads(process.stdout.readline())
        process.communicate()


async def take_round(where: Places, rate: float, seconds: float) -> Round:
    """Every step, then the gateway, then the bursts: in turn, so that the machine's drift falls on all alike."""
    steps = {name: await open_loop.run(target(url, where.key), rate, seconds) for name, url in where.steps.items()}
    sends = {rate: await take_sends(where, rate, seconds) for rate in SEND_RATES}
    bare_burst = await burst(where.steps["bare"], where.key)
    return Round(steps, sends, bare_burst, await burst(where.messages, where.key))


async def take_sends(where: Places, rate: float, seconds: float) -> Sends:
    """Single sends at one rate, and their way to the provider."""
    begun = await where.database.value("SELECT clock_timestamp()")
    answered = await open_loop.run(target(where.messages, where.key), rate, seconds)
    await wait_until(lambda: where.database.value(rig.IS_SENT), "every message is sent")
    return Sends(answered, *await where.database.value(TO_SENT, begun))


def target(url: str, key: str) -> open_loop.Target:
    """Requests of which each has an Idempotency-Key of its own."""
    name = next(NEVER_REPEATED)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Idempotency-Key": f"run-{name}-{{i}}"}
    return open_loop.Target(url, headers, BODY)


async def burst(url: str, key: str) -> Burst:
    """Every key as often as any other, in an order that lets some repetitions meet the first while it is being answered."""
    asked, order = target(url, key), [number % KEYS for number in range(REQUESTS)]
    random.Random(1).shuffle(order)  # noqa: S311 - an order that is the same in every run
    waiting, times, answers = iter(order), list[float](), Counter[str]()

    async def ask(session: aiohttp.ClientSession) -> None:
        for number in waiting:
            begun = time.perf_counter()
            async with session.post(url, data=asked.body_of(number), headers=asked.headers_of(number)) as response:
                await response.read()
            times.append((time.perf_counter() - begun) * 1000)
            answers[f"{response.status} {response.headers.get('X-Idempotency', '')}".strip()] += 1

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session, asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(ask(session))
    return Burst(round(sorted(times)[int(len(times) * 0.95)], 2), dict(answers))


async def check_stored(database: Database, rounds: list[Round]) -> None:
    """No request failed, each key was answered once, and what was answered is stored. A figure without that is none."""
    for one in rounds:
        for measured in (*one.steps.values(), *(sends.answered for sends in one.sends.values())):
            assert measured.statuses == {"201": measured.requests}, measured.statuses
        assert one.burst.answers == {"201 MISS": KEYS, "201 HIT": REQUESTS - KEYS}, one.burst.answers
    sent = sum(sum(sends.answered.requests for sends in one.sends.values()) + KEYS for one in rounds)
    assert await database.value("SELECT count(*) FROM message") == sent


def rows_of(rounds: list[Round]) -> list[Row]:
    """Medians over the rounds; a difference is taken within its round."""
    rows = []
    for part, (with_it, without) in PARTS.items():
        added = median(one.steps[with_it].sent_p50_ms - one.steps[without].sent_p50_ms for one in rounds)
        base = median(one.steps[without].sent_p50_ms for one in rounds)
        rows.append(Row(f"{part}: added to the median", "ms", added, base, GOAL_MS.get(part)))
    for rate in SEND_RATES:
        for quantile, goal in (("p50_ms", None), ("p99_ms", SEND_P99_MS.get(rate)), ("p999_ms", None)):
            ours = median(getattr(one.sends[rate].answered, quantile) for one in rounds)
            rows.append(Row(f"single sends, {rate:,.0f}/s: {quantile.removesuffix('_ms')}", "ms", ours, goal=goal))
        for quantile in ("p50", "p99"):
            ours = median(getattr(one.sends[rate], f"sent_{quantile}_ms") for one in rounds)
            rows.append(Row(f"  from stored to the provider's answer recorded: {quantile}", "ms", ours))
    p95 = median(one.burst.p95_ms for one in rounds), median(one.bare_burst.p95_ms for one in rounds)
    rows.append(Row(f"burst of {REQUESTS:,} over {KEYS} keys, {AT_ONCE} at a time: p95", "ms", *p95, BURST_P95_MS))
    return rows


def table(rows: list[Row]) -> str:
    """One line a figure."""
    lines = [("", "penstock", "neighbour", "ratio", "goal", "")]
    for row in rows:
        is_added = "added" in row.what
        ratio = f"{row.ours / row.neighbour + is_added:.2f}" if row.neighbour else ""
        neighbour = f"{row.neighbour:.2f} {row.unit}" if row.neighbour else ""
        goal = "" if row.goal is None else f"≤ {row.goal:g} {row.unit}"
        mark = "" if row.goal is None or IS_TINY else "met" if row.is_met else "missed"
        ours = f"{'+' if is_added and row.ours >= 0 else ''}{row.ours:.2f} {row.unit}"
        lines.append((row.what, ours, neighbour, ratio, goal, mark))
    first, *others = (max(map(len, column)) for column in zip(*lines, strict=True))
    aligned = ([name.ljust(first), *map(str.rjust, cells, others)] for name, *cells in lines)
    return "\n".join("  ".join(line).rstrip() for line in aligned)


def write(rate: float, rows: list[Row], rounds: list[Round]) -> None:
    """Every request's figures in a file of their own, and the rows on the page."""
    report = {"surroundings": surroundings(), "rate": rate, "rows": rows, "rounds": rounds}
    file = RESULTS / ("front_door-tiny.json" if IS_TINY else "front_door.json")
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1))
    sheet.write("stage/front_door", [line_of(row) for row in rows], notes=[f"{rate:g} requests/s in an open loop"])


def line_of(row: Row) -> Line:
    """A figure beside its neighbour."""
    goals = [] if row.goal is None else [Goal(of="value", at_most=row.goal)]
    line = Line(what=row.what, unit=row.unit, ours=[row.ours], goals=goals)
    if row.neighbour is None:
        return line
    return msgspec.structs.replace(line, neighbour="bare handler with one INSERT", theirs=[row.neighbour])


if __name__ == "__main__":
    raise SystemExit(uvloop.run(main()))
