"""What one request asks of the limits, and what it is told. Values only."""

from collections.abc import Sequence
from typing import Final, Protocol, Self

from msgspec import Struct, structs

from penstock.limits.quota import Quota

Scope = str
"""A short name from a closed set: `account`, `tenant`, `global`, `segments` of provider requests (scopes.py)."""
WINDOW: Final = "window"
"""What stands in the way during the empty window after a start or a loss; no scope has this name."""

KEY_PREFIX: Final = "penstock:{provider}:"
"""The part in braces is the hash tag that keeps all keys of a call on one node of a cluster."""


class Epoch(Struct, frozen=True):
    """Since when windows are remembered: those of a server that has no such memory grant nothing for one span."""

    key: str
    """In Redis; with the hash tag of the demands' keys."""
    stamp: str
    """Windows counted under another stamp are worth nothing, as if they were lost."""
    span_us: int
    """The longest time any grant may count; 0: grants begin at once, and a loss of memory forgives what was taken."""


class Demand(Struct, frozen=True):
    """A claim on one scope: at least `least`, up to `most` units. Where both are 0 it only looks, or gives back."""

    scope: Scope
    key: str
    quota: Quota
    least: int
    most: int
    returned: int = 0
    """Units of an earlier grant that was not used: they cease to count, unless this call is refused."""
    returned_us: int = 0
    """When they were granted, by the windows' clock (`Verdict.now_us` then)."""

    def renewing(self, returned: int, returned_us: int) -> Self:
        """Return the same demand, for which so much is given back."""
        return structs.replace(self, returned=returned, returned_us=returned_us)


class Standing(Struct, frozen=True):
    """How one scope stands after the call."""

    scope: Scope
    limit: int
    granted: int
    """Units taken by this call."""
    remaining: int
    """Units that are free now."""
    retry_after_us: int
    """Microseconds until `least` units are free if nobody else takes any; 0 where they were free."""
    reset_us: int
    """Microseconds until all units are free if nobody takes any."""


class Verdict(Struct, frozen=True):
    """The answer to the demands of one request: all of them met, or none."""

    standings: tuple[Standing, ...] = ()
    """One for each demand, in order."""
    blocker: Scope | None = None
    """When refused: the scope with the longest wait, or `window`."""
    wait_us: int = 0
    """When refused: microseconds after which asking again may succeed."""
    now_us: int = 0
    """When this was said, by the windows' clock; 0 while they are closed."""

    @property
    def taken(self) -> tuple[int, ...]:
        """Units taken for each demand, in order; empty when refused."""
        return () if self.blocker else tuple(standing.granted for standing in self.standings)


def closed(demands: Sequence[Demand], wait_us: int) -> Verdict:
    """Return the verdict of windows that grant nothing yet."""
    standings = tuple(Standing(demand.scope, demand.quota.limit, 0, 0, wait_us, wait_us) for demand in demands)
    return Verdict(standings, WINDOW, wait_us)


class Windows(Protocol):
    """Where the windows are kept: in Redis for all processes, or in this process."""

    async def acquire(self, demands: Sequence[Demand]) -> Verdict:
        """Take what is demanded from every scope, or nothing. No demand at all still starts a first, empty window."""


class SharedWindows(Windows, Protocol):
    """Windows that can be away."""

    async def acquire(self, demands: Sequence[Demand]) -> Verdict:
        """Take what is demanded, or nothing. Raises WindowsAwayError soon when nobody answers."""

    async def aclose(self) -> None:
        """Let go of what is held open."""


class WindowsAwayError(Exception):
    """Shared windows did not answer in time, or not with an answer; carries the kind of the error, never its text."""
