"""The brake that senders pull: permits for one provider request, from Redis, or from this process's share while it is away.

Modes. `redis` → `local` when no call has succeeded for a quarter of a second; until then a failed call grants nothing and
says "ask again soon", so that one lost packet costs no change of mode. `local` → `redis` when the probe, run as a service and
never on the hot path, gets an answer. Each change starts with one empty window. While the mode is `local` nobody waits for
Redis.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Literal

import structlog
from msgspec import Struct

from penstock import config
from penstock.clock import Clock
from penstock.domain.ids import AccountId, TenantId
from penstock.lifecycle import wait_for_halt
from penstock.limits.demand import WINDOW, Scope, SharedWindows, Verdict, WindowsAwayError
from penstock.limits.local import LocalWindows
from penstock.limits.redis import RedisWindows
from penstock.limits.scopes import SECOND_US, Quotas
from penstock.telemetry.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)

PERMIT_AGE_S: Final = 0.025
"""A permit that is older when its first byte would leave is not used: a new one is taken. The windows are longer by as much."""
AWAY_AFTER_S: Final = 0.25
PROBE_EVERY_S: Final = 0.5
_ASK_AGAIN_S: Final = 0.05


class Grant(Struct, frozen=True):
    """The answer to one `acquire`."""

    granted: int
    """Segments that may leave in one request; 0 when refused."""
    retry_after_s: float = 0.0
    """When refused: seconds after which asking again may succeed."""
    scope: Scope | None = None
    """When refused: what stood in the way; `redis` is a failed call, `window` the empty window of a start or change."""
    expires_at: float = 0.0
    """When granted: the clock's monotonic time after which the permit must not be used any more."""


class Limiter:
    """Permits for provider requests; also the service that looks whether Redis is back."""

    name = "limiter"

    def __init__(  # noqa: PLR0913 - parts by name; `open` makes them from the settings
        self,
        quotas: Quotas,
        shared: SharedWindows,
        *,
        metrics: Metrics,
        clock: Clock,
        processes: Callable[[], int],
        permit_age_s: float,
    ) -> None:
        self._quotas = quotas
        self._shared = shared
        self._metrics = metrics
        self._clock = clock
        self._processes = processes
        self._permit_age_s = permit_age_s
        self._local: LocalWindows | None = None
        self._opens_at = clock.monotonic()
        self._failing_since: float | None = None

    @classmethod
    def open(  # noqa: PLR0913 - the composition root hands in each section by name
        cls,
        redis: config.Redis,
        rates: config.RateLimit,
        max_segments_per_s: int | Literal["unlimited"] | None,
        *,
        metrics: Metrics,
        clock: Clock,
        processes: Callable[[], int] = lambda: 1,
        permit_age_s: float = PERMIT_AGE_S,
    ) -> "Limiter":
        """Make a limiter of these settings, in mode `redis`; nothing is connected yet. Raises ValueError for missing settings.

        `processes` says how many processes send for the same accounts at the moment.
        """
        quotas = Quotas.of(rates, max_segments_per_s, permit_age_s)
        shared = RedisWindows(redis, quotas.epoch, clock=clock)
        return cls(quotas, shared, metrics=metrics, clock=clock, processes=processes, permit_age_s=permit_age_s)

    @property
    def is_local(self) -> bool:
        """Whether this process lives on its own share."""
        return self._local is not None

    async def acquire(self, account_id: AccountId, tenant_id: TenantId, *, want: int, minimum: int = 1) -> Grant:
        """Ask for a permit for one request of `minimum` to `want` segments; refused whole if it is not free in every scope.

        Never waits longer than the Redis timeout, and not at all while Redis is known to be away. A minimum above the
        segments limit (while local: above this process's share of it) is never granted.
        """
        began = self._clock.monotonic()
        if began < self._opens_at:
            return self._refuse(self._opens_at - began, WINDOW)
        demands = self._quotas.demands(account_id, tenant_id, minimum, want)
        try:
            verdict = await (self._local or self._shared).acquire(demands)
        except WindowsAwayError as error:
            self._note_failure(str(error))
            return self._refuse(_ASK_AGAIN_S, "redis")
        if self._local is None:
            self._failing_since = None
        if verdict.blocker:
            return self._refuse(verdict.wait_us / SECOND_US, verdict.blocker)
        return Grant(self._segments(verdict, want), expires_at=began + self._permit_age_s)

    async def run(self, halt: asyncio.Event) -> None:
        """Start the first, empty window now rather than at the first send; then look for Redis while it is away."""
        with suppress(WindowsAwayError):
            await self._shared.acquire(())
        while not await wait_for_halt(halt, PROBE_EVERY_S):
            await self.run_once()

    async def run_once(self) -> None:
        """If Redis is away, try it once; if it answers, go back to it after one empty window."""
        if self._local is None:
            return
        try:
            await self._shared.acquire(())
        except WindowsAwayError:
            return
        self._local = None
        self._failing_since = None
        self._opens_at = self._clock.monotonic() + self._quotas.span_us / SECOND_US
        self._metrics.limiter_local.set(0)
        log.info("limiter_shared_again")

    async def check(self) -> None:
        """For health: raises WindowsAwayError unless Redis answers. Sending goes on without it, slower."""
        await self._shared.acquire(())

    async def aclose(self) -> None:
        """Close the connections to Redis."""
        await self._shared.aclose()

    def _segments(self, verdict: Verdict, want: int) -> int:
        return want if self._quotas.segments is None else verdict.taken[-1]

    def _refuse(self, wait_s: float, scope: Scope) -> Grant:
        self._metrics.limited.inc()
        return Grant(0, wait_s, scope)

    def _note_failure(self, kind: str) -> None:
        """Go local once nothing has succeeded for long enough; calls that fail later change nothing."""
        now = self._clock.monotonic()
        if self._failing_since is None:
            self._failing_since = now
        if self._local is None and now - self._failing_since >= AWAY_AFTER_S:
            self._local = LocalWindows(self._quotas, clock=self._clock, processes=self._processes)
            self._metrics.limiter_local.set(1)
            log.warning("limiter_local", reason=kind)
