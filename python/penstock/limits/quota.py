"""The arithmetic of an exact sliding window. Pure: time is handed in as whole microseconds. Nothing here is stored or awaited.

Theory. The window W is cut into 100 buckets of equal width b (100·b ≥ W), numbered by time: bucket = time // b. What is taken
is counted in the bucket of its moment. A bucket counts, in full, for as long as it may still touch a window that ends now:
bucket i counts while the present bucket is at most i + 100, so 101 buckets count at any time. Two permits less than W apart are
less than 101 buckets apart, so they were counted together when the later one was granted: no window of length W, wherever it
begins, holds more than the limit. The price is one bucket of rounding: a sender at the limit uses at least W / 101·b of it.

The buckets are a ring of 101 slots (slot = bucket mod 101) with a running total. Moving from bucket `last` to the present one
clears the slots in between, which are exactly those that have just ceased to count; each slot is cleared once, so a call
costs O(1) amortised and never more than 101 steps.

A grant that was not used may be given back: its units leave the bucket they were counted in, and if they are taken again in the
same step they are counted in the present one instead. The total does not grow by that, so it is always granted, and the bound
holds for the later moment: what counts is the last grant before the use.

`sliding_window.lua` does the same inside Redis. Whoever changes one changes the other; tests/contract compares them.
"""

from typing import Final, Self

from msgspec import Struct, field

BUCKETS: Final = 100
SLOTS: Final = BUCKETS + 1


class Quota(Struct, frozen=True):
    """At most `limit` units in any window; the window is given by the width of its buckets."""

    limit: int
    width_us: int
    """Width of one bucket in microseconds."""

    @classmethod
    def per(cls, limit: int, window_us: int) -> Self:
        """Return the quota of `limit` units in any window of `window_us` microseconds, rounded up to whole buckets."""
        return cls(limit, -(-window_us // BUCKETS))

    @property
    def span_us(self) -> int:
        """How long after a grant it may still count, at most, in microseconds."""
        return SLOTS * self.width_us

    def lowered(self, limit: int) -> Self:
        """Return the quota of another limit in the same window."""
        return type(self)(limit, self.width_us)


class Window(Struct):
    """What was taken lately from one quota."""

    last: int = 0
    """The bucket up to which the slots are current."""
    total: int = 0
    slots: list[int] = field(default_factory=lambda: [0] * SLOTS)
    latest: int = 0
    """The bucket in which something was taken last."""

    def roll(self, bucket: int) -> None:
        """Bring the slots up to `bucket`. A window from a later time than now belongs to a clock that is gone: forget it."""
        if bucket - self.last >= SLOTS or bucket < self.last:
            self.total = 0
            self.slots = [0] * SLOTS
        else:
            for passed in range(self.last + 1, bucket + 1):
                self.total -= self.slots[passed % SLOTS]
                self.slots[passed % SLOTS] = 0
        self.last = bucket

    def take(self, amount: int) -> None:
        """Count `amount` in the bucket the window stands at."""
        self.count(amount, self.last)
        if amount:
            self.latest = self.last

    def give_back(self, amount: int, bucket: int) -> int:
        """Cease to count what was taken in `bucket` and not used; return how much that is, 0 if it does not count any more."""
        if not self.last - SLOTS < bucket <= self.last:
            return 0
        amount = min(amount, self.slots[bucket % SLOTS])
        self.count(-amount, bucket)
        return amount

    def count(self, amount: int, bucket: int) -> None:
        """Count so much more in a bucket that still counts."""
        self.slots[bucket % SLOTS] += amount
        self.total += amount

    def wait_us(self, quota: Quota, least: int, now_us: int) -> int:
        """Return the microseconds until `least` units are free if nobody takes any; a whole span where that can never be."""
        missing = self.total + least - quota.limit
        if missing <= 0:
            return 0
        for bucket in range(self.last - BUCKETS, self.last + 1):
            missing -= self.slots[bucket % SLOTS]
            if missing <= 0:
                return (bucket + SLOTS) * quota.width_us - now_us
        return quota.span_us

    def reset_us(self, quota: Quota, now_us: int) -> int:
        """Return the microseconds until nothing counts any more if nobody takes any."""
        return (self.latest + SLOTS) * quota.width_us - now_us if self.total else 0
