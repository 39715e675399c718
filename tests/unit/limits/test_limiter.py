"""Which windows the limiter asks, and what it says meanwhile."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from random import Random
from typing import Literal

import pytest

from penstock.config import RateLimit
from penstock.domain.ids import AccountId, TenantId
from penstock.limits.demand import Demand, Verdict, WindowsAwayError
from penstock.limits.grant import Distance, Grant
from penstock.limits.limiter import PERMIT_AGE_S, REMIND_EVERY_S, Limiter
from penstock.limits.model import Ledger
from penstock.limits.presence import AWAY_AFTER_S
from penstock.limits.scopes import Overrides, Quotas
from penstock.limits.shares import FRESH_S, Peer, Shares
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
        self.is_deaf = False
        """Calls are counted, and their answers lost."""
        self.calls = 0
        self.is_closed = False
        self._clock = clock
        self._ledger = Ledger(quotas.span_us)

    async def acquire(self, demands: Sequence[Demand]) -> Verdict:
        """Ask the model, if it is there."""
        self.calls += 1
        if self.is_away:
            raise WindowsAwayError("gone")
        verdict = self._ledger.acquire(int(self._clock.at * 1e6), "shared", demands)
        if self.is_deaf:
            raise WindowsAwayError("deaf")
        return verdict

    async def aclose(self) -> None:
        """Note it."""
        self.is_closed = True


class Rig:
    """A limiter with everything around it; its heartbeat is the test's."""

    def __init__(self, segments: int | Literal["unlimited"] = LIMIT, others: Sequence[Peer] = ()) -> None:
        self.clock = SteppedClock()
        self.metrics = Metrics("test")
        self.others = list(others)
        self.told = 0
        quotas = Quotas.of(RateLimit(tenant_max=1000, traffic_account_max=1000, global_max=1000), segments, PERMIT_AGE_S)
        self.shared = Shared(self.clock, quotas)
        self.limiter = Limiter(
            quotas, self.shared, Shares(1.1), metrics=self.metrics, clock=self.clock, tell=self._note_telling
        )
        self.beat()

    def _note_telling(self) -> None:
        self.told += 1

    def beat(self) -> None:
        """Announce what is to be announced, and see the others."""
        shares, now = self.limiter.shares, self.clock.at
        shares.see(now, now, shares.to_announce(now), self.others)

    def step(self, seconds: float) -> None:
        """Let time pass, beating all the while."""
        until = self.clock.at + seconds
        while self.clock.at < until:
            self.clock.at = min(until, self.clock.at + 0.25)
            self.beat()

    async def ask(self, want: int = LIMIT, minimum: int = 1) -> Grant:
        """Acquire."""
        return await self.limiter.acquire(ACCOUNT, TENANT, want=want, minimum=minimum)

    async def get(self, want: int = LIMIT) -> int:
        """Acquire, waiting as told."""
        while not (grant := await self.ask(want)).granted:
            self.step(grant.retry_after_s)
        return grant.granted

    async def lose(self) -> None:
        """Take Redis away until the limiter has noticed."""
        self.shared.is_away = True
        grant = await self.ask()
        while not self.limiter.is_local:
            self.step(grant.retry_after_s)
            grant = await self.ask()

    def metric(self, name: str) -> float | None:
        """Read a metric."""
        return self.metrics.registry.get_sample_value(name)


async def test_a_permit_says_how_long_it_is_good() -> None:
    """A permit ends so long after the question was asked as the windows are longer for it."""
    rig = Rig()
    await rig.get(1)
    grant = await rig.ask(5)
    assert (grant.granted, grant.expires_at) == (5, rig.clock.at + PERMIT_AGE_S)


async def test_a_good_permit_is_renewed_without_a_call() -> None:
    """Young and of the right size, a permit is the same afterwards, and nobody was asked."""
    rig = Rig()
    await rig.get(1)
    grant, calls = await rig.ask(5), rig.shared.calls
    assert (await rig.limiter.renew(grant, 5), rig.shared.calls) == (grant, calls)


async def test_an_old_permit_is_renewed_at_no_cost() -> None:
    """A permit that grew old is good again although the limit is used up, and counts from now on."""
    rig = Rig()
    await rig.get(1)
    rig.step(2)
    grant = await rig.ask()
    rig.step(0.5)
    assert (await rig.ask(1)).scope == "segments"
    renewed = await rig.limiter.renew(grant, LIMIT)
    assert (renewed.granted, renewed.expires_at) == (LIMIT, rig.clock.at + PERMIT_AGE_S)
    rig.step(0.9)
    assert (await rig.ask(1)).scope == "segments"


async def test_campaigns_renew_beside_single_messages() -> None:
    """The part that is kept for single messages may be in use: a campaign's permit is renewed all the same."""
    rig = Rig()
    await rig.get(1)
    rig.step(2)
    rig.limiter.override(Overrides(has_singles=True))
    grant = await rig.ask()
    assert grant.granted == LIMIT - LIMIT // 20
    assert (await rig.limiter.acquire(ACCOUNT, TENANT, want=LIMIT // 20, is_urgent=True)).granted == LIMIT // 20
    rig.step(0.5)
    assert (await rig.limiter.renew(grant, grant.granted)).granted == grant.granted


async def test_what_was_not_claimed_is_free_for_others() -> None:
    """Of a permit that is larger than what is sent the rest is free at once; of one that is not used at all everything."""
    rig = Rig()
    await rig.get(1)
    rig.step(2)
    grant = await rig.limiter.renew(await rig.ask(), 100)
    assert (grant.granted, (await rig.ask()).granted) == (100, LIMIT - 100)
    await rig.limiter.release(grant)
    standings = (await rig.limiter.look(ACCOUNT, TENANT)).standings
    assert [(s.scope, s.remaining) for s in standings] == [
        ("account", 999), ("tenant", 999), ("global", 999), ("segments", 100),
    ]  # fmt: skip


async def two_permits(rig: Rig, ours: int, others: int) -> Grant:
    """Ours, grown old, while another's that was counted at the same moment counts, too."""
    await rig.get(1)
    rig.step(2)
    grant, other = await rig.ask(ours), await rig.ask(others)
    assert (grant.granted, other.granted) == (ours, others)
    rig.step(0.2)
    return grant


async def test_a_refused_renewal_can_be_repeated() -> None:
    """However often a permit is offered in vain, what others hold stays counted; then it is renewed, its surplus free."""
    rig = Rig()
    grant = await two_permits(rig, 300, 100)
    rig.limiter.override(Overrides(account_segments={ACCOUNT: 150}))
    for _ in range(3):
        assert (await rig.limiter.renew(grant, 100)).granted == 0
    rig.limiter.override(Overrides())
    assert (await rig.ask(1)).scope == "segments"
    assert (await rig.limiter.renew(grant, 100)).granted == 100
    assert (await rig.ask(LIMIT)).granted == LIMIT - 200


async def test_a_good_permit_that_is_too_large_is_used_when_nobody_answers() -> None:
    """What could not be given back is lost for a window, and the request leaves."""
    rig = Rig()
    await rig.get(1)
    grant = await rig.ask(300)
    rig.shared.is_away = True
    assert (await rig.limiter.renew(grant, 100)).granted == 300


@pytest.mark.parametrize("lost", [1, 2])
@pytest.mark.parametrize(("ours", "needed"), [(100, 100), (200, 50)])
async def test_a_lost_reply_never_frees_what_others_hold(ours: int, needed: int, lost: int) -> None:
    """A renewal that was counted and not heard of is asked for again: more is counted then, never less."""
    rig = Rig()
    grant = await two_permits(rig, ours, 200)
    rig.shared.is_deaf = True
    for _ in range(lost):
        grant = await rig.limiter.renew(grant, needed)
        assert (grant.granted, grant.scope) == (0, "redis")
    rig.shared.is_deaf = False
    assert (await rig.limiter.renew(grant, needed)).granted == needed
    assert (await rig.limiter.look(ACCOUNT, TENANT)).standings[-1].remaining <= LIMIT - 200 - needed


async def test_a_renewal_that_is_given_up_frees_what_is_its_own() -> None:
    """After refusals and lost replies what still counts of a permit can be given back, and nothing of others is."""
    rig = Rig()
    grant = await two_permits(rig, 300, 100)
    rig.limiter.override(Overrides(account_segments={ACCOUNT: 150}))
    grant = await rig.limiter.renew(grant, 100)
    rig.limiter.override(Overrides())
    await rig.limiter.release(grant)
    assert (await rig.limiter.look(ACCOUNT, TENANT)).standings[-1].remaining == 300


async def test_a_permit_of_other_windows_is_not_given_back() -> None:
    """What was granted by Redis means nothing to this process's share, and the other way round; it is taken anew."""
    rig = Rig()
    await rig.get(1)
    rig.step(2)
    grant = await rig.ask(100)
    await rig.lose()
    assert await rig.get(1) == 1
    await rig.limiter.release(grant)
    assert (await rig.limiter.renew(grant, 100)).granted == 100
    assert (await rig.ask(LIMIT)).granted == LIMIT // 2 - 101


async def test_without_a_segments_limit_requests_are_renewed() -> None:
    """Where only requests are counted, a permit is good for any number of segments and costs no second request."""
    rig = Rig("unlimited")
    await rig.get(1)
    rig.step(2)
    grant = await rig.ask(5)
    assert await rig.limiter.renew(grant, 9) == grant
    rig.step(0.5)
    assert (await rig.limiter.renew(grant, 9)).granted == 9
    assert (await rig.limiter.look(ACCOUNT, TENANT)).standings[0].remaining == 999


@pytest.mark.parametrize("senders", [1, 2, 4])
async def test_requests_keep_a_distance_that_lets_the_limit_last(senders: int) -> None:
    """A few requests leave at once; then they are spread over the window, and most of the limit is used for good.

    Processes do not know of one another here: each keeps the distance that what is left suggests.
    """
    rig, limit = Rig("unlimited"), 50
    await rig.get(1)
    rig.step(2)
    assert (await rig.ask(1)).distance == Distance()
    rig.limiter.override(Overrides(tenant_requests={TENANT: limit}))
    begin, due, used = rig.clock.at, [rig.clock.at] * senders, list[float]()
    while (now := min(due)) < begin + 20:
        rig.step(max(0.0, now - rig.clock.at))
        grant = await rig.ask(1)
        if grant.granted:
            used.append(now)
            assert grant.distance.scope == ("tenant" if grant.distance.seconds else None)
        due[due.index(now)] = now + (grant.distance.seconds if grant.granted else grant.retry_after_s)
    assert sum(1 for at in used if at < begin + 0.01) >= limit // 5
    gaps = [after - before for before, after in pairwise(used) if before > begin + 3]
    assert max(gaps) < (0.05 if senders == 1 else 0.35)
    assert 0.7 * limit * 20 <= len(used) <= limit * 20


async def test_nothing_is_left_lying() -> None:
    """When the next twentieth is long in coming, a hundredth is worth a request; when it is not, it is waited for."""
    rig = Rig()
    await rig.get(1)
    rig.step(2)
    assert (await rig.ask(LIMIT - 10)).granted == LIMIT - 10
    assert (await rig.ask()).granted == 10
    rig.step(2)
    assert (await rig.ask(200)).granted == 200
    rig.step(0.9)
    assert (await rig.ask(190)).granted == 190
    rig.step(0.1)
    refused = await rig.ask()
    assert (refused.granted, refused.scope) == (0, "segments")
    assert refused.retry_after_s < 0.05


async def test_crumbs_are_not_handed_out() -> None:
    """Of a used-up limit less than a hundredth is not worth a request, unless no more is wanted."""
    rig = Rig()
    assert await rig.get(LIMIT - 3) == LIMIT - 3
    assert (await rig.ask(LIMIT)).scope == "segments"
    assert (await rig.ask(1)).granted == 1


async def test_one_failed_call_changes_no_mode() -> None:
    """A single failure grants nothing and asks to come back soon; the next success forgets it."""
    rig = Rig()
    await rig.get(1)
    for _ in range(3):
        rig.shared.is_away = True
        grant = await rig.ask()
        assert (grant.granted, grant.scope) == (0, "redis")
        assert grant.retry_after_s < AWAY_AFTER_S
        rig.step(AWAY_AFTER_S)
        rig.shared.is_away = False
        assert (await rig.ask(1)).granted == 1
    assert not rig.limiter.is_local


async def test_away_means_an_empty_window_and_then_a_share() -> None:
    """When Redis stays away nothing leaves for one window, then half the limit for a single process, without asking Redis."""
    rig = Rig()
    await rig.get(1)
    rig.step(FRESH_S)
    await rig.lose()
    lost_at, calls = rig.clock.at, rig.shared.calls
    assert (await rig.ask()).scope == "window"
    assert (rig.limiter.state, rig.told) == ("waiting", 1)
    assert await rig.get() == LIMIT // 2
    assert lost_at + 1 <= rig.clock.at <= lost_at + 1.5
    assert rig.limiter.state == "local 1/2"
    assert rig.shared.calls == calls
    assert rig.metric("penstock_limiter_local") == 1


async def test_a_share_waits_until_everybody_may_know() -> None:
    """While others may still count in Redis with an old view, nothing leaves before their views are too old to be used."""
    rig = Rig(others=[Peer("other", 0)])
    rig.step(FRESH_S)
    await rig.lose()
    lost_at = rig.clock.at
    assert await rig.get() == LIMIT // 4
    assert rig.clock.at >= lost_at + FRESH_S + 1


async def test_shares_of_several_processes() -> None:
    """With four processes a share is an eighth."""
    rig = Rig(others=[Peer(str(i), 8) for i in range(3)])
    await rig.lose()
    assert await rig.get() == LIMIT // 8


async def test_shared_windows_leave_out_what_others_keep() -> None:
    """While two of four processes keep a share, the others count up to the rest in Redis."""
    rig = Rig(others=[Peer("a", 8), Peer("b", 8), Peer("c", 0)])
    assert await rig.get() == LIMIT - 2 * (LIMIT // 8)
    assert (await rig.ask(1)).scope == "segments"


async def test_without_a_current_view_nothing_leaves() -> None:
    """When the heartbeat has stopped, so that the others may not count this process, it sends nothing, in either mode."""
    rig = Rig()
    await rig.get(1)
    rig.clock.at += FRESH_S
    assert (await rig.ask(1)).scope == "window"
    await rig.get(1)
    await rig.lose()
    await rig.get(1)
    rig.clock.at += FRESH_S
    assert (await rig.ask(1)).scope == "window"


async def test_coming_back_needs_an_answer_and_an_empty_window() -> None:
    """The probe alone brings Redis back; then again nothing leaves for one window."""
    rig = Rig()
    await rig.get(1)
    await rig.lose()
    await rig.get(1)
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


async def test_overrides_hold_in_place_of_the_settings() -> None:
    """Limits of an account or a tenant that were changed hold from the next call on, also where segments were unlimited."""
    rig = Rig("unlimited")
    assert await rig.get(5000) == 5000
    rig.limiter.override(Overrides(account_segments={ACCOUNT: 70}))
    assert (await rig.ask(5000)).granted == 70
    rig.limiter.override(Overrides(tenant_requests={TENANT: 2}))
    assert (await rig.ask()).scope == "tenant"
    rig.limiter.override(Overrides(account_requests={ACCOUNT: 3}))
    assert [(await rig.ask()).scope for _ in range(2)] == [None, "account"]
    rig.limiter.override(Overrides())
    assert (await rig.ask(5000)).granted == 5000


async def test_looking_takes_nothing_of_a_limit() -> None:
    """How an account and a tenant stand can be asked at any time."""
    rig = Rig()
    await rig.get(100)
    for _ in range(2):
        standings = (await rig.limiter.look(ACCOUNT, TENANT)).standings
        assert [(s.scope, s.limit, s.remaining) for s in standings] == [
            ("account", 1000, 999), ("tenant", 1000, 999), ("global", 1000, 999), ("segments", LIMIT, LIMIT - 100),
        ]  # fmt: skip


@pytest.mark.parametrize("seed", range(10))
async def test_never_over_while_modes_change(seed: int) -> None:
    """However often Redis goes and comes, and however late permits are used, no second holds more than the limit."""
    rig, chance, grants = Rig(), Random(seed), []  # noqa: S311 - repeatable traffic
    for _ in range(3000):
        rig.shared.is_away = rig.shared.is_away ^ (chance.random() < 0.004)
        if chance.random() < 0.05:
            await rig.limiter.run_once()
        grant = await rig.ask(chance.randint(1, LIMIT))
        if grant.granted and chance.random() < 0.3:
            rig.step(chance.random() * 2)
            grant = await rig.limiter.renew(grant, chance.randint(1, grant.granted))
        if grant.granted:
            grants.append((rig.clock.at + chance.random() * PERMIT_AGE_S, grant.granted))
        rig.step(chance.random() * (0.05 if chance.random() < 0.9 else 0.5))
    assert sum(amount for _, amount in grants) > 10 * LIMIT
    for at, _ in grants:
        assert sum(amount for when, amount in grants if at <= when < at + 1) <= LIMIT


async def test_unlimited_segments_are_granted_whole() -> None:
    """Without a segments limit the wish is granted, one request at a time."""
    rig = Rig("unlimited")
    await rig.get(5000)
    grants = [await rig.ask(5000) for _ in range(1000)]
    assert [grant.granted for grant in grants] == [5000] * 999 + [0]
    assert grants[-1].scope == "account"


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


async def test_redis_is_reminded_when_nothing_is_sent() -> None:
    """However long nothing is sent, Redis is called every hour; that nobody answers changes nothing until something is."""
    rig = Rig()
    calls = rig.shared.calls
    for quarter in range(1, 17):
        rig.clock.at += REMIND_EVERY_S / 4
        rig.shared.is_away = quarter > 8
        await rig.limiter.run_once()
    assert (rig.shared.calls - calls, rig.limiter.is_local) == (4, False)


async def test_the_service_ends_on_halt() -> None:
    """As a service it stops when asked; closing it closes what it holds."""
    rig, halt = Rig(), asyncio.Event()
    halt.set()
    await rig.limiter.run(halt)
    await rig.limiter.aclose()
    assert rig.shared.is_closed
