"""The twin of sliding_window.lua: the same steps in the same order over windows in memory. Pure: time is handed in.

It is the oracle of the Redis side in the tests and the counting part of local.py.
"""

from collections.abc import Sequence

from penstock.limits.demand import Demand, Standing, Verdict, closed
from penstock.limits.quota import Window


class Ledger:
    """Windows by key, opened for grants only after one whole span in which nothing was granted.

    The epoch remembers when that was, whose memory it is (`identity`) and the latest time seen. An epoch that is missing, has
    another identity, or lies in a future that cannot be (a clock set back by more than a span) is begun anew.
    """

    def __init__(self, span_us: int) -> None:
        self._span_us = span_us
        self._identity: str | None = None
        self._opens_us = 0
        self._seen_us = 0
        self._windows: dict[str, Window] = {}

    def __len__(self) -> int:
        """Windows in memory: one for every key that was ever asked for."""
        return len(self._windows)

    def acquire(self, now_us: int, identity: str, demands: Sequence[Demand]) -> Verdict:
        """Take from every demand's window, or from none and say how long to wait."""
        now_us = self._enter(now_us, identity)
        if now_us < self._opens_us:
            return closed(demands, self._opens_us - now_us)
        returned = [self._give_back(demand, now_us) for demand in demands]
        waits = [self._windows[demand.key].wait_us(demand.quota, demand.least, now_us) for demand in demands]
        longest = max(waits, default=0)
        blocker = demands[waits.index(longest)].scope if longest else None
        if blocker:
            for demand, amount in zip(demands, returned, strict=True):
                self._windows[demand.key].count(amount, demand.returned_us // demand.quota.width_us)
        standings = [
            self._stand(demand, wait, now_us, is_taking=not longest) for demand, wait in zip(demands, waits, strict=True)
        ]
        return Verdict(tuple(standings), blocker, longest, now_us)

    def _enter(self, now_us: int, identity: str) -> int:
        """Begin a new epoch if there is none that holds; return the time, which never runs backwards within one."""
        if identity != self._identity or self._seen_us - now_us > self._span_us:
            self._identity = identity
            self._opens_us = now_us + self._span_us
            self._seen_us = now_us
        self._seen_us = max(self._seen_us, now_us)
        return self._seen_us

    def _give_back(self, demand: Demand, now_us: int) -> int:
        window = self._windows.setdefault(demand.key, Window())
        window.roll(now_us // demand.quota.width_us)
        return window.give_back(demand.returned, demand.returned_us // demand.quota.width_us)

    def _stand(self, demand: Demand, wait_us: int, now_us: int, *, is_taking: bool) -> Standing:
        window, quota = self._windows[demand.key], demand.quota
        amount = max(0, min(demand.most, quota.limit - window.total)) if is_taking else 0
        window.take(amount)
        free = max(0, quota.limit - window.total)
        return Standing(demand.scope, quota.limit, amount, free, wait_us, window.reset_us(quota, now_us))
