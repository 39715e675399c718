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
from penstock.providers.port import Provider, Reply
from penstock.store.pool import Store
from penstock.telemetry.metrics import Metrics


class Permit(Protocol):
    """What the limiter answers."""

    @property
    def granted(self) -> int:
        """Segments that may be sent now; 0 means wait."""

    @property
    def retry_after_s(self) -> float:
        """When to ask again, if nothing was granted."""

    @property
    def scope(self) -> str | None:
        """What stood in the way, if nothing was granted."""

    @property
    def expires_at(self) -> float:
        """The clock's monotonic time after which the permit must not be used."""


class Brake(Protocol):
    """The limiter as the senders see it."""

    async def acquire(
        self, account_id: AccountId, tenant_id: TenantId, *, want: int, minimum: int = 1, is_urgent: bool = False
    ) -> Permit:
        """One request and between `minimum` and `want` segments, or nothing."""


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
