"""The three places where windows are kept, each with its own time, behind one shape for the contract tests."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from redis.asyncio import Redis, RedisCluster

from penstock import config
from penstock.clock import SystemClock
from penstock.limits.demand import KEY_PREFIX, Demand, Scope, Verdict, Windows
from penstock.limits.local import LocalWindows
from penstock.limits.model import Ledger
from penstock.limits.quota import Quota
from penstock.limits.redis import RedisWindows
from penstock.limits.scopes import Quotas
from penstock.redact import Secret

FAKE_WINDOW_US = 1_000_000
REAL_WINDOW_US = 300_000


class SteppedClock:
    """A clock that stands still until it is stepped, in whole microseconds."""

    def __init__(self, at_us: int = 1_700_000_000_000_000) -> None:
        self.at_us = at_us

    def now(self) -> datetime:
        """Wall-clock time."""
        return datetime.fromtimestamp(self.at_us / 1e6, UTC)

    def monotonic(self) -> float:
        """Seconds."""
        return self.at_us / 1e6


class Bench:
    """Windows of some kind and the time they live in."""

    def __init__(self, windows: Windows, window_us: int, clock: SteppedClock | None) -> None:
        self.windows = windows
        self.window_us = window_us
        self.permit_age_us = window_us // 40
        """A permit older than this is thrown away; the windows are longer by as much, as they are in the gateway."""
        self.late_us = 0
        """How much later than asked the real clock woke us."""
        self._clock = clock

    def quota(self, limit: int) -> Quota:
        """Return the quota under which `limit` units may pass here."""
        return Quota.per(limit, self.window_us + self.permit_age_us)

    def demand(self, scope: Scope, limit: int, most: int = 1, least: int = 1, name: str = "") -> Demand:
        """Return a demand on one scope."""
        return Demand(scope, f"{KEY_PREFIX}{scope}:{name}", self.quota(limit), least, most)

    def now_us(self) -> int:
        """Read the time."""
        return self._clock.at_us if self._clock else int(SystemClock().monotonic() * 1e6)

    async def wait(self, span_us: int) -> None:
        """Let time pass."""
        if self._clock:
            self._clock.at_us += span_us
            return
        due_us = self.now_us() + span_us
        # uvloop's timers count in milliseconds, and may wake early.
        while (left_us := due_us - self.now_us()) > 0:  # noqa: ASYNC110 - it is time itself that is waited for
            await asyncio.sleep(left_us / 1e6)
        self.late_us += self.now_us() - due_us

    async def open(self) -> None:
        """Let the first, empty window pass."""
        verdict = await self.windows.acquire(())
        await self.wait(verdict.wait_us)

    async def take(self, *demands: Demand) -> tuple[int, ...]:
        """Ask until the demands are met, waiting as told; return what was taken."""
        while not (verdict := await self.windows.acquire(demands)).taken:
            await self.wait(verdict.wait_us)
        return verdict.taken


class TwinWindows:
    """The model behind the interface of the others."""

    def __init__(self, span_us: int, clock: SteppedClock) -> None:
        self._ledger = Ledger(span_us)
        self._clock = clock

    async def acquire(self, demands: Sequence[Demand]) -> Verdict:
        """Ask the model."""
        return self._ledger.acquire(self._clock.at_us, "twin", demands)


def quotas_of(window_us: int, limit: int = 10) -> Quotas:
    """Return quotas of equal windows; the windows of a bench are sized by its demands, these say how long they are."""
    quota = Quota.per(limit, window_us)
    return Quotas(account=quota, tenant=quota, total=quota, segments=quota)


@asynccontextmanager
async def bench_of(kind: str, url: str) -> AsyncIterator[Bench]:
    """Lend a bench of the kind `twin`, `local`, or of a server at that address; the first window is still to come."""
    clock = SteppedClock()
    quotas = quotas_of(FAKE_WINDOW_US)
    if kind == "twin":
        yield Bench(TwinWindows(quotas.span_us, clock), FAKE_WINDOW_US, clock)
    elif kind == "local":
        yield Bench(LocalWindows(quotas.span_us, clock=clock), FAKE_WINDOW_US, clock)
    else:
        async with redis_windows(url, quotas_of(REAL_WINDOW_US)) as windows:
            yield Bench(windows, REAL_WINDOW_US, None)


@asynccontextmanager
async def redis_windows(url: str, quotas: Quotas, timeout_s: float = 1.0) -> AsyncIterator[RedisWindows]:
    """Lend windows in an emptied server. The timeout is long: a loaded machine is not what these tests are about."""
    settings = config.Redis(url=Secret(url), timeout=timedelta(seconds=timeout_s))
    client = RedisCluster.from_url(url) if url.startswith("redis:") else Redis.from_url(url)
    await client.flushall()
    await client.aclose()
    windows = RedisWindows(settings, quotas.epoch, clock=SystemClock())
    try:
        yield windows
    finally:
        await windows.aclose()
