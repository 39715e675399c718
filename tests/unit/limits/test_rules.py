"""Which limits are in force for whose calls."""

import pytest

from penstock.config import Callers
from penstock.domain.tenant import CallLimits
from penstock.limits.quota import BUCKETS
from penstock.limits.rules import ROUTES, TABLE, WINDOW_S, OwnLimits, RuleBook, Subject, Tier

EVERY = Callers(**{name: n for n, name in enumerate(Callers.__struct_fields__, start=1)})
ALL: frozenset[Subject] = frozenset({"key", "tenant", "address"})


def in_force(settings: Callers, tier: Tier, own: OwnLimits = None) -> dict[str, int]:
    """Name and limit of each."""
    found = RuleBook(settings).limits_for(frozenset({tier}), ALL, own)
    return {limit.rule.name: limit.quota.limit for limit in found}


def test_the_defaults_are_generous_and_few() -> None:
    """A call counts for its key and its tenant in any second, a new key also for its address and its tenant."""
    calls = {"key_second": 5000, "tenant_second": 10000}
    assert in_force(Callers(), Tier.CALL) == in_force(Callers(), Tier.SEND) == calls
    assert in_force(Callers(), Tier.REGISTER) == calls | {"new_keys_hour": 5, "new_keys_day": 10}
    assert in_force(Callers(), Tier.REFUSED) == {"refused_hour": 1000}


def test_every_setting_is_a_limit() -> None:
    """With all of them set, every rule of the table is in force for one tier or another."""
    names = {name for tier in Tier for name in in_force(EVERY, tier)}
    assert names == set(TABLE)
    limits = [limit for tier in Tier for own in (None, "trial") for limit in in_force(EVERY, tier, own).values()]  # type: ignore[arg-type]
    assert set(limits) == set(range(1, len(Callers.__struct_fields__) + 1))


@pytest.mark.parametrize("tier", ROUTES)
def test_every_call_counts_for_key_tenant_and_address_in_every_window(tier: Tier) -> None:
    """Whatever else it is."""
    pairs = {f"{subject}_{window}" for subject in ALL for window in WINDOW_S}
    assert pairs <= set(in_force(EVERY, tier))


def test_tiers_do_not_mix() -> None:
    """A send is not a new key, a plain call is neither, and a refused call is no call of anybody's."""
    special = {
        "sends_hour": Tier.SEND,
        "new_keys_hour": Tier.REGISTER,
        "new_keys_day": Tier.REGISTER,
        "refused_hour": Tier.REFUSED,
    }
    for name, tier in special.items():
        assert {one for one in Tier if name in in_force(EVERY, one)} == {tier}
    assert set(in_force(EVERY, Tier.REFUSED)) == {"refused_hour"}


def test_windows_are_as_long_as_they_say() -> None:
    """In whole buckets."""
    for limit in RuleBook(EVERY).limits_for(frozenset(Tier), ALL, None):
        assert limit.quota.width_us * BUCKETS == WINDOW_S[limit.rule.window] * 1_000_000


def test_a_trial_has_few_sends() -> None:
    """As the settings say, whatever is set for others; and all else as they have it."""
    assert in_force(Callers(), Tier.SEND, "trial") == in_force(Callers(), Tier.SEND) | {"sends_hour": 60}
    assert in_force(Callers(sends_per_hour=500), Tier.SEND, "trial")["sends_hour"] == 60
    assert in_force(Callers(), Tier.CALL, "trial") == in_force(Callers(), Tier.CALL)


def test_own_limits_come_before_those_for_all() -> None:
    """A limit that is given counts, 0 is none, and what is not given is as for everybody."""
    own = CallLimits(calls_per_s=3, calls_per_day=7, sends_per_hour=0)
    settings = Callers(tenant_per_hour=9, sends_per_hour=5)
    assert in_force(settings, Tier.SEND, own) == {
        "key_second": 5000, "tenant_second": 3, "tenant_hour": 9, "tenant_day": 7,
    }  # fmt: skip
    assert "tenant_second" not in in_force(settings, Tier.CALL, CallLimits(calls_per_s=0))
