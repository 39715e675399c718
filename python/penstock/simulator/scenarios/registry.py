"""The table of scenarios: id → class. The ids are the simulator's own vocabulary."""

from typing import Any

import msgspec

from penstock.simulator.scenarios import answers, broken, lookups, refusals, reporting
from penstock.simulator.scenarios.base import Scenario

SCENARIOS: dict[str, type[Scenario]] = {
    "H1": answers.HappyPath,
    "P1": answers.PartlyRefused,
    "P2": answers.ShorterAnswer,
    "P3": answers.LongerAnswer,
    "P4": answers.ReorderedAnswer,
    "P5": answers.UntrustworthyIds,
    "P6": answers.MissingMembers,
    "A1": refusals.KeyRefused,
    "A2": refusals.AccountRefused,
    "L1": refusals.TooMany,
    "L2": refusals.Throttled,
    "L3": refusals.TooLarge,
    "E1": refusals.ErrorBefore,
    "E2": broken.ErrorAfter,
    "E3": broken.StrangeBody,
    "T1": broken.SlowAnswer,
    "T3": broken.ResetDuringBody,
    "T4": broken.ResetAfterAccept,
    "T5": broken.TruncatedAnswer,
    "T6": broken.TrickledAnswer,
    "T7": broken.ClosedOnReuse,
    "C1": broken.PrefixAccepted,
    "D1": reporting.DuplicateReports,
    "D2": reporting.OutOfOrderReports,
    "D3": reporting.LateReports,
    "D4": reporting.EarlyReports,
    "D5": reporting.StrangeReports,
    "D6": reporting.ConflictingReports,
    "D7": reporting.OddReports,
    "D8": reporting.ReportForm,
    "D9": reporting.WrongSecret,
    "D10": reporting.NoReports,
    "S1": reporting.LateFailure,
    "S2": lookups.StrangeLookup,
}


def describe_scenarios() -> list[dict[str, Any]]:
    """Return id, meaning and parameters (with their defaults) of every scenario."""
    return [
        {
            "scenario": identifier,
            "meaning": (kind.__doc__ or "").strip(),
            "parameters": {field.encode_name: field.default for field in msgspec.structs.fields(kind)},
        }
        for identifier, kind in SCENARIOS.items()
    ]
