"""What the senders need of others: a brake, a judge, and the parts they are composed of."""

from datetime import datetime
from typing import Protocol

from msgspec import Struct

from penstock.clock import Clock
from penstock.dispatch.choose import Chooser
from penstock.dispatch.claim import Claimer
from penstock.dispatch.settle import Settler
from penstock.dispatch.spool import Spool
from penstock.domain.ids import AccountId, TenantId
from penstock.domain.outcome import Outcome
from penstock.limits.grant import Grant
from penstock.providers.port import Provider, Reply
from penstock.store.pool import Store
from penstock.telemetry.metrics import Metrics


class Brake(Protocol):
    """The limiter as the senders see it."""

    def is_limited(self, account_id: AccountId) -> bool:
        """Whether the account's segments are counted."""

    def most_segments(self, account_id: AccountId) -> int | None:
        """What a request may have at most, however long it waits; None: anything."""

    async def acquire(self, account_id: AccountId, tenant_id: TenantId, *, want: int, is_urgent: bool = False) -> Grant:
        """One request of up to `want` segments, or nothing."""

    async def renew(self, grant: Grant, segments: int) -> Grant:
        """A permit for exactly so many segments, good now, in place of this one; or nothing, and this one still counts."""

    async def release(self, grant: Grant) -> None:
        """Give back a permit that will not be used."""


class Judge(Protocol):
    """What a reply means; pure."""

    def __call__(self, reply: Reply, expected: int, account_id: str, *, now: datetime) -> Outcome:
        """The outcome of a call with so many messages."""


class Parts(Struct, frozen=True, kw_only=True):
    """What a dispatcher is made of."""

    store: Store
    chooser: Chooser
    claimer: Claimer
    settler: Settler
    spool: Spool
    limiter: Brake
    provider: Provider
    judge: Judge
    clock: Clock
    metrics: Metrics
