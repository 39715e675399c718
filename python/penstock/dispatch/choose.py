"""Which lane may claim next: what is due is read now and then, whose turn it is is decided in memory.

Single messages come before campaigns, and are announced by whoever stored them in this process: they wait for no reading.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from penstock.clock import Clock
from penstock.dispatch.idle import IdleSenders
from penstock.dispatch.join import MOST_BATCHES
from penstock.domain.fairness import Lane, RoundRobin
from penstock.domain.ids import AccountId
from penstock.domain.room import Room
from penstock.domain.urgent import UrgentLanes
from penstock.limits.grant import Distance
from penstock.store import dispatch, runs
from penstock.store.pool import Store

MOST_LANES: Final = 1000
"""Campaigns considered at a time; the oldest first, so that none waits for ever."""


class Chooser:
    """Shared by the senders of one process; other processes choose for themselves and meet in the claim."""

    def __init__(
        self, store: Store, clock: Clock, *, max_age_s: float, of_tenant: int, is_limited: Callable[[AccountId], bool]
    ) -> None:
        """`of_tenant`: batches of one tenant on their way at the same time, at most; `is_limited`: by segments."""
        self._store = store
        self._clock = clock
        self._max_age_s = max_age_s
        self._is_limited = is_limited
        self._turns = RoundRobin()
        self._urgent = UrgentLanes()
        self._rooms = {is_rolling: Room(of_tenant) for is_rolling in (False, True)}
        """Single messages have theirs for themselves: campaigns do not fill it, and what is refused to them is theirs."""
        self.idle = IdleSenders()
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def next_lane(self, *, is_urgent_only: bool = False) -> Lane | None:
        """The lane whose turn it is, or None when nothing is due that has room. It takes room until it is `done`.

        It must be released, too, when its claim is over. A paced lane is given to one sender, who puts it back if more of it is
        due: its slice is small, and permits that the others took for it would be wasted.
        """
        lane = self._urgent.pick(self._has_room)
        if lane is None:
            if self._is_stale():
                async with self._reading:
                    if self._is_stale():
                        await self._read()
            lane = self._urgent.pick(self._has_room) or (None if is_urgent_only else self._next_campaign())
        if lane is not None:
            self._take(lane)
        return lane

    def _take(self, lane: Lane) -> None:
        """What else there is to do is for another: this sender may be away for as long as the provider takes."""
        self._rooms[lane.is_rolling].take(lane)
        if not lane.is_rolling:
            if self._is_limited(lane.account_id):
                self._rooms[False].begin_claim(lane)
        elif self._urgent.waits(self._has_room):
            self.idle.wake(is_urgent=True)
        elif self._turns.has_lanes:
            self.idle.wake(is_urgent=False)

    def done(self, lane: Lane) -> None:
        """What was chosen is no longer on its way."""
        self._rooms[lane.is_rolling].give_back(lane)

    def hand_over(self, lane: Lane) -> None:
        """It has arrived, and somebody may be waiting for its room."""
        self.done(lane)
        self.idle.wake(is_urgent=lane.is_rolling)

    def refuse(self, lane: Lane, scope: str | None, wait_s: float) -> None:
        """A permit was refused: whoever it concerns is left alone for a while and keeps its turn; the others go on."""
        self.put_back(lane)
        if not lane.is_rolling:
            self._turns.keep_turn(lane)
        self._rooms[lane.is_rolling].refuse(lane, scope, self._clock.monotonic(), wait_s)

    def keep_distance(self, lane: Lane, distance: Distance) -> None:
        """Single messages that come meanwhile go together: better a few milliseconds for each than a window for the last."""
        if lane.is_rolling and distance.seconds:
            self._rooms[True].refuse(lane, distance.scope, self._clock.monotonic(), distance.seconds)

    def pause_s(self, longest_s: float) -> float:
        """How long to wait when there was no lane: until a refusal ends, if there was one."""
        now = self._clock.monotonic()
        return min([longest_s, *(room.free_in_s(now) for room in self._rooms.values())])

    def _has_room(self, lane: Lane) -> bool:
        return self._rooms[lane.is_rolling].has_room(lane, self._clock.monotonic())

    def _next_campaign(self) -> Lane | None:
        lane = self._turns.pick(self._has_room)
        if lane is not None and lane.is_paced:
            self._turns.drop(lane)
        return lane

    def put_back(self, lane: Lane) -> None:
        """More may be due there; needed for a paced lane only."""
        if lane.is_paced:
            self._turns.put_back(lane)

    def announce(self, lane: Lane) -> None:
        """Single messages of this lane were committed just now, and may be sent."""
        if self._urgent.announce(lane):
            self.idle.wake(is_urgent=True)

    def begin(self, lane: Lane) -> None:
        """The claim of a chosen lane begins."""
        if lane.is_rolling:
            self._urgent.begin(lane)

    def release(self, lane: Lane, segments: int) -> None:
        """The claim of a chosen lane is over, or did not begin; so many segments are still to be claimed."""
        if lane.is_rolling:
            if self._urgent.release(lane, segments):
                # Also where it has no room just now: whoever wakes sleeps until then, while we may get busy elsewhere.
                self.idle.wake(is_urgent=True)
        elif self._rooms[False].end_claim(lane):
            self.idle.wake(is_urgent=False)

    def spend(self, lane: Lane, segments: int) -> None:
        """Book what a claim took. Single messages are not booked: they wait for their permits only."""
        if not lane.is_rolling:
            self._turns.spend(lane.tenant_id, segments)

    def drop(self, lane: Lane, *, is_held: bool) -> None:
        """Nothing was due there after all, or it may not be sent now."""
        if not lane.is_rolling:
            self._turns.drop(lane)
        elif is_held:
            self._urgent.hold(lane)

    def _is_stale(self) -> bool:
        return self._clock.monotonic() - self._read_at > self._max_age_s

    async def _read(self) -> None:
        async with self._store.engine() as connection:
            self._urgent.offer(await runs.list_rolling_lanes(connection, MOST_LANES, MOST_BATCHES))
            self._turns.offer(await dispatch.list_due_lanes(connection, MOST_LANES))
        self._read_at = self._clock.monotonic()
