"""Private PostgreSQL and Valkey for the tests: real servers in a temporary folder, ended with the `with` block.

How to use it from fixtures (each xdist worker has servers of its own; nothing is shared, so nothing needs a lock):

    with private_postgres() as server, private_valkey() as url:      # once a session
        databases = Databases(server)
        async with databases.clone("schema", migrate) as dsn:         # once a test; migrate(dsn) runs once a session
            ...

`private_postgres` gives the `EmbeddedPostgres` itself: `server.dsn`, `server.dsn_for(database, user="postgres")`,
`server.superuser_dsn`. Nothing is synced to disk unless `durable=True`: that costs a power cut its data, not a killed
server. A killed test run leaves its servers behind; the folder in their command line, `penstock-test-…`, tells them.
"""

import asyncio
import itertools
import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import asyncpg

from penstock.embedded import EmbeddedPostgres, EmbeddedValkey

CARELESS = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
}
MEMORY = Path("/dev/shm")  # noqa: S108 -- a memory file system: cloning 30 tables takes 12 ms there, on a slow disk 100-300 ms
ROOM_BYTES = 2 * 1024**3  # with less (containers often give 64 MB) the disk is the safer place

Fill = Callable[[str], Awaitable[None]]

PORTS_FROM, PORTS_EACH = 15_000, 2_000
"""Below those that outgoing connections are given, which would take one again before it is used. Each worker has its own."""


def _ports() -> Iterator[int]:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))  # noqa: TID251 - pytest's own name
    first, begin = PORTS_FROM + worker % 8 * PORTS_EACH, secrets.randbelow(PORTS_EACH)
    for number in itertools.count(begin):
        yield first + number % PORTS_EACH


_candidates = _ports()


def wait_for_command_line(pid: int) -> None:
    """Return once the kernel shows that a new process is `sleep`: a launch is reported a moment before."""
    while not Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"sleep\0"):
        os.sched_yield()


def free_port() -> int:
    """A port that was free a moment ago, and that nobody else is offered soon."""
    for port in _candidates:
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("there is no end of candidates")


@contextmanager
def private_folder(*, in_memory: bool = False) -> Iterator[Path]:
    """Lend a short, fresh folder that another account may pass through (pytest's own are closed, which stops root)."""
    parent = MEMORY if in_memory and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM_BYTES else None
    folder = Path(tempfile.mkdtemp(prefix="penstock-test-", dir=parent))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def private_postgres(
    *, durable: bool = False, settings: Mapping[str, str] | None = None, binaries: Path | None = None
) -> Iterator[EmbeddedPostgres]:
    """Lend a fresh PostgreSQL; `binaries` names another version's folder (`/usr/lib/postgresql/15/bin`)."""
    chosen = ({} if durable else CARELESS) | dict(settings or {})
    # The programs stay on the disk: a memory file system is often mounted without the right to run anything.
    with private_folder() as store, private_folder(in_memory=not durable) as folder:
        server = EmbeddedPostgres(folder / "postgres", binaries=binaries, settings=chosen, store=store)
        with server:
            yield server


@contextmanager
def private_valkey(*, settings: Mapping[str, str] | None = None, binaries: Path | None = None) -> Iterator[str]:
    """Lend the URL of a fresh, empty Valkey."""
    with private_folder() as folder, EmbeddedValkey(folder / "valkey", binaries=binaries, settings=settings) as url:
        yield url


class Databases:
    """A fresh database for every test, cloned from a template that is filled once."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server
        self._templates: set[str] = set()
        self._numbers = itertools.count(1)

    @asynccontextmanager
    async def clone(self, template: str, fill: Fill) -> AsyncIterator[str]:
        """Lend the DSN of a copy of `template`, which `fill(dsn)` makes at its first use; the copy is dropped afterwards."""
        await self._ensure_template(template, fill)
        name = f"{template}_{next(self._numbers)}"
        await self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy OWNER penstock')
        try:
            yield self._server.dsn_for(name)
        finally:
            await self._execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    @asynccontextmanager
    async def empty(self) -> AsyncIterator[str]:
        """Lend the DSN of a database without any schema."""
        async with self.clone("nothing", _leave_empty) as dsn:
            yield dsn

    async def _ensure_template(self, name: str, fill: Fill) -> None:
        if name in self._templates:
            return
        await self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')  # of a fill that failed
        await self._execute(f'CREATE DATABASE "{name}" OWNER penstock')
        await fill(self._server.dsn_for(name))
        self._templates.add(name)

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self._server.superuser_dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


async def _leave_empty(dsn: str) -> None:
    """Fill nothing."""
    await asyncio.sleep(0)
    del dsn
