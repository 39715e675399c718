import asyncio
import signal
import sys
from typing import Any

import pytest

from penstock.simulator.rules import parse_rule
from penstock.simulator.scenarios.registry import SCENARIOS


async def test_the_summary_counts_what_happened(start: Any) -> None:
    """Requests, refusals, acceptances and open messages are counted."""
    driver = await start(report_delay_ms=60_000)
    await driver.bulk(3)
    await driver.post({}, headers={})
    async with driver.session.get("/_sim/summary") as answer:
        summary = await answer.json()
    assert (summary["requests"], summary["accepted"], summary["refused"], summary["open"]) == (2, 3, {"401": 1}, 3)
    assert summary["reports"] == {"sent": 0, "failed": 0, "waiting": 0, "requests": 0}


async def test_scenarios_are_listed_for_people_and_programs(start: Any) -> None:
    """Every scenario has its meaning and parameters in the list, as JSON and as a page."""
    driver = await start()
    async with driver.session.get("/_sim/scenarios") as answer:
        listed = await answer.json()
    assert [entry["scenario"] for entry in listed] == list(SCENARIOS)
    assert all(entry["meaning"] for entry in listed)
    async with driver.session.get("/_sim/scenarios", headers={"Accept": "text/html"}) as answer:
        assert "<td>T4<td>" in await answer.text()


@pytest.mark.parametrize(
    ("limits", "hit"),
    [
        ({"next": 1}, [1]),
        ({"from": 2, "to": 3}, [2, 3]),
        ({"every": 2}, [2, 4]),
        ({"for": 0}, []),
        ({"only": "send"}, []),
        ({}, [1, 2, 3, 4]),
    ],
)
async def test_a_rule_applies_where_it_says(start: Any, limits: dict[str, Any], hit: list[int]) -> None:
    """A scenario touches the next n requests, a range, every k-th, a duration, one kind of request, or all."""
    driver = await start()
    async with driver.session.post("/_sim/scenario", json={"scenario": "A1", **limits}) as answer:
        assert answer.status == 201
    statuses = [(await driver.bulk(1))[0] for _ in range(4)]
    assert [number for number, status in enumerate(statuses, 1) if status == 401] == hit


async def test_rules_are_shown_and_removed(start: Any) -> None:
    """Rules in force are listed with their hits; one or all can be removed."""
    driver = await start(scenarios=("A1:next=1", "T1:seconds=0"))
    await driver.bulk(1)
    async with driver.session.get("/_sim/scenario") as answer:
        rules = await answer.json()
    assert [(rule["number"], rule["scenario"], rule["hits"]) for rule in rules] == [(1, "A1", 1), (2, "T1", 1)]
    async with driver.session.delete("/_sim/scenario", params={"number": 1}) as answer:
        assert await answer.json() == {"removed": 1}
    async with driver.session.delete("/_sim/scenario") as answer:
        assert await answer.json() == {"removed": 1}


@pytest.mark.parametrize("document", [{"scenario": "Z9"}, {"scenario": "T1", "parameters": {"second": 1}}, {}, [1], "x"])
async def test_an_unknown_scenario_or_parameter_is_refused(start: Any, document: Any) -> None:
    """A typo in a rule is answered 400 and changes nothing."""
    driver = await start()
    async with driver.session.post("/_sim/scenario", json=document) as answer:
        assert answer.status == 400
    async with driver.session.get("/_sim/scenario") as answer:
        assert await answer.json() == []


def test_the_command_lines_form_is_read() -> None:
    """The short form parts limits from parameters."""
    rule = parse_rule("P1:every=10,share=0.2")
    assert (rule.scenario, rule.every, rule.parameters) == ("P1", 10, {"share": "0.2"})
    with pytest.raises(ValueError, match="every"):
        parse_rule("P1:every=0")


async def test_a_process_of_its_own_says_where_it_listens_and_stops_on_a_signal() -> None:
    """The stand-alone simulator prints one line when it is ready and ends cleanly on SIGTERM."""
    program = "from penstock.simulator import *; serve_forever(SimulatorSettings(port=0))"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    assert process.stdout
    line = await asyncio.wait_for(process.stdout.readline(), 10)
    assert line.startswith(b"simulator listening on http://127.0.0.1:")
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 10) == 0
