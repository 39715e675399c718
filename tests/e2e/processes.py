"""`penstock serve` as a process of its own, so that it can be killed, stopped and read like one."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import orjson

from penstock.client import Client
from penstock.config import OUR_PREFIXES
from penstock.simulator import Simulator
from tests.e2e.checker import Books
from tests.e2e.evidence import Condition, Database, verify, wait_until
from tests.e2e.inside import settings, simulator_settings
from tests.servers import free_port

EXIT_S = 60.0
SERVE = (sys.executable, "-m", "penstock", "serve")


def plain_environment() -> dict[str, str]:
    """This process's environment without settings of a gateway."""
    theirs = (*OUR_PREFIXES, "DATABASE_URL", "REDIS_URL", "SAFE_MODE")
    return {name: text for name, text in os.environ.items() if not name.startswith(theirs)}  # noqa: TID251 - for a child


class Process:
    """A running gateway; its standard output and error go to files, one a start."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self.environment = dict(environment)
        self.folder = folder
        self._starts = 0
        self._popen: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{environment['PENSTOCK_HTTP_PORT']}"
        self.ops_url = f"http://127.0.0.1:{environment['PENSTOCK_OPS_PORT']}"

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._popen is not None
        return self._popen.pid

    async def start(self, **changes: str) -> None:
        """Launch it, with other settings if given, and wait until it is ready."""
        self.launch(**changes)
        await wait_until(self._is_ready, "the gateway is ready")

    def launch(self, **changes: str) -> None:
        """Launch it and return at once."""
        self.environment.update(changes)
        self._starts += 1
        with self._file("out").open("wb") as out, self._file("err").open("wb") as err:
            self._popen = subprocess.Popen(
                SERVE, env=plain_environment() | self.environment, stdout=out, stderr=err, cwd=self.folder
            )

    @property
    def code(self) -> int | None:
        """The exit code; None while it runs."""
        assert self._popen is not None
        return self._popen.poll()

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        assert self._popen is not None
        self._popen.kill()
        self._popen.wait()

    def stop(self) -> None:
        """SIGSTOP: it sleeps until it is told to go on."""
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    async def is_stopped(self) -> bool:
        """Whether it sleeps."""
        status = await asyncio.to_thread(Path(f"/proc/{self.pid}/stat").read_text)
        return status.rpartition(")")[2].split()[0] == "T"

    async def terminate(self) -> int:
        """SIGTERM; the exit code."""
        assert self._popen is not None
        self._popen.send_signal(signal.SIGTERM)
        return await self.exit_code()

    async def exit_code(self) -> int:
        """Wait for the end."""
        assert self._popen is not None
        return await asyncio.to_thread(self._popen.wait, EXIT_S)

    def end(self) -> None:
        """Kill it if it still runs; for the end of a test."""
        if self._popen is not None and self._popen.poll() is None:
            self.kill()

    def log(self) -> list[dict[str, object]]:
        """The log lines of the present start."""
        lines: list[dict[str, object]] = [orjson.loads(line) for line in self._file("out").read_bytes().splitlines()]
        return lines

    def errors(self) -> list[str]:
        """The lines on standard error of the present start."""
        return self._file("err").read_text().splitlines()

    def output(self) -> str:
        """Everything it ever said."""
        return "".join(path.read_text() for path in sorted(self.folder.glob("gateway-*")))

    def _file(self, kind: str) -> Path:
        return self.folder / f"gateway-{self.environment['PENSTOCK_HTTP_PORT']}-{self._starts}.{kind}"

    async def has_begun(self) -> bool:
        """Whether it answers, ready or not."""
        return await self._status() is not None

    async def _is_ready(self) -> bool:
        assert self.code is None, self.errors()
        return await self._status() == 200

    async def _status(self) -> int | None:
        try:
            async with aiohttp.ClientSession() as session, session.get(f"{self.url}/health/ready") as answer:
                return answer.status
        except (aiohttp.ClientError, OSError):
            return None


class Site:
    """A simulator, a database, and gateways as processes that share both."""

    def __init__(self, simulator: Simulator, database: Database, process: Process, client: Client) -> None:
        self.simulator = simulator
        self.database = database
        self.process = process
        self.client = client

    async def settle(self) -> None:
        """Wait until everything is settled."""
        await wait_until(self.database.is_settled, "everything is settled")

    async def wait_for(self, condition: Condition) -> None:
        """Wait until it holds."""
        await wait_until(condition, "what was waited for")

    async def sees(self, accepted: int) -> None:
        """Wait until the provider has accepted so many messages."""

        async def has_seen() -> bool:
            return self.simulator.summary.accepted >= accepted

        await wait_until(has_seen, f"{accepted} messages are on the wire")

    async def verify(self, promised: frozenset[int]) -> Books:
        """Hold everything against the journal."""
        return await verify(self.database, self.simulator.url, promised)


def process_settings(dsn: str, valkey_url: str, simulator: str, folder: Path, **changes: str) -> dict[str, str]:
    """The environment of one more gateway on the same servers."""
    ports = {"PENSTOCK_HTTP_PORT": str(free_port()), "PENSTOCK_OPS_PORT": str(free_port())}
    return settings(dsn, valkey_url, simulator, PENSTOCK_DATA_DIR=str(folder), **(ports | changes))


@asynccontextmanager
async def site(
    dsn: str, valkey_url: str, folder: Path, *, simulated: Mapping[str, object] | None = None, **changes: str
) -> AsyncIterator[Site]:
    """A gateway process that is ready, one tenant, and a simulator that answers after a while and reports to it."""
    port = free_port()
    async with AsyncExitStack() as stack:
        simulator = Simulator(simulator_settings(port, folder / "journal.ndjson", **(simulated or {})))
        await simulator.start()
        stack.push_async_callback(simulator.stop)
        environment = process_settings(dsn, valkey_url, simulator.url, folder, **({"PENSTOCK_HTTP_PORT": str(port)} | changes))
        process = Process(environment, folder)
        stack.callback(process.end)
        database = Database(dsn)
        client = await stack.enter_async_context(Client(process.url, await database.make_key()))
        await process.start()
        yield Site(simulator, database, process, client)


@asynccontextmanager
async def another(at: Site, **changes: str) -> AsyncIterator[Process]:
    """One more gateway on the servers of this one, with a folder and ports of its own."""
    folder = at.process.folder / "another"
    folder.mkdir()
    ports = {"PENSTOCK_HTTP_PORT": str(free_port()), "PENSTOCK_OPS_PORT": str(free_port())}
    process = Process(at.process.environment | ports | {"PENSTOCK_DATA_DIR": str(folder)} | changes, folder)
    try:
        await process.start()
        yield process
    finally:
        await asyncio.to_thread(process.end)
