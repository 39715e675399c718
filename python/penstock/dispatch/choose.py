"""Which campaign may claim next: what is due is read now and then, whose turn it is is decided in memory."""

import asyncio

from penstock.clock import Clock
from penstock.domain.fairness import Lane, RoundRobin
from penstock.domain.ids import TenantId
from penstock.store import dispatch
from penstock.store.pool import Store

MOST_LANES = 1000
"""Campaigns considered at a time; the oldest first, so that none waits for ever."""


class Chooser:
    """Shared by the senders of one process; other processes choose for themselves and meet in the claim."""

    def __init__(self, store: Store, clock: Clock, *, max_age_s: float) -> None:
        self._store = store
        self._clock = clock
        self._max_age_s = max_age_s
        self._turns = RoundRobin()
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def next_lane(self) -> Lane | None:
        """The lane whose turn it is, or None when nothing is due.

        A paced lane is given to one sender, who puts it back if more of it is due: its slice is small, and permits that the
        others took for it would be wasted.
        """
        if self._is_stale():
            async with self._reading:
                if self._is_stale():
                    await self._read()
        lane = self._turns.pick()
        if lane is not None and lane.is_paced:
            self._turns.drop(lane)
        return lane

    def put_back(self, lane: Lane) -> None:
        """More may be due there; needed for a paced lane only."""
        if lane.is_paced:
            self._turns.put_back(lane)

    def spend(self, tenant_id: TenantId, segments: int) -> None:
        """Book what a claim took."""
        self._turns.spend(tenant_id, segments)

    def drop(self, lane: Lane) -> None:
        """Nothing was due there after all."""
        self._turns.drop(lane)

    def _is_stale(self) -> bool:
        return self._clock.monotonic() - self._read_at > self._max_age_s

    async def _read(self) -> None:
        async with self._store.engine() as connection:
            self._turns.offer(await dispatch.list_due_lanes(connection, MOST_LANES))
        self._read_at = self._clock.monotonic()
