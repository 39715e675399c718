"""Whose batch may be taken now: nobody fills all senders, and what a limit refused is left alone until it may be free again.

Of S + 2 senders one account gets S + 1 at most and one tenant S: however slowly the provider answers one of them, a sender is
left for the others. A refused permit concerns an account, a tenant or everybody; others do not wait behind it. Where an
account's segments are limited its claims follow one another: of several at once each would slow the others down, so that their
permits grow old, and one at a time fills any limit that a provider gives.
"""

from collections import Counter
from math import inf
from typing import TYPE_CHECKING, Final

from penstock.domain.fairness import Lane

if TYPE_CHECKING:
    from penstock.domain.ids import AccountId, TenantId

SPARE: Final = 2
"""Senders beyond those that one tenant may have."""
LONGEST_REFUSAL_S: Final = 0.25
"""A refusal is forgotten after this, because the limit may have been raised."""


class Room:
    """What is on its way and what was refused, in one process. Time is handed in."""

    def __init__(self, of_tenant: int) -> None:
        """`of_tenant`: batches of one tenant on their way at the same time, at most."""
        self._of_tenant = of_tenant
        self._tenants: Counter[TenantId] = Counter()
        self._accounts: Counter[AccountId] = Counter()
        self._claiming: set[AccountId] = set()
        self._refused: dict[TenantId | AccountId | None, float] = {}

    def has_room(self, lane: Lane, now: float) -> bool:
        """Whether a batch of this lane may be taken now."""
        return (
            self._tenants[lane.tenant_id] < self._of_tenant
            and self._accounts[lane.account_id] < self._of_tenant + 1
            and lane.account_id not in self._claiming
            and not (self._refused and self._is_refused(lane, now))
        )

    def _is_refused(self, lane: Lane, now: float) -> bool:
        return any(self._refused.get(whose, now) > now for whose in (lane.tenant_id, lane.account_id, None))

    def take(self, lane: Lane) -> None:
        """A batch of it is on its way."""
        self._tenants[lane.tenant_id] += 1
        self._accounts[lane.account_id] += 1

    def begin_claim(self, lane: Lane) -> None:
        """Its account is served by nobody else until `end_claim`."""
        self._claiming.add(lane.account_id)

    def end_claim(self, lane: Lane) -> bool:
        """Its account may be served again; whether others were kept from it."""
        was_claiming = lane.account_id in self._claiming
        self._claiming.discard(lane.account_id)
        return was_claiming

    def give_back(self, lane: Lane) -> None:
        """It has arrived, or did not leave."""
        self._tenants -= Counter([lane.tenant_id])
        self._accounts -= Counter([lane.account_id])

    def refuse(self, lane: Lane, scope: str | None, now: float, wait_s: float) -> None:
        """A permit was refused; `scope` is the limit that stood in the way."""
        until = now + min(wait_s, LONGEST_REFUSAL_S)
        whose: TenantId | AccountId | None = None
        if scope in ("account", "segments"):
            whose = lane.account_id
        elif scope == "tenant":
            whose = lane.tenant_id
        self._refused = {other: end for other, end in self._refused.items() if end > now}
        self._refused[whose] = until

    def free_in_s(self, now: float) -> float:
        """The seconds until a refusal ends; infinite when there is none."""
        return min((end - now for end in self._refused.values() if end > now), default=inf)
