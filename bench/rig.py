"""What a bench of the whole gateway stands on: PostgreSQL, Valkey and the simulator, each a process of its own on loopback.

Commits are durable, with the settings that the gateway's own embedded server has; every run works in a database of its own.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp
import asyncpg
import msgspec

from bench.machine import ROOT
from penstock.embedded import EmbeddedPostgres, EmbeddedValkey
from tests.e2e.inside import free_port

KEY, ACCOUNT, SECRET, SENDER = "simulator-key", "0b6f2c9e-5a41-4d0e-9a8b-1f2e3d4c5b6a", "mock-webhook-secret", "Example"
ADMIN_KEY = "operator-of-the-bench"
IS_SENT = "SELECT NOT EXISTS (SELECT FROM batch WHERE state IN ('pending', 'sending'))"
TOOK = "SELECT extract(epoch FROM (SELECT max(closed_at) FROM attempt) - (SELECT min(started_at) FROM campaign))::float8"
"""Seconds from `send` to the last settled batch, by the database's clock."""
WINDOW_S = 1.2
"""A fresh limiter grants nothing for one window; that is not what is measured."""
READY_S = 30.0
QUIET = {"MITTO_MAX_SEGMENTS_PER_S": "unlimited"} | {
    f"RATE_LIMIT_{scope}_MAX": "10000" for scope in ("TRAFFIC_ACCOUNT", "TENANT", "GLOBAL")
}
"""Limits that nobody runs into: what is measured is how fast the gateway can be."""
SERVE = ("penstock", "serve")
"""The module that is the gateway, and its arguments."""
SIMULATE = (
    "import json, sys; from penstock.simulator import *; serve_forever(SimulatorSettings(port=0, **json.loads(sys.argv[1])))"
)


class Rig(msgspec.Struct, frozen=True):
    """The servers."""

    postgres: EmbeddedPostgres
    valkey: str


@contextmanager
def servers() -> Iterator[Rig]:
    """PostgreSQL and Valkey in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # as root the servers run under another account
        postgres = EmbeddedPostgres(folder / "postgres")
        with postgres, EmbeddedValkey(folder / "valkey") as valkey:
            yield Rig(postgres, valkey)


@contextmanager
def simulator(**settings: object) -> Iterator[str]:
    """The address of a simulator; `settings` as in SimulatorSettings, callbacks are off without `callback`."""
    given = msgspec.json.encode({"keys": {KEY: [ACCOUNT]}, **settings}).decode()
    process = subprocess.Popen([sys.executable, "-c", SIMULATE, given], stdout=subprocess.PIPE, text=True)  # noqa: S603
    try:
        assert process.stdout
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.wait()


@asynccontextmanager
async def database(rig: Rig) -> AsyncIterator[str]:
    """An empty database, dropped afterwards; a checkpoint leaves the next one alone with its own writes."""
    name = f"bench_{os.urandom(4).hex()}"
    admin = await asyncpg.connect(rig.postgres.superuser_dsn)
    try:
        await admin.execute(f"CREATE DATABASE {name} OWNER penstock")
        try:
            yield rig.postgres.dsn_for(name)
        finally:
            await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
            await admin.execute("CHECKPOINT")
    finally:
        await admin.close()


class Gateway(msgspec.Struct, frozen=True):
    """A running `penstock serve`."""

    url: str
    ops_url: str
    pid: int
    log: Path


@asynccontextmanager
async def gateway(
    rig: Rig, dsn: str, provider: str, *, port: int | None = None, program: Sequence[str] = SERVE, **settings: str
) -> AsyncIterator[Gateway]:
    """The gateway as a process, ready and with its limiter's first window behind it; `settings` by name."""
    port, ops_port = port or free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as folder:
        environment = {
            "PATH": os.environ["PATH"], "PENSTOCK_MODE": "mock", "DATABASE_URL": dsn, "REDIS_URL": rig.valkey,  # noqa: TID251
            "MITTO_API_BASE": provider, "MITTO_API_KEY": KEY, "MITTO_TRAFFIC_ACCOUNT_ID": ACCOUNT, "MITTO_SENDER_NAME": SENDER,
            "MITTO_WEBHOOK_SECRET": SECRET, "PENSTOCK_ADMIN_KEY": ADMIN_KEY, "PENSTOCK_HTTP_PORT": str(port),
            "PENSTOCK_OPS_PORT": str(ops_port), "PENSTOCK_DATA_DIR": folder,
            "PENSTOCK_MITTO__REFERENCE": "0",  # as in real mode, and as the floor's bodies
            **QUIET, **settings,
        }  # fmt: skip
        log = Path(folder) / "gateway.log"
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: ASYNC220, S603 - our own program, at once
                [sys.executable, "-m", *program], env=environment, stdout=output, stderr=output, cwd=ROOT
            )
        running = Gateway(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{ops_port}", process.pid, log)
        try:
            await _become_ready(running, process)
            await asyncio.sleep(WINDOW_S)
            yield running
        finally:
            process.terminate()
            code = await asyncio.to_thread(process.wait, READY_S)
        assert code == 0, f"the gateway ended with {code}: {log.read_text()[-2000:]}"


async def _become_ready(running: Gateway, process: "subprocess.Popen[bytes]") -> None:
    async with asyncio.timeout(READY_S), aiohttp.ClientSession() as session:
        while not await _is_ready(session, running.url):
            assert process.poll() is None, running.log.read_text()[-2000:]
            await asyncio.sleep(0.02)


async def _is_ready(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(f"{url}/health/ready") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


async def wait_for(connection: asyncpg.Connection, statement: str, *arguments: object, poll_s: float = 0.05) -> None:
    """Until the statement says true."""
    while not await connection.fetchval(statement, *arguments):
        await asyncio.sleep(poll_s)
