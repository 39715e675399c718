"""The whole gateway in this process, beside a real simulator: for tests that steer what the provider does."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from penstock import config
from penstock.api.server import WebServer
from penstock.client import Client
from penstock.lifecycle import run_services
from penstock.runtime import open_runtime
from penstock.simulator import Simulator, SimulatorSettings
from tests.e2e.checker import Books
from tests.e2e.evidence import Condition, Database, set_rule, start, verify, wait_until
from tests.servers import free_port

SECRET = "mock-webhook-secret"
KEY = "mock-mitto-key"
ACCOUNT = "00000000-0000-4000-8000-000000000001"
BATCH = 30
RECIPIENTS = 120
GRACE_S = 20.0


def simulator_settings(callback_port: int, journal: Path, **changes: object) -> SimulatorSettings:
    """A simulator that knows the mock mode's key, reports quickly, and keeps its port and its journal when started again."""
    given = {
        "port": free_port(), "keys": {KEY: (ACCOUNT,)}, "journal": journal, "secret": SECRET,
        "callback": f"http://127.0.0.1:{callback_port}/webhooks/mitto/dlr", "report_delay_ms": 30.0, "report_jitter_ms": 20.0,
        "report_attempts": 8, "report_retry_gap_s": 0.1,
    }  # fmt: skip
    return SimulatorSettings(**{**given, **changes})  # type: ignore[arg-type]


def settings(dsn: str, valkey_url: str, simulator: str, **changes: str) -> dict[str, str]:
    """The environment of a gateway with many small batches and no limit that a test would notice; it asks nothing by GET.

    All tests call from one address and count in one Valkey: what one of them has refused must not bar the others.
    """
    return {
        "PENSTOCK_MODE": "mock", "DATABASE_URL": dsn, "REDIS_URL": valkey_url, "MITTO_API_BASE": simulator,
        "SMS_BATCH_SIZE": str(BATCH), "PENSTOCK_OPS_PORT": "0", "PENSTOCK_DISPATCH__POLL": "30ms",
        "PENSTOCK_RECEIPTS__POLL": "30ms", "PENSTOCK_MITTO__TIMEOUT": "20s", "PENSTOCK_HTTP_PORT": "0",
        "RATE_LIMIT_TRAFFIC_ACCOUNT_MAX": "2000", "RATE_LIMIT_TENANT_MAX": "2000", "RATE_LIMIT_GLOBAL_MAX": "2000",
        "PENSTOCK_LOOK_UP__PER_S": "0", "PENSTOCK_CALLERS__REFUSED_PER_HOUR": "0",
    } | changes  # fmt: skip


@dataclass(frozen=True)
class Lab:
    """A gateway at work, and everything around it that a test may touch."""

    client: Client
    simulator: Simulator
    database: Database
    url: str

    async def misbehave(self, scenario: str, **rule: object) -> None:
        """Put a scenario in force."""
        await set_rule(self.simulator.url, scenario, **rule)

    async def send(self, n: int = RECIPIENTS, *, text: str = "Hello {name}") -> str:
        """Start a campaign; its id."""
        return await start(self.client, n, text=text)

    async def settle(self, condition: Condition | None = None) -> None:
        """Wait until all is settled, or until the condition holds."""
        await wait_until(condition or self.database.is_settled, "the campaign is settled")

    async def verify(self, promised: frozenset[int]) -> Books:
        """Hold everything against the journal."""
        return await verify(self.database, self.simulator.url, promised)


@asynccontextmanager
async def gateway(environment: Mapping[str, str], spool: Path) -> AsyncIterator[int]:
    """Run the services of these settings; the port of the main door. Fails if they do not stop in time."""
    stop = asyncio.Event()
    async with open_runtime(config.load(environment), spool) as runtime, asyncio.TaskGroup() as group:
        running = group.create_task(run_services(runtime.services, stop, grace_s=GRACE_S))
        try:
            door = next(s for s in runtime.services if isinstance(s, WebServer) and s.name == "http")
            await asyncio.wait_for(door.listening.wait(), GRACE_S)
            runtime.health.started = True
            yield door.port
        finally:
            stop.set()
        assert await running, "the services did not stop in time"


@asynccontextmanager
async def lab(
    dsn: str, valkey_url: str, folder: Path, *, simulated: Mapping[str, object] | None = None, **changes: str
) -> AsyncIterator[Lab]:
    """A gateway with one tenant, and a simulator that reports to it; `changes` are settings by name."""
    port = free_port()
    async with AsyncExitStack() as stack:
        simulator = Simulator(simulator_settings(port, folder / "journal.ndjson", **(simulated or {})))
        await simulator.start()
        stack.push_async_callback(simulator.stop)
        environment = settings(dsn, valkey_url, simulator.url, PENSTOCK_HTTP_PORT=str(port), **changes)
        await stack.enter_async_context(gateway(environment, folder / "spool"))
        database, url = Database(dsn), f"http://127.0.0.1:{port}"
        client = await stack.enter_async_context(Client(url, await database.make_key()))
        yield Lab(client, simulator, database, url)
