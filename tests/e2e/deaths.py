"""Everything that can be killed under a working gateway, each with its way back to life."""

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from penstock.embedded import EmbeddedPostgres, EmbeddedValkey
from tests.e2e.evidence import wait_until
from tests.e2e.network import Network, networked
from tests.e2e.processes import Site

SLOW = {
    "scenarios": ("T1:seconds=0.05",), "report_delay_ms": 200.0, "report_jitter_ms": 100.0, "report_attempts": 200,
    "report_retry_longest_s": 1.0,
}  # fmt: skip
"""A provider that takes a while, and whose reports come again soon after nobody took them: the gateway may die on them, too."""
START_S = 1.0
"""About as long as a gateway takes to start."""

ONE_SESSION = (
    "SELECT pid FROM pg_stat_activity WHERE application_name = 'penstock-engine' AND datname = current_database() LIMIT 1"
)


@dataclass(frozen=True)
class House:
    """A gateway and servers of its own, which nobody else needs."""

    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey
    at: Site
    network: Network
    dice: random.Random

    async def strike(self, death: "Death") -> float:
        """Seconds from the moment it is back, or begins to start again, to the next message on the wire (or the last)."""
        began = await death(self)
        before = self.at.simulator.summary.accepted

        async def is_going() -> bool:
            try:
                # Backing off is what is meant to happen after an answer was lost; how soon is not what is measured here.
                await self.at.database.release()
                return self.at.simulator.summary.accepted > before or await self.at.database.is_sent()
            except (asyncpg.PostgresError, OSError):
                return False  # the server noticed only now that one of its sessions was killed, and ended all others

        await wait_until(is_going, "sending goes on")
        return time.monotonic() - began


@asynccontextmanager
async def house(
    dsn: str, postgres: EmbeddedPostgres, valkey: EmbeddedValkey, folder: Path, dice: random.Random, **changes: str
) -> AsyncIterator[House]:
    """Start it on a database of this server."""
    async with networked(dsn, valkey.address, folder, simulated=SLOW, **changes) as (at, network):
        yield House(postgres, valkey, at, network, dice)


async def kill_gateway(home: House) -> float:
    """SIGKILL, and now and then a second one while it starts again. Counted from its last start on."""
    home.at.process.kill()
    await home.at.database.lapse()
    if home.dice.random() < 0.2:
        home.at.process.launch()
        await asyncio.sleep(home.dice.uniform(0, START_S))
        home.at.process.end()
    return await _start(home)


async def terminate_gateway(home: House) -> float:
    """SIGTERM: it ends by itself, cleanly, and in time."""
    assert await home.at.process.terminate() == 0, home.at.process.errors()
    return await _start(home)


async def _start(home: House) -> float:
    began = time.monotonic()
    await home.at.process.start()
    return began


async def stop_gateway(home: House) -> float:
    """SIGSTOP, and SIGCONT once every lease is over."""
    home.at.process.stop()
    await home.at.database.lapse()
    await asyncio.sleep(home.dice.uniform(0, 0.3))
    home.at.process.go_on()
    return time.monotonic()


async def kill_postgres(home: House) -> float:
    """SIGKILL for the server itself; its children find out, and the next start recovers."""
    assert home.postgres.pid is not None
    os.kill(home.postgres.pid, signal.SIGKILL)
    await asyncio.to_thread(home.postgres.stop)
    await asyncio.to_thread(home.postgres.start)
    return time.monotonic()


async def restart_postgres(home: House) -> float:
    """An operator's restart."""
    await asyncio.to_thread(home.postgres.stop)
    await asyncio.to_thread(home.postgres.start)
    return time.monotonic()


async def kill_session(home: House) -> float:
    """SIGKILL for one session: the server ends all the others, and recovers."""
    if (pid := await home.at.database.value(ONE_SESSION)) is not None:
        os.kill(pid, signal.SIGKILL)
    await wait_until(home.at.database.answers, "the server has recovered")
    return time.monotonic()


async def kill_valkey(home: House) -> float:
    """SIGKILL; it comes back empty."""
    assert home.valkey.pid is not None
    os.kill(home.valkey.pid, signal.SIGKILL)
    await asyncio.to_thread(home.valkey.stop)
    await asyncio.to_thread(home.valkey.start)
    return time.monotonic()


async def cut_commit(home: House) -> float:
    """The connection to the database breaks at a COMMIT, which took effect or did not."""
    is_passed = home.dice.random() < 0.5
    return await _struck(home, home.network.database.cut("to_server", at=b"COMMIT;", is_passed=is_passed).done)


async def cut_request(home: House) -> float:
    """The connection to the provider breaks within a request, or within its answer."""
    way = home.dice.choice(["to_server", "to_client"])
    return await _struck(home, home.network.provider.cut(way, after=home.dice.randrange(5000)).done)  # type: ignore[arg-type]


async def _struck(home: House, done: asyncio.Event) -> float:
    """Until it has happened, or nothing is left to which it could."""

    async def is_over() -> bool:
        return done.is_set() or await home.at.database.is_sent()

    await wait_until(is_over, "the cut has been made")
    return time.monotonic()


Death = Callable[[House], Awaitable[float]]
"""Kills, brings back, and says when (by the monotonic clock) it was back or began to start."""

DEATHS: dict[str, Death] = {
    "kill -9 gateway": kill_gateway, "SIGTERM gateway": terminate_gateway, "SIGSTOP beyond the lease": stop_gateway,
    "kill -9 PostgreSQL": kill_postgres, "restart PostgreSQL": restart_postgres, "kill -9 a PostgreSQL session": kill_session,
    "kill -9 Valkey": kill_valkey, "cut at COMMIT": cut_commit, "cut at the provider": cut_request,
}  # fmt: skip
