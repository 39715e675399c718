"""Deficit round robin over tenants, counted in segments: who may claim next."""

from collections.abc import Callable, Iterable
from typing import Final

from msgspec import Struct

from penstock.domain.ids import AccountId, CampaignId, TenantId

QUANTUM_SEGMENTS: Final = 5000
"""What a tenant is credited on each turn: one full batch of one-part messages, so that a turn is normally one batch."""


class Lane(Struct, frozen=True):
    """A campaign with a batch that is due."""

    tenant_id: TenantId
    campaign_id: CampaignId
    account_id: AccountId
    segments: int
    """Segments of its next batch, as far as they are due; of a rolling campaign, of what is waiting."""
    is_rolling: bool = False
    """Single messages: served before any campaign (urgent.py)."""
    is_paced: bool = False
    """Only a slice of the batch is due, so that it is offered to one sender at a time."""


def always(_: Lane) -> bool:
    """Every lane has room."""
    return True


class RoundRobin:
    """Whose turn it is. Tenants that use more than a turn's worth wait until the others had theirs."""

    def __init__(self) -> None:
        self._lanes: dict[TenantId, list[Lane]] = {}
        self._deficit: dict[TenantId, int] = {}
        self._turns: list[TenantId] = []

    def offer(self, lanes: Iterable[Lane]) -> None:
        """Replace what is due. A tenant with nothing due loses its credit, else it could save up a burst."""
        self._lanes = {}
        for lane in lanes:
            self._lanes.setdefault(lane.tenant_id, []).append(lane)
        self._deficit = {tenant: self._deficit.get(tenant, 0) for tenant in self._lanes}
        known = set(self._turns)
        self._turns = [tenant for tenant in self._turns if tenant in self._lanes]
        self._turns += [tenant for tenant in self._lanes if tenant not in known]

    @property
    def has_lanes(self) -> bool:
        """Whether anything is due."""
        return bool(self._lanes)

    def pick(self, has_room: Callable[[Lane], bool] = always) -> Lane | None:
        """The lane to serve now, or None when nothing is due that has room. Its cost is booked by `spend`.

        A tenant without room keeps its place and its credit.
        """
        tenant = self._next_tenant(has_room)
        if tenant is None:
            return None
        lanes = self._lanes[tenant]
        chosen = next(filter(has_room, lanes))
        lanes.remove(chosen)
        lanes.append(chosen)
        return chosen

    def _next_tenant(self, has_room: Callable[[Lane], bool]) -> TenantId | None:
        """Put last by being chosen, as is who has used up more than a turn. No further than needed: there may be thousands."""
        place = 0
        while place < len(self._turns):
            tenant = self._turns[place]
            if not any(map(has_room, self._lanes[tenant])):
                place += 1
                continue
            self._turns.append(self._turns.pop(place))
            if self._deficit[tenant] >= 0:
                return tenant
            self._deficit[tenant] += QUANTUM_SEGMENTS
        return None

    def keep_turn(self, lane: Lane) -> None:
        """A picked lane could not be served: it is the next one again, as soon as there is room."""
        if lane.tenant_id in self._lanes:
            self._turns.remove(lane.tenant_id)
            self._turns.insert(0, lane.tenant_id)
            self._lanes[lane.tenant_id].sort(key=lambda other: other.campaign_id != lane.campaign_id)

    def spend(self, tenant_id: TenantId, segments: int) -> None:
        """Book what a claim took beyond a turn's worth."""
        if tenant_id in self._deficit:
            self._deficit[tenant_id] += QUANTUM_SEGMENTS - segments
            self._deficit[tenant_id] = min(self._deficit[tenant_id], QUANTUM_SEGMENTS)

    def put_back(self, lane: Lane) -> None:
        """Offer a dropped lane again, behind the others."""
        if lane.tenant_id not in self._lanes:
            self._deficit[lane.tenant_id] = 0
            self._turns.append(lane.tenant_id)
        others = [other for other in self._lanes.get(lane.tenant_id, []) if other.campaign_id != lane.campaign_id]
        self._lanes[lane.tenant_id] = [*others, lane]

    def drop(self, lane: Lane) -> None:
        """Forget a lane that turned out to have nothing due."""
        lanes = self._lanes.get(lane.tenant_id)
        if lanes is None:
            return
        lanes[:] = [other for other in lanes if other.campaign_id != lane.campaign_id]
        if not lanes:
            del self._lanes[lane.tenant_id]
            del self._deficit[lane.tenant_id]
            self._turns.remove(lane.tenant_id)
