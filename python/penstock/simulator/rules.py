"""Which requests a scenario applies to: the next n, a range of ordinals, a duration, every k-th, or all."""

from typing import Any

import msgspec

from penstock.simulator.journal import SendKind
from penstock.simulator.scenarios.base import Scenario
from penstock.simulator.scenarios.registry import SCENARIOS
from penstock.simulator.settings import Positive, Span


class RuleRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, frozen=True):
    """What the admin API takes; without a limit the scenario applies to every request until it is removed."""

    scenario: str
    parameters: dict[str, Any] = msgspec.field(default_factory=dict)
    next: Positive | None = None
    """The next so many requests."""
    first: Positive | None = msgspec.field(default=None, name="from")
    """From this request ordinal on …"""
    last: Positive | None = msgspec.field(default=None, name="to")
    """… to this one, both included."""
    every: Positive | None = None
    """Only every so-manieth request, counted by ordinal."""
    duration_s: Span | None = msgspec.field(default=None, name="for")
    """For so many seconds from now."""
    only: SendKind | None = None
    """Only for single sends or only for bulks."""


class Rule:
    """A scenario in force."""

    def __init__(self, number: int, request: RuleRequest, at: float) -> None:
        self.number = number
        self.request = request
        self.scenario: Scenario = _build(request)
        self.hits = 0
        self._until = None if request.duration_s is None else at + request.duration_s

    def applies(self, ordinal: int, kind: SendKind | None, at: float) -> bool:
        """Whether the rule concerns this request; `kind` None is a look-up."""
        wanted = self.request
        return not (
            self.scenario.reads != (kind is None)
            or (wanted.only is not None and wanted.only != kind)
            or (wanted.next is not None and self.hits >= wanted.next)
            or (wanted.first is not None and ordinal < wanted.first)
            or (wanted.last is not None and ordinal > wanted.last)
            or (wanted.every is not None and ordinal % wanted.every)
            or (self._until is not None and at > self._until)
        )

    def render(self) -> dict[str, Any]:
        """Return the rule as the admin API shows it."""
        document: dict[str, Any] = msgspec.to_builtins(self.request)
        return {"number": self.number, "hits": self.hits, **document}


class Rules:
    """The scenarios in force, in the order in which they were set."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._made = 0

    def add(self, request: RuleRequest, at: float) -> Rule:
        """Put a scenario in force; raises `ValueError` if the id or a parameter is unknown."""
        rule = Rule(self._made + 1, request, at)
        self._made += 1
        self._rules.append(rule)
        return rule

    def clear(self, number: int | None = None) -> int:
        """Remove one rule, or all; return how many were removed."""
        kept = [] if number is None else [rule for rule in self._rules if rule.number != number]
        removed = len(self._rules) - len(kept)
        self._rules = kept
        return removed

    def claim(self, ordinal: int, kind: SendKind | None, at: float) -> list[Rule]:
        """Return the rules for this request and count the hit."""
        if not self._rules:
            return []
        claimed = [rule for rule in self._rules if rule.applies(ordinal, kind, at)]
        for rule in claimed:
            rule.hits += 1
        return claimed

    def render(self) -> list[dict[str, Any]]:
        """Return all rules as the admin API shows them."""
        return [rule.render() for rule in self._rules]


def parse_rule(text: str) -> RuleRequest:
    """Read the command line's form: `T4`, `T4:next=2`, `P1:every=10,share=0.2`; raises `ValueError`."""
    identifier, _, rest = text.partition(":")
    limits: dict[str, str] = {}
    parameters: dict[str, str] = {}
    for part in filter(None, rest.split(",")):
        name, _, value = part.partition("=")
        (limits if name in _LIMITS else parameters)[name.strip()] = value.strip()
    return convert_rule({"scenario": identifier.strip(), "parameters": parameters, **limits})


_LIMITS = frozenset({"next", "from", "to", "every", "for", "only"})


def convert_rule(document: object) -> RuleRequest:
    """Check a rule's outer members; raises `ValueError`."""
    try:
        return msgspec.convert(document, RuleRequest, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None


def _build(request: RuleRequest) -> Scenario:
    kind = SCENARIOS.get(request.scenario)
    if kind is None:
        raise ValueError(f"there is no scenario {request.scenario!r}; there are {', '.join(sorted(SCENARIOS))}")
    try:
        return msgspec.convert(request.parameters, kind, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(f"{request.scenario}: {error}") from None
