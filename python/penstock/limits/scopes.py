"""The four scopes of a provider request and their quotas, made from the settings. Not for the limits of API callers."""

from collections.abc import Mapping
from typing import Final, Literal, Self

from msgspec import Struct, field, structs

from penstock.config import RateLimit
from penstock.domain.ids import AccountId, TenantId
from penstock.limits.demand import KEY_PREFIX, Demand, Epoch
from penstock.limits.quota import Quota
from penstock.limits.shares import WHOLE, Portion

SECOND_US = 1_000_000
KEPT_FOR_SINGLES: Final = 20
"""A twentieth of every limit, where single messages are sent at all: else one could wait a whole window for a full one."""
WORTH_ASKING: Final = 20
"""Less than a twentieth of a second's segments is not worth a request of its own where more is waiting …"""
WORTH_TAKING: Final = 100
"""… unless the rest is long in coming: then a hundredth is, for what is left lying is lost."""


class Traffic(Struct, frozen=True):
    """Whose request it is."""

    account_id: AccountId
    tenant_id: TenantId


class Overrides(Struct, frozen=True, kw_only=True):
    """Limits that differ from the settings; they are kept in the database and may change at any time."""

    account_requests: Mapping[AccountId, int] = field(default_factory=dict)
    account_segments: Mapping[AccountId, int] = field(default_factory=dict)
    """Per second."""
    tenant_requests: Mapping[TenantId, int] = field(default_factory=dict)
    has_singles: bool = False
    """Single messages are sent here: campaigns leave them a part of every limit."""


class Quotas(Struct, frozen=True, kw_only=True):
    """What may leave: requests of a traffic account, of a tenant, of all together; segments of a traffic account."""

    account: Quota
    tenant: Quota
    total: Quota
    segments: Quota
    """Its window holds also for accounts whose segments are limited later."""
    is_unlimited: bool = False
    """Segments are not limited, but for the accounts of which the overrides say otherwise."""

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
            segments=Quota.per(0 if segments_per_s == "unlimited" else segments_per_s, SECOND_US + age_us),
            is_unlimited=segments_per_s == "unlimited",
        )

    @property
    def span_us(self) -> int:
        """The longest time any grant may count."""
        return max(quota.span_us for quota in self._all())

    @property
    def epoch(self) -> Epoch:
        """One for all provider scopes. Its stamp names the bucket widths: windows counted with others are worth nothing."""
        stamp = "/".join(str(quota.width_us) for quota in self._all())
        return Epoch(f"{KEY_PREFIX}epoch", stamp, self.span_us)

    def with_overrides(self, overrides: Overrides, account_id: AccountId, tenant_id: TenantId) -> Self:
        """Return what holds for this account and tenant; itself where nothing was said of them."""
        requests, tenant = overrides.account_requests.get(account_id), overrides.tenant_requests.get(tenant_id)
        segments = overrides.account_segments.get(account_id)
        if requests is None and segments is None and tenant is None:
            return self
        return type(self)(
            account=self.account if requests is None else self.account.lowered(requests),
            tenant=self.tenant if tenant is None else self.tenant.lowered(tenant),
            total=self.total,
            segments=self.segments if segments is None else self.segments.lowered(segments),
            is_unlimited=self.is_unlimited and segments is None,
        )

    def without_room_for_singles(self) -> Self:
        """Return what campaigns may fill."""
        account, tenant, total, segments = (one.lowered(one.limit - one.limit // KEPT_FOR_SINGLES) for one in self._all())
        return type(self)(account=account, tenant=tenant, total=total, segments=segments, is_unlimited=self.is_unlimited)

    def demands(
        self, traffic: Traffic, least: int, most: int, portion: Portion = WHOLE, *, worth: int = WORTH_ASKING
    ) -> list[Demand]:
        """Return the demands of one request with `least` to `most` segments; the segments, where limited, come last.

        Where more than `least` is wanted, crumbs are not asked for: less than one part in `worth` of the limit.
        """
        demands = [
            Demand("account", f"{KEY_PREFIX}account:{traffic.account_id}", portion.of(self.account), 1, 1),
            Demand("tenant", f"{KEY_PREFIX}tenant:{traffic.tenant_id}", portion.of(self.tenant), 1, 1),
            Demand("global", f"{KEY_PREFIX}global", portion.of(self.total), 1, 1),
        ]
        if not self.is_unlimited:
            segments = portion.of(self.segments)
            least = max(least, min(most, segments.limit // worth))
            demands.append(Demand("segments", f"{KEY_PREFIX}segments:{traffic.account_id}", segments, least, most))
        return demands

    def looks(self, traffic: Traffic) -> list[Demand]:
        """Return demands on the same scopes that take nothing."""
        return [structs.replace(demand, least=0, most=0) for demand in self.demands(traffic, 0, 0)]

    def _all(self) -> tuple[Quota, ...]:
        return self.account, self.tenant, self.total, self.segments
