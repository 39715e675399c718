"""Alerts: each rests on a metric that exists and leads to a page that exists, and fires when its own tests say so."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from penstock.telemetry.metrics import LeaderGauges, Metrics
from tests.architecture.test_readme import group_of

DEPLOY = Path(__file__).parents[2] / "deploy"
FOLDER = DEPLOY / "prometheus"
RULES = (FOLDER / "penstock.rules.yml").read_text()
TESTS = (FOLDER / "penstock.rules.test.yml").read_text()
ALERTS = re.findall(r"- alert: (\w+)", RULES)
RUNBOOKS = sorted((DEPLOY / "runbooks").glob("*.md"))
COMMAND = re.compile(r"```bash\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\((\S+?\.md)\)")


def metric_names() -> set[str]:
    """Every name that a scrape can show, by its family."""
    return {family.name for family in Metrics("1").registry.collect()} | set(LeaderGauges._HELP)


def test_every_alert_leads_to_a_page() -> None:
    """Its runbook is there, and names the alert."""
    pages = re.findall(r"- alert: (\w+).*?runbook: (\S+)", RULES, re.DOTALL)
    assert [alert for alert, _ in pages] == ALERTS
    for alert, page in pages:
        assert alert in (DEPLOY.parent / page).read_text(), page


def test_every_alert_rests_on_a_metric_that_exists() -> None:
    """A name that nobody exports would never fire."""
    names = set(re.findall(r"\b(?:penstock|campaigns|queue|webhook)_\w+\b(?=[{\[) ]|$)", RULES, re.MULTILINE))
    assert names
    assert {name.removesuffix("_total") for name in names} <= {name.removesuffix("_total") for name in metric_names()}


def test_every_alert_is_tested() -> None:
    """Each alert is expected somewhere, and to be silent somewhere."""
    assert {alert for alert in ALERTS if f"alertname: {alert}\n" not in TESTS} == set()


@pytest.mark.parametrize("command", [["check", "rules", "penstock.rules.yml"], ["test", "rules", "penstock.rules.test.yml"]])
def test_promtool_agrees(command: list[str]) -> None:
    """The rules are well-formed and fire exactly when their tests say."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    done = subprocess.run([promtool, *command], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.stem)
def test_runbooks_lead_somewhere(page: Path) -> None:
    """A page has commands to type, and its links lead to pages that exist."""
    text = page.read_text()
    assert COMMAND.search(text)
    assert [link for link in LINK.findall(text) if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.stem)
def test_commands_of_a_runbook_exist(page: Path) -> None:
    """Every call of `penstock` names a command and options that it has."""
    calls = re.findall(r"^ *(penstock [^|\n]*)", "".join(COMMAND.findall(page.read_text())), re.MULTILINE)
    for words in (shlex.split(call, comments=True)[1:] for call in calls):
        command, options = group_of(words)
        assert command, words
        assert {word.partition("=")[0] for word in words if word.startswith("-")} <= options, words
