"""The network breaks under the gateway: before the provider, before PostgreSQL, before Valkey, in every way that it can."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from penstock.clock import SystemClock
from tests.e2e.customer import Customer
from tests.e2e.evidence import FIRST_NUMBER, read_wire
from tests.e2e.network import Network, networked
from tests.e2e.processes import Site

RECIPIENTS = 600
BATCH = 20
IN_FLIGHT = 4
STOPPED_S = 10.0
"""A process ends so soon after its grace of a second, on a busy machine."""
SLOW = {"scenarios": ("T1:seconds=0.03",), "report_attempts": 12}
SETTINGS = {"SMS_BATCH_SIZE": str(BATCH), "PENSTOCK_MITTO__TIMEOUT": "1500ms"}


@dataclass(frozen=True)
class Day:
    """A gateway, its network, and a customer."""

    at: Site
    network: Network
    customer: Customer

    async def send(self) -> None:
        """The customer's campaign."""
        await self.customer.start_campaign(RECIPIENTS, FIRST_NUMBER)

    async def end(self) -> dict[str, int]:
        """Everything settles, and nothing is lost or sent twice; the messages by state."""
        await self.at.settle()
        await self.at.verify(self.customer.promised)
        assert len(self.customer.promised) == RECIPIENTS
        return await self.at.database.states()


@asynccontextmanager
async def day(dsn: str, valkey_url: str, folder: Path, **changes: str) -> AsyncIterator[Day]:
    """All of it; `changes` are settings by name."""
    async with networked(dsn, valkey_url, folder, simulated=SLOW, **SETTINGS, **changes) as (at, network):
        key = await at.database.make_key("second", b"second")
        async with Customer(at.process.url, key) as customer:
            yield Day(at, network, customer)


def slow(value: object) -> object:
    """A case that is left to the long runs."""
    return pytest.param(value, marks=pytest.mark.slow)


# Before the provider.


@pytest.mark.parametrize("after", [0, slow(300), 1500])
async def test_a_request_is_cut(dsn: str, valkey_url: str, tmp_path: Path, after: int) -> None:
    """What did not arrive whole was not accepted; that cannot be known here, so it stays unknown and is not sent again."""
    async with day(dsn, valkey_url, tmp_path) as today:
        cut = today.network.provider.cut("to_server", after=after)
        await today.send()
        states = await today.end()
        assert cut.done.is_set()
        assert states["unknown"] == BATCH
        assert len((await read_wire(today.at.simulator.url)).accepted) == RECIPIENTS - BATCH


@pytest.mark.parametrize("after", [0, 100, slow(700)])
async def test_an_answer_is_cut(dsn: str, valkey_url: str, tmp_path: Path, after: int) -> None:
    """The provider has the batch and its answer does not arrive whole: it is not sent again."""
    async with day(dsn, valkey_url, tmp_path) as today:
        cut = today.network.provider.cut("to_client", after=after)
        await today.send()
        states = await today.end()
        assert cut.done.is_set()
        assert states.get("unknown", 0) <= BATCH
        assert len((await read_wire(today.at.simulator.url)).accepted) == RECIPIENTS


async def test_idle_connections_die(dsn: str, valkey_url: str, tmp_path: Path) -> None:
    """Kept-alive connections that were reset between two campaigns cost nothing: no request is repeated on its own."""
    async with day(dsn, valkey_url, tmp_path) as today:
        await today.send()
        await today.end()
        today.network.provider.reset()
        await today.customer.start_campaign(RECIPIENTS, FIRST_NUMBER + RECIPIENTS)
        await today.at.settle()
        await today.at.verify(today.customer.promised)
        assert "unknown" not in await today.at.database.states()


async def test_the_provider_falls_silent(dsn: str, valkey_url: str, tmp_path: Path) -> None:
    """Connections that look open and carry nothing end by their deadline; what was on them is unknown, the rest is sent."""
    async with day(dsn, valkey_url, tmp_path) as today:
        await today.send()
        await today.at.sees(RECIPIENTS // 4)
        today.network.provider.silence()
        await today.at.wait_for(lambda: today.at.database.value("SELECT count(*) FROM attempt WHERE state = 'unknown'"))
        today.network.provider.heal()
        states = await today.end()
        assert states.get("unknown", 0) <= RECIPIENTS // 2


async def test_the_provider_is_far_away(dsn: str, valkey_url: str, tmp_path: Path) -> None:
    """Slow lines make sending slow, and nothing else."""
    async with day(dsn, valkey_url, tmp_path) as today:
        today.network.provider.slow(delay_s=0.05, bytes_per_s=200_000)
        await today.send()
        assert "unknown" not in await today.end()


# Before PostgreSQL.


@pytest.mark.parametrize("is_committed", [False, True])
async def test_the_word_about_a_commit_is_lost(dsn: str, valkey_url: str, tmp_path: Path, is_committed: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """The connection breaks at a COMMIT, before or after it took effect: each is found out, none is guessed."""
    async with day(dsn, valkey_url, tmp_path) as today:
        cuts = asyncio.get_running_loop().create_task(_cut_commits(today, is_passed=is_committed))
        await today.send()
        states = await today.end()
        cuts.cancel()
        assert today.network.database.struck >= 10
        assert "unknown" not in states
        assert await today.at.database.value("SELECT count(*) FROM campaign") == 1


async def _cut_commits(today: Day, *, is_passed: bool) -> None:
    """One after the other, with some that go well between."""
    for _ in range(20):
        await today.network.database.cut("to_server", at=b"COMMIT;", is_passed=is_passed).done.wait()
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("ends_with_a_reset", [slow(False), True])
async def test_the_database_falls_silent(dsn: str, valkey_url: str, tmp_path: Path, ends_with_a_reset: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """For seconds nothing is heard of it; whether the connections come back or not, everything is known afterwards."""
    async with day(dsn, valkey_url, tmp_path) as today:
        await today.send()
        await today.at.sees(RECIPIENTS // 4)
        today.network.database.silence()
        await asyncio.sleep(2.5)
        if ends_with_a_reset:
            today.network.database.reset()
        today.network.database.heal()
        assert "unknown" not in await today.end()


async def test_a_stop_while_the_database_is_silent_ends(dsn: str, valkey_url: str, tmp_path: Path) -> None:
    """Whoever stops a process is not made to wait for servers that say nothing; what was in hand is repaired."""
    async with day(dsn, valkey_url, tmp_path, PENSTOCK_GENERAL__DRAIN="1s") as today:
        await today.send()
        await today.at.sees(RECIPIENTS // 4)
        today.network.database.silence()
        async with asyncio.timeout(10):
            await today.network.database.is_awaited.wait()
        began = SystemClock().monotonic()
        assert await today.at.process.terminate() == 1
        assert SystemClock().monotonic() - began < STOPPED_S
        today.network.heal()
        await today.at.process.start()
        await today.end()


async def test_a_start_that_waits_for_a_silent_database_can_be_stopped(dsn: str, valkey_url: str, tmp_path: Path) -> None:
    """Also before anything runs that could be drained."""
    async with day(dsn, valkey_url, tmp_path, PENSTOCK_GENERAL__DRAIN="1s") as today:
        assert await today.at.process.terminate() == 0
        today.network.database.reset()
        today.network.database.silence()
        today.at.process.launch()
        await today.at.wait_for(today.network.database.is_in_use)
        began = SystemClock().monotonic()
        assert await today.at.process.terminate() == 1
        assert SystemClock().monotonic() - began < STOPPED_S


@pytest.mark.slow
async def test_every_word_with_the_database_is_slow(dsn: str, valkey_url: str, tmp_path: Path) -> None:
    """Slow lines to the database make everything slow, and nothing else."""
    async with day(dsn, valkey_url, tmp_path) as today:
        today.network.database.slow(delay_s=0.01)
        await today.send()
        assert "unknown" not in await today.end()


# Before Valkey.


@pytest.mark.parametrize("fault", ["reset", slow("cut"), "silence", slow("slow")])
async def test_the_limiter_is_hard_to_reach(dsn: str, valkey_url: str, tmp_path: Path, fault: str) -> None:
    """Whatever happens on the way to Valkey, sending goes on at a smaller share and no message is in doubt."""
    async with day(dsn, valkey_url, tmp_path) as today:
        await today.send()
        await today.at.sees(RECIPIENTS // 4)
        match fault:
            case "reset":
                today.network.limiter.reset()
            case "cut":
                today.network.limiter.cut("to_client", after=50, times=5)
            case "silence":
                today.network.limiter.silence()
            case "slow":
                today.network.limiter.slow(delay_s=0.2)
        await today.at.sees(RECIPIENTS // 2)
        today.network.heal()
        assert "unknown" not in await today.end()
