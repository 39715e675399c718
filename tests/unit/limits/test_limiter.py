"""Which windows the limiter asks, and what it says meanwhile."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random

import pytest

from penstock.config import RateLimit
from penstock.domain.ids import AccountId, TenantId
from penstock.limits.demand import Demand, Verdict, WindowsAwayError
from penstock.limits.limiter import AWAY_AFTER_S, Grant, Limiter
from penstock.limits.model import Ledger
from penstock.limits.scopes import Quotas
from penstock.telemetry.metrics import Metrics

ACCOUNT, TENANT = AccountId("00000000-0000-4000-8000-000000000001"), TenantId(1)
LIMIT = 400


class SteppedClock:
    """A clock that is set by hand, in seconds."""

    at = 1000.0

    def now(self) -> datetime:
        """Wall-clock time."""
        return datetime.fromtimestamp(self.at, UTC)

    def monotonic(self) -> float:
        """Seconds."""
        return self.at


class Shared:
    """Shared windows that can be taken away."""

    def __init__(self, clock: SteppedClock, quotas: Quotas) -> None:
        self.is_away = False
        self.calls = 0
        self.is_closed = False
        self._clock = clock
        self._ledger = Ledger(quotas.span_us)

    async def acquire(self, demands: Sequence[Demand]) -> Verdict:
        """Ask the model, if it is there."""
        self.calls += 1
        if self.is_away:
            raise WindowsAwayError("gone")
        return self._ledger.acquire(int(self._clock.at * 1e6), "shared", demands)

    async def aclose(self) -> None:
        """Note it."""
        self.is_closed = True


class Rig:
    """A limiter with everything around it."""

    def __init__(self, segments: int = LIMIT, processes: int = 1) -> None:
        self.clock = SteppedClock()
        self.metrics = Metrics("test")
        quotas = Quotas.of(RateLimit(tenant_max=1000, traffic_account_max=1000, global_max=1000), segments, 0.025)
        self.shared = Shared(self.clock, quotas)
        self.limiter = Limiter(
            quotas, self.shared, metrics=self.metrics, clock=self.clock, processes=lambda: processes, permit_age_s=0.025
        )

    async def ask(self, want: int = LIMIT, minimum: int = 1) -> Grant:
        """Acquire."""
        return await self.limiter.acquire(ACCOUNT, TENANT, want=want, minimum=minimum)

    async def get(self, want: int = LIMIT) -> int:
        """Acquire, waiting as told."""
        while not (grant := await self.ask(want)).granted:
            self.clock.at += grant.retry_after_s
        return grant.granted

    async def lose(self) -> None:
        """Take Redis away until the limiter has noticed."""
        self.shared.is_away = True
        grant = await self.ask()
        while not self.limiter.is_local:
            self.clock.at += grant.retry_after_s
            grant = await self.ask()

    def metric(self, name: str) -> float | None:
        """Read a metric."""
        return self.metrics.registry.get_sample_value(name)


async def test_a_permit_says_how_long_it_is_good() -> None:
    """A permit ends 25 ms after the question was asked."""
    rig = Rig()
    await rig.get(1)
    grant = await rig.ask(5)
    assert grant == Grant(5, expires_at=rig.clock.at + 0.025)


async def test_one_failed_call_changes_no_mode() -> None:
    """A single failure grants nothing and asks to come back soon; the next success forgets it."""
    rig = Rig()
    await rig.get(1)
    for _ in range(3):
        rig.shared.is_away = True
        grant = await rig.ask()
        assert (grant.granted, grant.scope) == (0, "redis")
        assert grant.retry_after_s < AWAY_AFTER_S
        rig.clock.at += AWAY_AFTER_S
        rig.shared.is_away = False
        assert (await rig.ask(1)).granted == 1
    assert not rig.limiter.is_local


async def test_away_means_an_empty_window_and_then_a_share() -> None:
    """When Redis stays away nothing leaves for one window, then half the limit for a single process, without asking Redis."""
    rig = Rig()
    await rig.get(1)
    await rig.lose()
    lost_at, calls = rig.clock.at, rig.shared.calls
    assert (await rig.ask()).scope == "window"
    assert await rig.get() == LIMIT // 2
    assert rig.clock.at >= lost_at + 1
    assert rig.shared.calls == calls
    assert rig.metric("penstock_limiter_local") == 1


async def test_shares_of_several_processes() -> None:
    """With four processes a share is an eighth."""
    rig = Rig(processes=4)
    await rig.lose()
    assert await rig.get() == LIMIT // 8


async def test_coming_back_needs_an_answer_and_an_empty_window() -> None:
    """The probe alone brings Redis back; then again nothing leaves for one window."""
    rig = Rig()
    await rig.get(1)
    await rig.lose()
    await rig.limiter.run_once()
    assert rig.limiter.is_local
    rig.shared.is_away = False
    await rig.limiter.run_once()
    back_at = rig.clock.at
    assert not rig.limiter.is_local
    assert rig.metric("penstock_limiter_local") == 0
    assert (await rig.ask()).scope == "window"
    assert await rig.get() == LIMIT
    assert rig.clock.at >= back_at + 1


@pytest.mark.parametrize("seed", range(10))
async def test_never_over_while_modes_change(seed: int) -> None:
    """However often Redis goes and comes, no second holds more than the limit."""
    rig, chance, grants = Rig(), Random(seed), []  # noqa: S311 - repeatable traffic
    for _ in range(3000):
        rig.shared.is_away = rig.shared.is_away ^ (chance.random() < 0.004)
        if chance.random() < 0.05:
            await rig.limiter.run_once()
        grant = await rig.ask(chance.randint(1, LIMIT))
        if grant.granted:
            grants.append((rig.clock.at + chance.random() * 0.025, grant.granted))
        rig.clock.at += chance.random() * (0.05 if chance.random() < 0.9 else 0.5)
    assert sum(amount for _, amount in grants) > 10 * LIMIT
    for at, _ in grants:
        assert sum(amount for when, amount in grants if at <= when < at + 1) <= LIMIT


async def test_unlimited_segments_are_granted_whole() -> None:
    """Without a segments limit the wish is granted, one request at a time."""
    clock, metrics = SteppedClock(), Metrics("test")
    quotas = Quotas.of(RateLimit(), "unlimited", 0.025)
    limiter = Limiter(quotas, Shared(clock, quotas), metrics=metrics, clock=clock, processes=lambda: 1, permit_age_s=0.025)
    first = await limiter.acquire(ACCOUNT, TENANT, want=5000)
    clock.at += first.retry_after_s
    grants = [await limiter.acquire(ACCOUNT, TENANT, want=5000) for _ in range(51)]
    assert [grant.granted for grant in grants] == [5000] * 50 + [0]
    assert grants[-1].scope == "tenant"


async def test_waits_are_counted() -> None:
    """Every refusal is one wait in the metrics."""
    rig = Rig()
    assert (await rig.ask()).granted == 0
    await rig.get()
    assert rig.metric("penstock_limiter_waits_total") == 2


async def test_health_asks_redis() -> None:
    """The check fails while Redis does not answer, and only then."""
    rig = Rig()
    await rig.limiter.check()
    rig.shared.is_away = True
    with pytest.raises(WindowsAwayError):
        await rig.limiter.check()


async def test_the_service_ends_on_halt() -> None:
    """As a service it stops when asked; closing it closes what it holds."""
    rig, halt = Rig(), asyncio.Event()
    halt.set()
    await rig.limiter.run(halt)
    await rig.limiter.aclose()
    assert rig.shared.is_closed
