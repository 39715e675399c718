"""What one provider request asks of the limits, and what it is told. Values only."""

from collections.abc import Sequence
from typing import Final, Literal, Protocol

from msgspec import Struct

from penstock.limits.quota import Quota

Scope = Literal["account", "tenant", "global", "segments"]
Blocker = Scope | Literal["window"]
"""What stood in the way; `window` is the empty window after a start, a loss or a change of mode."""

KEY_PREFIX: Final = "penstock:{provider}:"
"""The part in braces is the hash tag that keeps all keys of a call on one node of a cluster."""


class Demand(Struct, frozen=True):
    """A claim on one scope: at least `least`, up to `most` units."""

    scope: Scope
    key: str
    quota: Quota
    least: int
    most: int


class Verdict(Struct, frozen=True):
    """The answer to the demands of one request: all of them met, or none."""

    taken: tuple[int, ...] = ()
    """Units taken for each demand, in order; empty when refused."""
    wait_us: int = 0
    """When refused: microseconds after which asking again may succeed."""
    blocker: Blocker | None = None


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
