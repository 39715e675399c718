"""Settings become quotas."""

import pytest

from penstock.config import RateLimit
from penstock.domain.ids import AccountId, TenantId
from penstock.limits.quota import BUCKETS, SLOTS
from penstock.limits.scopes import Quotas, Traffic


def test_windows_are_longer_by_the_age_of_a_permit() -> None:
    """The limit holds where bytes leave, so a window covers the time a permit may lie about."""
    quotas = Quotas.of(RateLimit(), 400, 0.025)
    assert quotas.account.width_us * BUCKETS == 1_025_000
    assert quotas.span_us == SLOTS * 10_250
    assert (quotas.account.limit, quotas.tenant.limit, quotas.total.limit) == (100, 50, 200)


def test_every_request_counts_once_and_segments_in_part() -> None:
    """One request is one unit of three scopes; segments are demanded up to the wish, and no crumbs."""
    demands = Quotas.of(RateLimit(), 400, 0).demands(Traffic(AccountId("acc"), TenantId(7)), 2, 90)
    assert [(demand.scope, demand.least, demand.most) for demand in demands] == [
        ("account", 1, 1), ("tenant", 1, 1), ("global", 1, 1), ("segments", 20, 90),
    ]  # fmt: skip
    assert len({demand.key for demand in demands}) == 4


def test_unlimited_segments_have_no_scope() -> None:
    """An unlimited account is held by its requests only."""
    quotas = Quotas.of(RateLimit(), "unlimited", 0)
    assert [demand.scope for demand in quotas.demands(Traffic(AccountId("acc"), TenantId(7)), 1, 9)] == [
        "account",
        "tenant",
        "global",
    ]


def test_the_stamp_tells_window_lengths_apart() -> None:
    """Another window length is another stamp; another limit is not."""
    usual = Quotas.of(RateLimit(), 400, 0.025)
    assert usual.epoch.stamp != Quotas.of(RateLimit(tenant_window_ms=500), 400, 0.025).epoch.stamp
    assert usual.epoch.stamp == Quotas.of(RateLimit(tenant_max=7), 500, 0.025).epoch.stamp


def test_an_unlimited_account_has_the_window_of_a_limited_one() -> None:
    """Limiting its segments later changes no stamp, so that nothing is forgotten."""
    assert Quotas.of(RateLimit(), "unlimited", 0.025).epoch == Quotas.of(RateLimit(), 400, 0.025).epoch


def test_segments_must_be_said() -> None:
    """Silence about the account's speed is an error, not unlimited."""
    with pytest.raises(ValueError, match="MITTO_MAX_SEGMENTS_PER_S"):
        Quotas.of(RateLimit(), None, 0)
