"""The brake that senders pull: permits for one provider request, from Redis, or from this process's share while it is away.

When Redis counts as away is decided in presence.py; until then a failed call grants nothing and says "ask again soon". Which
part of the limits may be used meanwhile, and when, is decided in shares.py.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Literal

import structlog
from msgspec import structs

from penstock import config
from penstock.clock import Clock
from penstock.domain.ids import AccountId, TenantId
from penstock.lifecycle import wait_for_halt
from penstock.limits.demand import WINDOW, Scope, SharedWindows, Verdict, Windows, WindowsAwayError
from penstock.limits.grant import Counted, Distance, Grant
from penstock.limits.local import LocalWindows
from penstock.limits.presence import PROBE_EVERY_S, Presence
from penstock.limits.redis import RedisWindows
from penstock.limits.scopes import SECOND_US, WORTH_ASKING, WORTH_TAKING, Overrides, Quotas, Traffic
from penstock.limits.shares import Shares
from penstock.telemetry.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)

PERMIT_AGE_S: Final = 0.015
"""A permit that is older when its first byte would leave is not used but renewed. The windows are longer by as much.

A claim of 5,000 messages takes about 10 ms. With 25 ms a campaign got 95 to 96 % of its account's limit, with 15 ms 96 to 97 %.
"""
REMIND_EVERY_S: Final = 3600.0
"""How often Redis is called although there is nothing to send, long before it forgets since when it remembers (script.py)."""
_ASK_AGAIN_S: Final = 0.05
_LONG_US: Final = 50_000
"""A wait that is longer costs more of the limit than a small request does."""


class Limiter:
    """Permits for provider requests; also the service that looks whether Redis is back."""

    name = "limiter"

    def __init__(  # noqa: PLR0913 - parts by name; `open` makes them from the settings
        self, quotas: Quotas, shared: SharedWindows, shares: Shares, *, metrics: Metrics, clock: Clock,
        permit_age_s: float = PERMIT_AGE_S, tell: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        """`tell`: there is something new to announce to the other processes."""
        self.shares = shares
        self._quotas = quotas
        self._overrides = Overrides()
        self._shared = shared
        self._metrics = metrics
        self._clock = clock
        self._permit_age_s = permit_age_s
        self._tell = tell
        self._local: LocalWindows | None = None
        self._presence = Presence()
        self._remind_at = clock.monotonic() + REMIND_EVERY_S

    @classmethod
    def open(  # noqa: PLR0913 - the composition root hands in each section by name
        cls, redis: config.Redis, rates: config.RateLimit, max_segments_per_s: int | Literal["unlimited"] | None, *,
        metrics: Metrics, clock: Clock, permit_age_s: float = PERMIT_AGE_S, tell: Callable[[], None] = lambda: None,
    ) -> "Limiter":  # fmt: skip
        """Make a limiter of these settings; nothing is connected yet. Raises ValueError for missing settings."""
        quotas = Quotas.of(rates, max_segments_per_s, permit_age_s)
        shares = Shares(quotas.span_us / SECOND_US + permit_age_s)
        shared = RedisWindows(redis, quotas.epoch, clock=clock)
        return cls(quotas, shared, shares, metrics=metrics, clock=clock, permit_age_s=permit_age_s, tell=tell)

    @property
    def is_local(self) -> bool:
        """Whether Redis is away for this process."""
        return self._local is not None

    @property
    def state(self) -> str:
        """For people: `shared`, `local 1/4` or `waiting`."""
        portion = self.shares.portion(self._clock.monotonic())
        if portion is None:
            return "waiting"
        return f"local 1/{portion.parts}" if portion.parts else "shared"

    def is_limited(self, account_id: AccountId) -> bool:
        """Whether the segments of this account are counted."""
        return not self._quotas.is_unlimited or account_id in self._overrides.account_segments

    def most_segments(self, account_id: AccountId) -> int | None:
        """The limit of this account, which no permit exceeds; None where its segments are not counted."""
        if not self.is_limited(account_id):
            return None
        return self._overrides.account_segments.get(account_id, self._quotas.segments.limit)

    def override(self, overrides: Overrides) -> None:
        """From now on these limits hold in place of the settings'."""
        self._overrides = overrides

    async def acquire(
        self, account_id: AccountId, tenant_id: TenantId, *, want: int, minimum: int = 1, is_urgent: bool = False
    ) -> Grant:
        """Ask for a permit for one request of `minimum` to `want` segments; refused whole if it is not free in every scope.

        Never waits longer than the Redis timeout, and not at all while Redis is known to be away. A minimum above the
        segments limit (while local: above this process's share of it) is never granted.
        """
        traffic = Traffic(account_id, tenant_id)
        quotas = self._quotas_for(traffic)
        if self._overrides.has_singles and not is_urgent:
            quotas = quotas.without_room_for_singles()
        return await self._ask(traffic, quotas, minimum, want)

    async def renew(self, grant: Grant, segments: int) -> Grant:
        """Return a permit for so many segments in place of this one: the same while it is good and not too large.

        What the old one took is given back in the same step, so that it costs nothing to have been slow; nor does it matter
        that others have left no room. What is returned when refused still counts as the old one did and takes its place. Where
        a reply was lost the call may have done its work: then no more may be given back than it took anew, to make up for it.
        """
        counted, is_good = grant.counted, grant.is_good(segments, self._clock.monotonic())
        if counted is None or (is_good and not grant.is_wasted_on(segments)):
            return grant
        renewed = await self._ask(counted.traffic, self._quotas_for(counted.traffic), segments, segments, former=counted)
        if renewed.granted:
            return renewed
        still = counted.at_most(segments) if renewed.scope == "redis" else counted
        # A good one that is too large is good all the same.
        is_good = grant.is_good(segments, self._clock.monotonic())
        return structs.replace(grant if is_good else renewed, counted=still)

    async def release(self, grant: Grant) -> None:
        """Give back a permit that was not used and will not be. If that fails it counts until its window is over."""
        counted = grant.counted
        if counted is None or counted.windows is not (self._local or self._shared):
            return
        demands = self._quotas_for(counted.traffic).looks(counted.traffic)
        with suppress(WindowsAwayError):
            await counted.windows.acquire([counted.returned_with(demand) for demand in demands])

    async def _ask(self, traffic: Traffic, quotas: Quotas, least: int, most: int, *, former: Counted | None = None) -> Grant:
        began = self._clock.monotonic()
        portion = self.shares.portion(began)
        if portion is None:
            return self._refuse(self.shares.wait_s(began), WINDOW)
        windows: Windows | None = self._local if portion.parts else self._shared
        if windows is None:
            return self._refuse(_ASK_AGAIN_S, WINDOW)
        try:
            for worth in (WORTH_ASKING, WORTH_TAKING):
                demands = quotas.demands(traffic, least, most, portion, worth=worth)
                if former and former.windows is windows:
                    demands = [former.returned_with(demand) for demand in demands]
                verdict = await windows.acquire(demands)
                if not _leaves_lying(verdict, least):
                    break
        except WindowsAwayError as error:
            self._note_failure(str(error))
            return self._refuse(_ASK_AGAIN_S, "redis")
        if not portion.parts:
            self._presence.note_answer()
        if verdict.blocker:
            return self._refuse(verdict.wait_us / SECOND_US, verdict.blocker)
        distance = Distance.of(demands, verdict)
        return Grant.of(Counted(windows, traffic, verdict), most, began + self._permit_age_s, distance)

    def _quotas_for(self, traffic: Traffic) -> Quotas:
        return self._quotas.with_overrides(self._overrides, traffic.account_id, traffic.tenant_id)

    async def look(self, account_id: AccountId, tenant_id: TenantId) -> Verdict:
        """How the scopes of this account and tenant stand in the shared windows. Raises WindowsAwayError."""
        traffic = Traffic(account_id, tenant_id)
        return await self._shared.acquire(self._quotas_for(traffic).looks(traffic))

    async def run(self, halt: asyncio.Event) -> None:
        """Start the first, empty window now rather than at the first send; then look for Redis while it is away."""
        with suppress(WindowsAwayError):
            await self._shared.acquire(())
        while not await wait_for_halt(halt, PROBE_EVERY_S):
            await self.run_once()

    async def run_once(self) -> None:
        """If Redis is away, try it once; if it answers, go back to it as soon as the share has ceased to count.

        If it is there, remind it now and then: what it would forget in a quiet night costs the next message an empty window.
        """
        if self._local is None:
            await self._remind()
            return
        try:
            await self._shared.acquire(())
        except WindowsAwayError:
            return
        self._presence.note_return()
        self._local = None
        self.shares.regain(self._clock.monotonic())
        self._tell()
        self._metrics.limiter_local.set(0)
        log.info("limiter_shared_again")

    async def _remind(self) -> None:
        """A call that takes nothing. Whether it is answered decides nothing: Redis counts as away by calls that are needed."""
        now = self._clock.monotonic()
        if now >= self._remind_at:
            self._remind_at = now + REMIND_EVERY_S
            with suppress(WindowsAwayError):
                await self._shared.acquire(())

    async def check(self) -> None:
        """For health: raises WindowsAwayError unless Redis answers. Sending goes on without it, slower."""
        await self._shared.acquire(())

    async def aclose(self) -> None:
        """Close the connections to Redis."""
        await self._shared.aclose()

    def _refuse(self, wait_s: float, scope: Scope) -> Grant:
        self._metrics.limited.inc()
        return Grant(0, wait_s, scope)

    def _note_failure(self, kind: str) -> None:
        """Go local once nothing has succeeded for long enough."""
        if self._presence.note_failure(self._clock.monotonic()):
            self._local = LocalWindows(self._quotas.span_us, clock=self._clock)
            self.shares.lose()
            self._tell()
            self._metrics.limiter_local.set(1)
            log.warning("limiter_local", reason=kind)


def _leaves_lying(verdict: Verdict, least: int) -> bool:
    """Whether segments were refused although some are free that are worth taking, and more is long in coming."""
    if verdict.blocker != "segments" or verdict.wait_us < _LONG_US:
        return False
    segments = verdict.standings[-1]
    return segments.remaining >= max(least, segments.limit // WORTH_TAKING, 1)
