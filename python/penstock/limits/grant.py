"""What the limiter answers, and what it needs to know of a grant to take it back."""

from typing import Self

from msgspec import Struct

from penstock.limits.demand import Demand, Scope, Verdict, Windows
from penstock.limits.scopes import Traffic


class Counted(Struct, frozen=True):
    """Where and as what a grant counts."""

    windows: Windows
    traffic: Traffic
    verdict: Verdict

    @property
    def is_exact(self) -> bool:
        """Whether its segments were counted: those of an unlimited account are not."""
        return any(standing.scope == "segments" for standing in self.verdict.standings)

    def returned_with(self, demand: Demand) -> Demand:
        """Return the demand with what the grant took from the same scope, to be given back."""
        taken = next((standing.granted for standing in self.verdict.standings if standing.scope == demand.scope), 0)
        return demand.renewing(taken, self.verdict.now_us)


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
    """When granted by windows: what can be given back."""

    @classmethod
    def of(cls, counted: Counted, want: int, expires_at: float) -> Self:
        """The grant of what was counted; `want` segments where they are not limited."""
        granted = counted.verdict.standings[-1].granted if counted.is_exact else want
        return cls(granted, expires_at=expires_at, counted=counted)

    def is_good(self, segments: int, now: float) -> bool:
        """Whether a request of so many segments may leave on it now."""
        is_exact = self.counted is not None and self.counted.is_exact
        return now < self.expires_at and (self.granted >= segments or not is_exact)

    def is_wasted_on(self, segments: int) -> bool:
        """Whether more was counted than a request of so many segments needs."""
        return self.granted > segments and self.counted is not None and self.counted.is_exact
