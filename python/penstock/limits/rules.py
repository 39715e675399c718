"""The limits of API callers as a table: what is counted, whose it is, in which window, and what is said when it is full. Pure.

Not for counting: that is callers.py. Windows of an hour or a day have buckets of 36 s and 14 min, so a wait is that much longer
than the calendar would have it; and after a loss of Redis they begin anew, so they are approximate then.
"""

from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from typing import Final, Literal

from msgspec import Struct

from penstock.config import Callers
from penstock.domain.tenant import CallLimits
from penstock.limits.quota import Quota

Subject = Literal["key", "tenant", "address"]
Window = Literal["second", "hour", "day"]
OwnLimits = CallLimits | Literal["trial"] | None
"""What a tenant's settings say."""

WINDOW_S: Final[dict[Window, int]] = {"second": 1, "hour": 3600, "day": 86400}


class Tier(StrEnum):
    """What a call is beside being a call: a route of the table names one."""

    CALL = "call"
    """Nothing else."""
    SEND = "send"
    """It makes messages go out."""
    REGISTER = "register"
    """It makes a key."""
    REFUSED = "refused"
    """It had no valid credential. No route's: known only afterwards."""


ROUTES: Final = frozenset({Tier.CALL, Tier.SEND, Tier.REGISTER})


class Rule(Struct, frozen=True):
    """Something that is counted in a window; one line of the table."""

    name: str
    subject: Subject
    window: Window
    counts: str
    """What is counted, as it is said to callers."""
    tiers: frozenset[Tier] = ROUTES
    """The calls that count."""


class Limit(Struct, frozen=True):
    """A rule in force."""

    rule: Rule
    quota: Quota


def _calls(subject: Subject, counts: str) -> Iterator[Rule]:
    return (Rule(f"{subject}_{window}", subject, window, counts) for window in WINDOW_S)


TABLE: Final[dict[str, Rule]] = {
    rule.name: rule
    for rule in (
        *_calls("key", "calls with one key"),
        *_calls("tenant", "calls of one tenant"),
        *_calls("address", "calls from one address"),
        Rule("sends_hour", "key", "hour", "sending calls with one key", frozenset({Tier.SEND})),
        Rule("new_keys_hour", "address", "hour", "new keys from one address", frozenset({Tier.REGISTER})),
        Rule("new_keys_day", "tenant", "day", "new keys of one tenant", frozenset({Tier.REGISTER})),
        Rule("refused_hour", "address", "hour", "calls without a valid credential from one address", frozenset({Tier.REFUSED})),
    )
}
"""Every limit there can be, by name: the closed set of metrics, headers and texts."""


class RuleBook:
    """The limits of the settings, and of tenants that have their own."""

    def __init__(self, settings: Callers) -> None:
        self._settings = settings
        self.limits_for = lru_cache(maxsize=4096)(self._limits_for)
        """Those in force for the calls of these tiers, of these subjects, under a tenant's own limits."""

    def _limits_for(self, tiers: frozenset[Tier], subjects: frozenset[Subject], own: OwnLimits) -> tuple[Limit, ...]:
        most = self._most(own)
        return tuple(
            Limit(rule, Quota.per(most[rule.name], WINDOW_S[rule.window] * 1_000_000))
            for rule in TABLE.values()
            if most[rule.name] and rule.subject in subjects and not tiers.isdisjoint(rule.tiers)
        )

    def _most(self, own: OwnLimits) -> dict[str, int]:
        given = self._settings
        limits = {
            "key_second": given.key_per_s, "key_hour": given.key_per_hour, "key_day": given.key_per_day,
            "tenant_second": given.tenant_per_s, "tenant_hour": given.tenant_per_hour, "tenant_day": given.tenant_per_day,
            "address_second": given.address_per_s, "address_hour": given.address_per_hour, "address_day": given.address_per_day,
            "sends_hour": given.sends_per_hour, "new_keys_hour": given.new_keys_per_hour,
            "new_keys_day": given.new_keys_per_day, "refused_hour": given.refused_per_hour,
        }  # fmt: skip
        if own == "trial":
            return limits | {"sends_hour": given.trial_sends_per_hour}
        return limits if own is None else limits | _given(own)


def _given(own: CallLimits) -> dict[str, int]:
    """What a tenant's own limits say otherwise."""
    said = {
        "tenant_second": own.calls_per_s, "tenant_hour": own.calls_per_hour, "tenant_day": own.calls_per_day,
        "sends_hour": own.sends_per_hour,
    }  # fmt: skip
    return {name: limit for name, limit in said.items() if limit is not None}
