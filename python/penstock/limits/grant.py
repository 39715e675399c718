"""What the limiter answers, and what it needs to know of a grant to take it back."""

from collections.abc import Sequence
from typing import Final, Self

from msgspec import Struct, structs

from penstock.limits.demand import Demand, Scope, Standing, Verdict, Windows
from penstock.limits.scopes import Traffic

_AT_ONCE: Final = 0.25
"""Of a limit of requests so much may be used at once. The rest is spread over its window, so that it cannot be used up before
the first ones are free again."""
_LEAST_S: Final = 0.001
"""A shorter distance is none: timers are no finer."""


class Counted(Struct, frozen=True):
    """Where and as what a grant counts."""

    windows: Windows
    traffic: Traffic
    verdict: Verdict

    @property
    def is_exact(self) -> bool:
        """Whether its segments were counted: those of an unlimited account are not."""
        return any(standing.scope == "segments" for standing in self.verdict.standings)

    def at_most(self, segments: int) -> Self:
        """Return it as if no more segments than these had been taken."""
        standings = tuple(
            structs.replace(standing, granted=min(standing.granted, segments)) if standing.scope == "segments" else standing
            for standing in self.verdict.standings
        )
        return structs.replace(self, verdict=structs.replace(self.verdict, standings=standings))

    def returned_with(self, demand: Demand) -> Demand:
        """Return the demand with what the grant took from the same scope, to be given back."""
        taken = next((standing.granted for standing in self.verdict.standings if standing.scope == demand.scope), 0)
        return demand.renewing(taken, self.verdict.now_us)


class Distance(Struct, frozen=True):
    """Between two requests."""

    seconds: float = 0.0
    scope: Scope | None = None
    """The limit that is to last."""

    @classmethod
    def of(cls, demands: Sequence[Demand], verdict: Verdict) -> Self:
        """Let the limits of requests last for a window, rather than be used up while whoever comes later waits for the next."""
        seconds, scope = max(
            (_distance_s(demand.quota.span_us / 1e6, standing), standing.scope)
            for demand, standing in zip(demands, verdict.standings, strict=True)
            if standing.scope != "segments"
        )
        return cls(seconds, scope) if seconds >= _LEAST_S else cls()


def _distance_s(window_s: float, standing: Standing) -> float:
    """Longer where less is left than a single sender would leave: others use the limit, too."""
    at_once = standing.limit * _AT_ONCE
    if at_once < 1 or standing.remaining >= standing.limit - at_once:
        return 0.0
    return window_s / (standing.limit - at_once) * max(1.0, at_once / max(1, standing.remaining))


class Grant(Struct, frozen=True):
    """The answer to one question for a permit."""

    granted: int
    """Segments that may leave in one request; 0 when refused."""
    retry_after_s: float = 0.0
    """When refused: seconds after which asking again may succeed."""
    scope: Scope | None = None
    """When refused: what stood in the way; `redis` is a failed call, `window` an empty window or an old view of the others."""
    expires_at: float = 0.0
    """When granted: the clock's monotonic time after which the permit must not be used any more."""
    counted: Counted | None = None
    """What can be given back; of a refused renewal, what was to be renewed."""
    distance: Distance = Distance()
    """When granted: what the next request should keep from this one, if nothing is lost by waiting."""

    @classmethod
    def of(cls, counted: Counted, want: int, expires_at: float, distance: Distance) -> Self:
        """The grant of what was counted; `want` segments where they are not limited."""
        granted = counted.verdict.standings[-1].granted if counted.is_exact else want
        return cls(granted, expires_at=expires_at, counted=counted, distance=distance)

    def is_good(self, segments: int, now: float) -> bool:
        """Whether a request of so many segments may leave on it now."""
        is_exact = self.counted is not None and self.counted.is_exact
        return now < self.expires_at and (self.granted >= segments or not is_exact)

    def is_wasted_on(self, segments: int) -> bool:
        """Whether more was counted than a request of so many segments needs."""
        return self.granted > segments and self.counted is not None and self.counted.is_exact
