"""How fast a campaign's recipients get from an HTTP body to commit, beside bare COPY of the same rows in the same run.

    python bench/stage/upload.py [--rows 1000000] [--durable] [--quiet-hours]

Prints one line each: the upload through a served application over loopback (client, server and PostgreSQL share the machine),
and COPY of the same message rows into the same table, in one transaction and in transactions of one chunk.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import aiohttp
import msgspec

sys.path.insert(0, str(Path(__file__).parents[2]))

from penstock import _core
from penstock.api.app import make_app
from penstock.api.auth import Authenticator, Caller
from penstock.api.parts import Parts
from penstock.api.server import WebServer
from penstock.clock import SystemClock
from penstock.config import Database, Http, Sms
from penstock.domain.ids import AccountId, uuid7
from penstock.domain.keys import Scope
from penstock.domain.tenant import TenantSettings
from penstock.ingest.audience import Intake
from penstock.ingest.repeats import Repeats
from penstock.ingest.singles import Singles
from penstock.store import tenants
from penstock.store.migrate import migrate
from penstock.store.pool import Store, connect
from penstock.store.uploads import MESSAGE_COLUMNS
from penstock.telemetry.metrics import Metrics
from tests.servers import Databases, private_postgres

SENT_AT_ONCE = 1 << 20
SAMPLE_S = 0.05


class OpenDoor(Authenticator):
    """Every caller is the one tenant: keys are not what is measured."""

    async def authenticate(self, _: object) -> Caller:
        """Say who is calling."""
        return Caller(TENANT, b"\0" * 32, 0, frozenset(Scope), TenantSettings())


TENANT = tenants.TenantId(1)
KEPT = timedelta(days=1)


class Result(msgspec.Struct):
    """One measurement."""

    what: str
    rows: int
    seconds: float
    grown_mb: float = 0.0

    def __str__(self) -> str:
        grown = f"  memory +{self.grown_mb:.0f} MB" if self.grown_mb else ""
        return f"{self.what:<32} {self.rows / self.seconds:>10,.0f} rows/s  {self.seconds:6.2f} s{grown}"


def strict_rows(n: int) -> bytes:
    """A CSV file of `n` E.164 numbers."""
    return b"phone\n" + b"".join(b"+49151%08d\n" % i for i in range(n))


async def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--durable", action="store_true", help="PostgreSQL with fsync on")
    options.add_argument("--quiet-hours", action="store_true", help="a campaign that asks what time it is for each recipient")
    given = options.parse_args()
    with private_postgres(durable=given.durable) as server:
        async with Databases(server).clone("schema", _fill) as dsn, Store.open(dsn, Database()) as store:
            body = strict_rows(given.rows)
            print(await _measure_upload(store, body, given.rows, is_quiet=given.quiet_hours))
            for chunk in (given.rows, Sms().batch_size):
                print(await _measure_copy(store, body, given.rows, chunk))


async def _fill(dsn: str) -> None:
    connection = await connect(dsn)
    await migrate(connection, "mock")
    await tenants.create_tenant(connection, "bench")
    await connection.close()


async def _measure_upload(store: Store, body: bytes, rows: int, *, is_quiet: bool) -> Result:
    clock, metrics = SystemClock(), Metrics("bench")
    parts = Parts(
        store=store, intake=Intake(store, Sms(), metrics, clock=clock, random=os.urandom), metrics=metrics, clock=clock,
        repeats=Repeats(store, Http().idempotency_kept),
        singles=Singles(store, metrics, new_id=uuid4, kept=Http().idempotency_kept, announce=lambda _: None),
        random=os.urandom, http=Http(), authenticator=OpenDoor(store, clock), account_id=AccountId("bench"), sender="Penstock",
    )  # fmt: skip
    web, halt = WebServer("bench", make_app(parts), parts.http, 0, metrics), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(web.run(halt))
        await web.listening.wait()
        url = f"http://127.0.0.1:{web.port}/v1/campaigns"
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
            hours = {"from": "21:00", "to": "08:00"} if is_quiet else None
            async with session.post(url, json={"name": "bench", "text": "Hello", "quiet_hours": hours}) as response:
                campaign = (await response.json())["id"]
            before, peak = _resident_mb(), group.create_task(_watch_memory(halt))
            started = time.perf_counter()
            headers = {"Content-Type": "text/csv"}
            async with session.post(f"{url}/{campaign}/recipients", data=_in_pieces(body), headers=headers) as response:
                answer = await response.json()
            seconds = time.perf_counter() - started
        halt.set()
    assert answer["accepted"] == rows, answer
    return Result("upload, HTTP body to commit", rows, seconds, peak.result() - before)


async def _in_pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), SENT_AT_ONCE):
        yield body[start : start + SENT_AT_ONCE]


async def _watch_memory(halt: asyncio.Event) -> float:
    """Return the highest resident size, in MB."""
    highest = 0.0
    while not halt.is_set():
        highest = max(highest, _resident_mb())
        await asyncio.sleep(SAMPLE_S)
    return highest


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


async def _measure_copy(store: Store, body: bytes, rows: int, chunk: int) -> Result:
    """COPY the same rows, encoded beforehand."""
    campaign = uuid7(int(SystemClock().now().timestamp() * 1000), os.urandom(10))
    encoded = _encode(body, campaign, chunk)
    started = time.perf_counter()
    async with store.engine() as connection:
        for data in encoded:
            await connection.copy_to_table("message", source=_once(data), columns=list(MESSAGE_COLUMNS), format="binary")
    return Result(f"bare COPY, {chunk} rows at once", rows, time.perf_counter() - started)


def _encode(body: bytes, campaign: UUID, chunk: int) -> list[bytes]:
    parser = _core.RecipientParser(
        "csv", _core.Template("Hello"), traffic_account_id="bench", sender="Penstock", chunk_messages=chunk,
        chunk_bytes=1 << 40,
    )  # fmt: skip
    return [one.copy_messages(TENANT, campaign.bytes) for one in [*parser.feed(body), *parser.finish()]]


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


if __name__ == "__main__":
    asyncio.run(main())
