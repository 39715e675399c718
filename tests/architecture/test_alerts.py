"""The alerts and their pages: every name in them exists, and no alert rings without saying what to do."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from penstock.telemetry.metrics import LeaderGauges, Metrics
from tests.architecture.test_readme import BLOCK, group_of

ROOT = Path(__file__).parents[2]
RULES: list[dict[str, Any]] = [
    rule
    for file in sorted((ROOT / "deploy" / "prometheus").glob("*.rules.yml"))
    for group in yaml.safe_load(file.read_text())["groups"]
    for rule in group["rules"]
]
RUNBOOKS = sorted((ROOT / "deploy" / "runbooks").glob("*.md"))
COMMANDS = [
    (page.name, line.strip())
    for page in RUNBOOKS
    for code in BLOCK.findall(re.sub(r"^ +", "", page.read_text(), flags=re.MULTILINE))
    for line in code[1].splitlines()
    if line.strip().startswith("penstock ")
]


def declared() -> set[str]:
    """Every name that can be scraped."""
    families = Metrics("").registry.collect()
    names = {family.name for family in families} | set(LeaderGauges._HELP)
    return (
        names
        | {f"{name}_total" for name in names}
        | {f"{name}_{part}" for name in names for part in ("bucket", "count", "sum")}
    )


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_metrics_that_exist(rule: dict[str, Any]) -> None:
    """Each name in its expression is declared."""
    named = set(re.findall(r"\b((?:penstock|queue|campaigns|webhook|http|reconciliation)_[a-z_]+)\b", rule["expr"]))
    assert named
    assert named <= declared()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    """It has a severity and a summary, and a page that names it."""
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert rule["annotations"]["summary"]
    assert rule["alert"] in (ROOT / rule["annotations"]["runbook"]).read_text()


def test_alerts_have_names_of_their_own() -> None:
    """No two rules ring under one name."""
    assert len({rule["alert"] for rule in RULES}) == len(RULES)


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_a_command_of_a_page_exists(page: str, command: str) -> None:
    """Every call of `penstock` names a command and options that it has."""
    words = shlex.split(command.partition("|")[0], comments=True)[1:]
    name, options = group_of(words)
    assert name, page
    assert {word for word in words if word.startswith("-")} <= options
