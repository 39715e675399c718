"""Windows of one process, for the time Redis is away: a share of each limit so small that all processes together keep it.

The share is limit ÷ 2P for P processes, rounded down: half of every limit stays free for the processes that can still reach
Redis. Where the limit is below 2P a process's share is nothing, and it sends nothing: slower is allowed, over is not.
"""

from collections.abc import Callable, Sequence
from typing import Final

from msgspec import structs

from penstock.clock import Clock
from penstock.limits.demand import Demand, Verdict
from penstock.limits.model import Ledger
from penstock.limits.scopes import SECOND_US, Quotas

_IDENTITY: Final = "local"


class LocalWindows:
    """A fresh set of windows, to be made at each change of mode; the first one is empty and begins at once."""

    def __init__(self, quotas: Quotas, *, clock: Clock, processes: Callable[[], int]) -> None:
        self._clock = clock
        self._processes = processes
        self._ledger = Ledger(quotas.span_us)
        self._ledger.acquire(self._now_us(), _IDENTITY, ())

    async def acquire(self, demands: Sequence[Demand]) -> Verdict:
        """Take what is demanded from this process's share of every scope, or nothing."""
        parts = 2 * max(1, self._processes())
        shares = [structs.replace(demand, quota=demand.quota.share(parts)) for demand in demands]
        return self._ledger.acquire(self._now_us(), _IDENTITY, shares)

    def _now_us(self) -> int:
        return int(self._clock.monotonic() * SECOND_US)
