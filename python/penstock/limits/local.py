"""Windows of one process, for the time Redis is away. Which part of each limit it may fill, shares.py says."""

from collections.abc import Sequence
from typing import Final

from penstock.clock import Clock
from penstock.limits.demand import Demand, Verdict
from penstock.limits.model import Ledger

_IDENTITY: Final = "local"


class LocalWindows:
    """A fresh set of windows, to be made at each change of mode; the first one is empty and begins at once."""

    def __init__(self, span_us: int, *, clock: Clock) -> None:
        self._clock = clock
        self._ledger = Ledger(span_us)
        self._ledger.acquire(self._now_us(), _IDENTITY, ())

    async def acquire(self, demands: Sequence[Demand]) -> Verdict:
        """Take what is demanded from every scope, or nothing."""
        return self._ledger.acquire(self._now_us(), _IDENTITY, demands)

    def _now_us(self) -> int:
        return int(self._clock.monotonic() * 1_000_000)
