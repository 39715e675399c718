"""What the handlers work with, made by the composition root and handed to the application once."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import web
from msgspec import Struct

from penstock.api.address import NO_PROXIES, Proxies
from penstock.api.auth import Authenticator
from penstock.clock import Clock
from penstock.config import Http
from penstock.domain.estimate import Speeds
from penstock.domain.ids import RANDOM_BYTES, AccountId, TenantId, uuid7
from penstock.ingest.audience import MOST_PARTS, Intake
from penstock.ingest.repeats import Repeats
from penstock.ingest.singles import Singles
from penstock.limits.callers import CallerLimits
from penstock.limits.demand import Verdict
from penstock.redact import Secret
from penstock.store.pool import Store
from penstock.telemetry.metrics import Metrics


class ProviderScopes(Struct, frozen=True):
    """What bounds the requests to the provider; for showing only."""

    look: Callable[[AccountId, TenantId], Awaitable[Verdict]]
    """How the scopes of an account and a tenant stand. Raises WindowsAwayError."""
    window_s: Mapping[str, float]
    """By the names of scopes that tenants are shown."""


class Parts(Struct, frozen=True, kw_only=True):
    """The application's surroundings."""

    store: Store
    intake: Intake
    repeats: Repeats
    singles: Singles
    metrics: Metrics
    clock: Clock
    random: Callable[[int], bytes]
    """So many random bytes."""
    http: Http
    authenticator: Authenticator
    callers: CallerLimits
    """How often callers may call."""
    provider_scopes: ProviderScopes
    proxies: Proxies = NO_PROXIES
    """Whose word on who calls is taken."""
    account_id: AccountId
    """The traffic account of new campaigns."""
    sender: str
    """The sender of campaigns and messages that name none."""
    most_parts: int = MOST_PARTS
    """Of a single message."""
    safe_mode: bool = False
    speeds: Speeds = Speeds()
    """What one campaign may send at most; for estimates only."""
    admin_key: Secret | None = None
    """The operator's; None: there is no operator's API."""


PARTS: Final = web.AppKey("parts", Parts)


def new_id(parts: Parts) -> str:
    """A fresh version 7 UUID as text."""
    return str(uuid7(int(parts.clock.now().timestamp() * 1000), parts.random(RANDOM_BYTES)))
