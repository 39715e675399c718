"""Lanes of single messages: whose turn it is.

Each is with one sender at a time until its claim is committed, because a claim takes all that waits in it, and a second one
would pay for a permit and find nothing.
"""

from collections.abc import Callable, Iterable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from penstock.domain.fairness import QUANTUM_SEGMENTS, Lane, always
from penstock.domain.ids import CampaignId, TenantId

MOST_SEGMENTS: Final = QUANTUM_SEGMENTS
"""What is asked of the limiter for one claim, at most: about a full batch."""


_Due = dict[TenantId, dict[CampaignId, Lane]]


class _Taken(Struct):
    """A lane that a sender has."""

    later: Lane | None = None
    """What was announced since, and may not be in what it takes."""


class UrgentLanes:
    """What is due, tenants in turn, each tenant's lanes in turn."""

    def __init__(self) -> None:
        self._due: _Due = {}
        self._taken: dict[CampaignId, _Taken] = {}
        self._held: set[CampaignId] = set()
        """May not send now; the store tells when they may again."""

    def announce(self, lane: Lane) -> bool:
        """Something was stored in the lane; whether it waits for a sender since then."""
        taken = self._taken.get(lane.campaign_id)
        if lane.campaign_id in self._held:
            return False
        if taken is None:
            return self._put(lane)
        taken.later = _sum(taken.later, lane)
        return False

    def offer(self, lanes: Iterable[Lane]) -> None:
        """What the store says is due; of a lane that a sender has, it may speak of what is just being taken."""
        self._held.clear()
        for lane in lanes:
            waiting = self._due.get(lane.tenant_id, {})
            if lane.campaign_id not in self._taken and lane.campaign_id not in waiting:
                self._put(lane)

    def waits(self, has_room: Callable[[Lane], bool]) -> bool:
        """Whether there is a lane to serve now."""
        return any(has_room(lane) for lanes in self._due.values() for lane in lanes.values())

    def pick(self, has_room: Callable[[Lane], bool] = always) -> Lane | None:
        """The lane to serve now, of those that have room; it is not picked again before it is released."""
        for tenant_id, lanes in self._due.items():
            lane = next(filter(has_room, lanes.values()), None)
            if lane is not None:
                self._take(tenant_id, lane)
                return lane
        return None

    def _take(self, tenant_id: TenantId, lane: Lane) -> None:
        """Its tenant's other lanes wait behind those of the other tenants."""
        lanes = self._due.pop(tenant_id)
        del lanes[lane.campaign_id]
        if lanes:
            self._due[tenant_id] = lanes
        self._taken[lane.campaign_id] = _Taken()

    def begin(self, lane: Lane) -> None:
        """Its claim begins: it will see all that was announced until now."""
        self._taken[lane.campaign_id] = _Taken()

    def release(self, lane: Lane, segments: int) -> bool:
        """The claim is over; so many segments were left (0: nothing that it knows of). Whether it waits for a sender again."""
        taken = self._taken.pop(lane.campaign_id)
        if segments:
            self._put(replace(lane, segments=segments))
        if taken.later is not None:
            self._put(taken.later)
        return bool(segments) or taken.later is not None

    def hold(self, lane: Lane) -> None:
        """Its account may not send: until the store is read again, announcements would only cost permits."""
        self._held.add(lane.campaign_id)

    def _put(self, lane: Lane) -> bool:
        """Whether it did not wait before."""
        lanes = self._due.setdefault(lane.tenant_id, {})
        waiting = lanes.get(lane.campaign_id)
        lanes[lane.campaign_id] = _sum(waiting, lane)
        return waiting is None


def _sum(earlier: Lane | None, lane: Lane) -> Lane:
    if earlier is None:
        return lane
    return replace(lane, segments=min(MOST_SEGMENTS, earlier.segments + lane.segments))
