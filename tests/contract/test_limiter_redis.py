"""The limiter on a real server that is flushed, stopped, killed, restarted, and slow."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta

import pytest
from redis.asyncio import from_url as connect

from penstock.clock import SystemClock
from penstock.config import RateLimit, Redis
from penstock.domain.ids import AccountId, TenantId
from penstock.embedded import EmbeddedValkey
from penstock.limits.demand import Demand, WindowsAwayError
from penstock.limits.grant import Grant
from penstock.limits.limiter import REMIND_EVERY_S, Limiter
from penstock.limits.redis import RedisWindows
from penstock.limits.scopes import Quotas
from penstock.limits.script import EPOCH_TTL_MS
from penstock.redact import Secret
from penstock.telemetry.metrics import Metrics
from tests.contract.alone import alone
from tests.contract.benches import quotas_of, redis_windows
from tests.contract.positions import fullest_window
from tests.contract.wire import Wire
from tests.servers import private_folder

WINDOW_MS = 200
RATES = RateLimit(
    traffic_account_max=40, traffic_account_window_ms=WINDOW_MS,
    tenant_max=20, tenant_window_ms=WINDOW_MS,
    global_max=40, global_window_ms=WINDOW_MS,
)  # fmt: skip
TENANT = TenantId(1)
ACCOUNT = AccountId("00000000-0000-4000-8000-000000000001")


@pytest.fixture
def valkey() -> Iterator[EmbeddedValkey]:
    """Lend a server of the test's own, to be killed."""
    with private_folder() as folder:
        server = EmbeddedValkey(folder / "valkey")
        with server:
            yield server


@asynccontextmanager
async def limiter_at(url: str) -> AsyncIterator[Limiter]:
    """Lend a limiter of the production settings, with short windows."""
    limiter = Limiter.open(
        Redis(url=Secret(url)), RATES, "unlimited", metrics=Metrics("test"), clock=SystemClock(), permit_age_s=0.005
    )
    async with alone(limiter):
        yield limiter


class Sender:
    """Asks as fast as it may, and notes when its permits were good and how long the longest call took."""

    def __init__(self, limiter: Limiter) -> None:
        self.uses: list[tuple[int, int]] = []
        self.longest_s = 0.0
        self._limiter = limiter

    async def send(self, *, until: float) -> None:
        """Acquire until the clock says `until`."""
        while (began := SystemClock().monotonic()) < until:
            grant = await self._limiter.acquire(ACCOUNT, TENANT, want=1)
            ended = SystemClock().monotonic()
            self.longest_s = max(self.longest_s, ended - began)
            if grant.granted and ended <= grant.expires_at:
                self.uses.append((int(ended * 1e6), 1))
            await asyncio.sleep(min(grant.retry_after_s, 0.05))

    async def send_for(self, span_s: float) -> int:
        """Acquire for a time; say how many permits were used."""
        before = len(self.uses)
        await self.send(until=SystemClock().monotonic() + span_s)
        return len(self.uses) - before

    def fullest(self) -> int:
        """Return the most permits used in any window."""
        return fullest_window(self.uses, WINDOW_MS * 1000)


async def until_granted(limiter: Limiter) -> Grant:
    """Acquire, waiting as told."""
    while not (grant := await limiter.acquire(ACCOUNT, TENANT, want=1)).granted:  # noqa: ASYNC110 - nothing would set an event
        await asyncio.sleep(grant.retry_after_s)
    return grant


async def test_a_killed_server_costs_a_share_of_speed_and_comes_back(valkey: EmbeddedValkey) -> None:
    """Killed under load: no call hangs, the local share goes on, and after a restart the whole limit; never above it."""
    async with limiter_at(valkey.address) as limiter:
        await until_granted(limiter)
        sender = Sender(limiter)
        assert await sender.send_for(0.5) > 20
        assert valkey.pid is not None
        os.kill(valkey.pid, signal.SIGKILL)
        local = await sender.send_for(3.0)
        assert limiter.is_local
        assert local > 10
        valkey.stop()
        valkey.start()
        async with asyncio.timeout(5):
            while limiter.is_local:
                await limiter.run_once()
        assert await sender.send_for(2.5) > 20
    assert sender.fullest() <= RATES.tenant_max
    assert sender.longest_s < 1.0  # the timeout is 0.1 s; the rest is for a loaded machine


async def test_a_silent_server_holds_nobody(valkey: EmbeddedValkey) -> None:
    """A server that accepts and never answers ends every call within the timeout, and soon none is made."""
    async with limiter_at(valkey.address) as limiter:
        await until_granted(limiter)
        assert valkey.pid is not None
        os.kill(valkey.pid, signal.SIGSTOP)
        try:
            sender = Sender(limiter)
            await sender.send_for(0.6)
            assert limiter.is_local
            assert sender.longest_s < 1.0
            began = SystemClock().monotonic()
            for _ in range(100):
                await limiter.acquire(ACCOUNT, TENANT, want=1)
            assert SystemClock().monotonic() - began < 0.1
        finally:
            os.kill(valkey.pid, signal.SIGCONT)


@pytest.mark.parametrize("loss", ["flush", "restart"])
async def test_a_lost_memory_grants_nothing_for_a_window(valkey: EmbeddedValkey, loss: str) -> None:
    """Flushed or restarted in the middle of a full window, the limit still holds at every position."""
    async with limiter_at(valkey.address) as limiter:
        await until_granted(limiter)
        sender = Sender(limiter)
        await sender.send_for(0.1)
        if loss == "flush":
            client = connect(valkey.address)
            await client.flushall()
            await client.aclose()
        else:
            valkey.stop()
            valkey.start()
        assert await sender.send_for(0.1) == 0
        assert await sender.send_for(2.0) > 10
        assert not limiter.is_local
    assert sender.fullest() <= RATES.tenant_max


async def test_a_quiet_day_costs_no_empty_window(valkey: EmbeddedValkey) -> None:
    """What tells a Redis that remembers from an empty one is renewed by the service alone; the first message goes at once."""
    async with limiter_at(valkey.url) as limiter, connect(valkey.url) as client:
        while not (grant := await limiter.acquire(ACCOUNT, TENANT, want=1)).granted:  # noqa: ASYNC110 - it says when to ask
            await asyncio.sleep(grant.retry_after_s)
        (epoch,) = [key async for key in client.scan_iter("*epoch")]
        # An hour passes: for Redis since the last call, for the limiter until its next.
        await client.hincrby(epoch, "seen", -round(REMIND_EVERY_S * 1e6))
        await client.pexpire(epoch, EPOCH_TTL_MS // 100)
        limiter._remind_at -= REMIND_EVERY_S
        await limiter.run_once()
        assert await client.pttl(epoch) > EPOCH_TTL_MS // 2
        grant = await limiter.acquire(ACCOUNT, TENANT, want=1)
        assert (grant.granted, grant.scope) == (1, None)


async def test_forgotten_scripts_are_loaded_again(valkey_url: str) -> None:
    """After SCRIPT FLUSH the next call works as if nothing had happened."""
    async with redis_windows(valkey_url, quotas_of(100_000)) as windows:
        await windows.acquire(())
        client = connect(valkey_url)
        await client.script_flush()
        await client.aclose()
        assert (await windows.acquire(())).blocker == "window"


async def test_a_server_clock_set_forward_starts_a_new_window(valkey_url: str) -> None:
    """A jump of the server's clock, which would empty full windows, is seen from the gateway's own clock."""
    quotas = quotas_of(10_000_000)

    class SlowClock(SystemClock):
        """Our time runs at a hundredth: seen from here the server's clock leaps."""

        def monotonic(self) -> float:
            return super().monotonic() / 100

    client = connect(valkey_url)
    await client.flushall()
    windows = RedisWindows(Redis(url=Secret(valkey_url), timeout=timedelta(seconds=1)), quotas.epoch, clock=SlowClock())
    await windows.acquire(())
    await asyncio.sleep(0.05)
    assert (await windows.acquire(())).wait_us == quotas.span_us
    assert await client.exists("penstock:{provider}:epoch") == 0
    await windows.aclose()
    await client.aclose()


class LaggingClock(SystemClock):
    """A clock that can be set back: seen from here, the server's was set forward."""

    lag_s = 0.0

    def monotonic(self) -> float:
        """Later than it says."""
        return super().monotonic() - self.lag_s


@asynccontextmanager
async def windows_with_a_leap(url: str, *, idle_s: float) -> AsyncIterator[RedisWindows]:
    """Windows that were open and idle for a time, before the server's clock was set forward by 30 ms."""
    quotas, clock, client = quotas_of(50_000), LaggingClock(), connect(url)
    await client.flushall()
    await client.aclose()
    windows = RedisWindows(Redis(url=Secret(url), timeout=timedelta(seconds=1)), quotas.epoch, clock=clock)
    try:
        await asyncio.sleep((await windows.acquire(())).wait_us / 1e6 + 0.002)
        opened = await asyncio.gather(*(windows.acquire(()) for _ in range(5)))  # and with them as many connections
        assert {verdict.blocker for verdict in opened} == {None}
        await asyncio.sleep(idle_s)
        clock.lag_s = 0.03
        yield windows
    finally:
        await windows.aclose()


async def test_calls_beside_the_one_that_sees_a_leap_grant_nothing(valkey_url: str) -> None:
    """They were answered from windows that the leap had emptied as well."""
    async with windows_with_a_leap(valkey_url, idle_s=0) as windows:
        verdicts = await asyncio.gather(*(windows.acquire(()) for _ in range(5)))
    assert {verdict.blocker for verdict in verdicts} == {"window"}


async def test_a_leap_is_seen_by_who_was_idle(valkey_url: str) -> None:
    """Permits of other processes may still count when one's own do not any more."""
    async with windows_with_a_leap(valkey_url, idle_s=0.2) as windows:
        assert (await windows.acquire(())).blocker == "window"


async def test_a_leap_is_not_forgotten_when_the_windows_cannot_begin_anew(
    valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next call tries it again, and grants nothing."""
    async with windows_with_a_leap(valkey_url, idle_s=0) as windows:
        call = windows._connections.call

        async def fail(key: str, words: tuple[str, ...]) -> object:
            if words[0] == "DEL":
                raise TimeoutError
            return await call(key, words)

        with monkeypatch.context() as patched:
            patched.setattr(windows._connections, "call", fail)
            for _ in range(2):
                with pytest.raises(WindowsAwayError):
                    await windows.acquire(())
        assert (await windows.acquire(())).blocker == "window"


async def test_a_cancelled_call_leaves_no_reply_for_the_next(valkey_url: str) -> None:
    """Calls cancelled while their reply is under way never hand it to another caller."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(private_folder())
        proxy = Wire(valkey_url.removeprefix("unix://"), f"{folder}/proxy.sock")
        await stack.enter_async_context(proxy.running())
        windows = await stack.enter_async_context(redis_windows(proxy.url, quotas_of(20_000)))
        await windows.acquire(())
        await asyncio.sleep(0.03)
        quota = Quotas.of(RATES, 10_000, 0).tenant
        for number in range(20):
            proxy.delay_s = 0.02
            with suppress(TimeoutError):
                await asyncio.wait_for(windows.acquire([Demand("tenant", "other", quota, 1, 1)]), 0.01)
            proxy.delay_s = 0
            demands = [Demand("tenant", f"{number}", quota, 1, 1), Demand("tenant", f"{number}+", quota, 2, 2)]
            assert (await windows.acquire(demands)).taken == (1, 2)


async def test_nobody_there_is_said_with_its_kind(valkey_url: str) -> None:
    """Without a server a call ends at once and names the kind of failure, not its text."""
    nobody = Redis(url=Secret(valkey_url + ".nobody"), timeout=timedelta(milliseconds=50))
    windows = RedisWindows(nobody, quotas_of(100_000).epoch, clock=SystemClock())
    with pytest.raises(WindowsAwayError, match=r"^\w+$"):
        await windows.acquire(())
    await windows.aclose()
