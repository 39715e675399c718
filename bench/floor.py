"""The floor of sending: the shortest straight line in plain Python from rows in PostgreSQL to answers written back.

It reads a batch, encodes it, posts it to the simulator, parses the answer and writes it with one UPDATE. It has no
attempts, no limits, no credits, no opt-outs and survives no crash: that is what the gateway's number is compared with.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import orjson
import uvloop

ACCOUNT = "0b6f2c9e-5a41-4d0e-9a8b-1f2e3d4c5b6a"
HEADERS = {"X-Mitto-API-Key": "simulator-key", "Content-Type": "application/json"}
BULK = "/api/v1.1/Messages/sendmessagesbulk"
SERVE = "from penstock.simulator import *; serve_forever(SimulatorSettings(port=0))"

CREATE = """
CREATE SCHEMA floor;
CREATE TABLE floor.message (
    seq bigint PRIMARY KEY, msisdn bigint NOT NULL, name text NOT NULL,
    state text NOT NULL, provider_id text COLLATE "C", sent_at timestamptz
);
CREATE INDEX message_provider ON floor.message (provider_id) WHERE provider_id IS NOT NULL;
"""
READ = "SELECT seq, msisdn, name FROM floor.message WHERE seq >= $1 AND seq < $2 ORDER BY seq"
WRITE = """
UPDATE floor.message SET provider_id = answer.id, state = 'sent', sent_at = now()
FROM unnest($1::bigint[], $2::text[]) AS answer (seq, id) WHERE message.seq = answer.seq
"""
CHECK = "SELECT count(provider_id), count(DISTINCT provider_id) FROM floor.message WHERE state = 'sent'"


def encode(rows: list[asyncpg.Record]) -> bytes:
    """Render the texts and encode the bulk body."""
    messages = [
        {
            "trafficAccountId": ACCOUNT,
            "destination": f"+{msisdn}",
            "sms": {"text": f"Hello {name}, your order arrives between 10 and 12. Reply STOP to opt out.", "sender": "Example"},
        }
        for _, msisdn, name in rows
    ]
    return orjson.dumps({"messages": messages})


async def send(pool: asyncpg.Pool, session: aiohttp.ClientSession, start: int, stop: int) -> None:
    """Take one batch along the whole line."""
    async with pool.acquire() as connection:
        rows = await connection.fetch(READ, start, stop)
    async with session.post(BULK, data=encode(rows)) as answer:
        answer.raise_for_status()
        elements = orjson.loads(await answer.read())["messages"]
    ids = [element["messageId"] for element in elements]
    async with pool.acquire() as connection:
        await connection.execute(WRITE, [row[0] for row in rows], ids)


async def send_all(pool: asyncpg.Pool, session: aiohttp.ClientSession, options: argparse.Namespace) -> float:
    """Send every row with so many batches in flight; return the seconds it took."""
    starts: Iterator[int] = iter(range(0, options.messages, options.batch))

    async def work() -> None:
        for start in starts:
            await send(pool, session, start, start + options.batch)

    begun = time.perf_counter()
    async with asyncio.TaskGroup() as workers:
        for _ in range(options.in_flight):
            workers.create_task(work())
    return time.perf_counter() - begun


@asynccontextmanager
async def filled_schema(dsn: str, messages: int, connections: int) -> AsyncIterator[asyncpg.Pool]:
    """Lend a pool on a database with the schema `floor`, filled, vacuumed and checkpointed; drop it afterwards."""
    async with asyncpg.create_pool(dsn, min_size=connections, max_size=connections) as pool:
        await pool.execute(CREATE)
        try:
            records = ((seq, 4_915_100_000_000 + seq, f"Customer {seq}", "due") for seq in range(messages))
            columns = ["seq", "msisdn", "name", "state"]
            await pool.copy_records_to_table("message", schema_name="floor", records=records, columns=columns)
            await pool.execute("VACUUM ANALYZE floor.message")
            yield pool
        finally:
            await pool.execute("DROP SCHEMA floor CASCADE")


@contextmanager
def simulator(url: str | None) -> Iterator[str]:
    """Lend the address of a simulator in a process of its own, unless one is given."""
    if url:
        yield url
        return
    process = subprocess.Popen([sys.executable, "-c", SERVE], stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own program
    try:
        assert process.stdout
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.wait()


@contextmanager
def database(dsn: str | None) -> Iterator[str]:
    """Lend the address of an embedded PostgreSQL in a temporary folder, unless one is given."""
    if dsn:
        yield dsn
        return
    from penstock.embedded import EmbeddedPostgres  # noqa: PLC0415 - a given server needs no embedded one

    with tempfile.TemporaryDirectory(prefix="penstock-floor-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # as root the server runs under another account
        with EmbeddedPostgres(folder / "postgres") as address:
            yield address


@asynccontextmanager
async def ready(dsn: str, url: str, options: argparse.Namespace) -> AsyncIterator[tuple[asyncpg.Pool, aiohttp.ClientSession]]:
    """Lend everything that sending needs; at the end check that every row was sent exactly once."""
    async with (
        filled_schema(dsn, options.messages, options.in_flight) as pool,
        aiohttp.ClientSession(url, headers=HEADERS) as session,
    ):
        yield pool, session
        row = await pool.fetchrow(CHECK)
        assert row is not None
        assert tuple(row) == (options.messages, options.messages), f"rows with an id and distinct ids: {tuple(row)}"


async def measure(dsn: str, url: str, options: argparse.Namespace) -> dict[str, Any]:
    """Run once."""
    async with ready(dsn, url, options) as (pool, session):
        seconds = await send_all(pool, session, options)
    rate = round(options.messages / seconds)
    return {"messages": options.messages, "seconds": round(seconds, 3), "msgs_per_s": rate, "in_flight": options.in_flight}


def read_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dsn", help="a PostgreSQL to use; without it an embedded one is started")
    parser.add_argument("--simulator", help="a simulator to use; without it one is started")
    parser.add_argument("--messages", type=int, default=500_000)
    parser.add_argument("--batch", type=int, default=5_000)
    parser.add_argument("--in-flight", type=int, choices=range(1, 5), default=1)
    return parser.parse_args()


def main() -> None:
    """Print one line of JSON."""
    options = read_options()
    with database(options.dsn) as dsn, simulator(options.simulator) as url:
        print(json.dumps(uvloop.run(measure(dsn, url, options))))


if __name__ == "__main__":
    main()
