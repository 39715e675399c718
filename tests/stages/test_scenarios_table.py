"""Every way in which the provider is known to misbehave has a test on the real stages; what has none fails here."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

from penstock.simulator.scenarios.registry import SCENARIOS

TESTS = Path(__file__).parents[1]
IDENTIFIER = re.compile(r"[A-Z]\d{1,2}")
NAMED = re.compile(r"^((?:[A-Z]\d{1,2})(?:, [A-Z]\d{1,2})*)\b")

BEYOND_SCENARIOS = {
    "T2": "nobody listens: the simulator is stopped instead",
    "D11": "a burst of reports: the simulator's own setting",
    "D12": "the receiver fails: the simulator repeats what was not answered",
}
"""What the provider may do and no scenario has to be put in force for."""


def find_tests() -> dict[str, set[str]]:
    """Scenario → the tests that put it in force or begin their description with it."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in [*(TESTS / "stages").glob("test_*.py"), *(TESTS / "e2e").glob("test_*.py")]:
        if path == Path(__file__):
            continue
        for node in ast.parse(path.read_text()).body:
            name = getattr(node, "name", None) or path.stem
            for constant in ast.walk(node):
                if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
                    for identifier in _identifiers(constant.value):
                        found[identifier].add(f"{path.name}::{name}")
    return found


def _identifiers(text: str) -> list[str]:
    if IDENTIFIER.fullmatch(text):
        return [text]
    named = NAMED.match(text)
    return named[1].split(", ") if named else []


@pytest.mark.parametrize("scenario", sorted({*SCENARIOS, *BEYOND_SCENARIOS}))
def test_every_misbehaviour_is_tested(scenario: str) -> None:
    """At least one test has it at its beginning, or puts it in force."""
    assert find_tests()[scenario]
