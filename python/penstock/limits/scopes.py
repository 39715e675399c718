"""The four scopes of a provider request and their quotas, made from the settings. Not for the limits of API callers."""

from typing import Literal, Self

from msgspec import Struct

from penstock.config import RateLimit
from penstock.domain.ids import AccountId, TenantId
from penstock.limits.demand import KEY_PREFIX, Demand, Epoch
from penstock.limits.quota import Quota

SECOND_US = 1_000_000


class Quotas(Struct, frozen=True, kw_only=True):
    """What may leave: requests of a traffic account, of a tenant, of all together; segments of a traffic account."""

    account: Quota
    tenant: Quota
    total: Quota
    segments: Quota | None
    """None: the account's segments are not limited."""

    @classmethod
    def of(cls, rates: RateLimit, segments_per_s: int | Literal["unlimited"] | None, permit_age_s: float) -> Self:
        """Return the quotas of the settings. Raises ValueError if the account's segments per second were not given.

        Every window is longer than its setting by `permit_age_s`: a permit may be used that much after it was granted, and the
        limit holds where the bytes leave.
        """
        if segments_per_s is None:
            raise ValueError("MITTO_MAX_SEGMENTS_PER_S is not set")
        age_us = round(permit_age_s * SECOND_US)
        return cls(
            account=Quota.per(rates.traffic_account_max, rates.traffic_account_window_ms * 1000 + age_us),
            tenant=Quota.per(rates.tenant_max, rates.tenant_window_ms * 1000 + age_us),
            total=Quota.per(rates.global_max, rates.global_window_ms * 1000 + age_us),
            segments=None if segments_per_s == "unlimited" else Quota.per(segments_per_s, SECOND_US + age_us),
        )

    @property
    def span_us(self) -> int:
        """The longest time any grant may count."""
        return max(quota.span_us for quota in self._given())

    @property
    def epoch(self) -> Epoch:
        """One for all provider scopes. Its stamp names the bucket widths: windows counted with others are worth nothing."""
        stamp = "/".join(str(quota.width_us) for quota in self._given())
        return Epoch(f"{KEY_PREFIX}epoch", stamp, self.span_us)

    def demands(self, account_id: AccountId, tenant_id: TenantId, least: int, most: int) -> list[Demand]:
        """Return the demands of one request with `least` to `most` segments; the segments, where limited, come last."""
        demands = [
            Demand("account", f"{KEY_PREFIX}account:{account_id}", self.account, 1, 1),
            Demand("tenant", f"{KEY_PREFIX}tenant:{tenant_id}", self.tenant, 1, 1),
            Demand("global", f"{KEY_PREFIX}global", self.total, 1, 1),
        ]
        if self.segments is not None:
            demands.append(Demand("segments", f"{KEY_PREFIX}segments:{account_id}", self.segments, least, most))
        return demands

    def _given(self) -> list[Quota]:
        return [quota for quota in (self.account, self.tenant, self.total, self.segments) if quota is not None]
