"""The twin of sliding_window.lua: the same steps in the same order over windows in memory. Pure: time is handed in.

It is the oracle of the Redis side in the tests and the counting part of local.py.
"""

from collections.abc import Sequence

from penstock.limits.demand import Demand, Verdict
from penstock.limits.quota import Window


class Ledger:
    """Windows by key, opened for grants only after one whole window in which nothing was granted.

    The epoch remembers when that was, whose memory it is (`identity`) and the latest time seen. An epoch that is missing, has
    another identity, or lies in a future that cannot be (a clock set back by more than a window) is begun anew.
    """

    def __init__(self, span_us: int) -> None:
        self._span_us = span_us
        self._identity: str | None = None
        self._opens_us = 0
        self._seen_us = 0
        self._windows: dict[str, Window] = {}

    def acquire(self, now_us: int, identity: str, demands: Sequence[Demand]) -> Verdict:
        """Take from every demand's window, or from none and say how long to wait."""
        now_us = self._enter(now_us, identity)
        if now_us < self._opens_us:
            return Verdict(wait_us=self._opens_us - now_us, blocker="window")
        refusal = Verdict()
        for demand in demands:
            window = self._windows.setdefault(demand.key, Window())
            window.roll(now_us // demand.quota.width_us)
            wait_us = window.wait_us(demand.quota, demand.least, now_us)
            if wait_us > refusal.wait_us:
                refusal = Verdict(wait_us=wait_us, blocker=demand.scope)
        return refusal if refusal.blocker else Verdict(tuple(self._take(demand) for demand in demands))

    def _enter(self, now_us: int, identity: str) -> int:
        """Begin a new epoch if there is none that holds; return the time, which never runs backwards within one."""
        if identity != self._identity or self._seen_us - now_us > self._span_us:
            self._identity = identity
            self._opens_us = now_us + self._span_us
            self._seen_us = now_us
        self._seen_us = max(self._seen_us, now_us)
        return self._seen_us

    def _take(self, demand: Demand) -> int:
        window = self._windows[demand.key]
        amount = min(demand.most, demand.quota.limit - window.total)
        window.take(amount)
        return amount
