"""What is made of a bench's samples: ratios, verdicts, the page, the comparison, the plot."""

from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest

from bench import compare, page, plot, render, sheet
from bench.machine import surroundings
from bench.sheet import Goal, Line, Plot, Sheet

FAST = Goal(at_least=0.5, gate=0.1)


def line(ours: list[float], theirs: list[float] | None = None, *goals: Goal, why: str = "") -> Line:
    """A line of samples."""
    return Line(what="send", unit="msg/s", ours=ours, neighbour="floor", theirs=theirs or [], goals=list(goals), why=why)


def sheet_of(*lines: Line, plots: list[Plot] | None = None) -> Sheet:
    """A sheet measured here and now."""
    return Sheet(bench="flow/send", surroundings=surroundings(), lines=list(lines), plots=plots or [])


def test_ratio_is_taken_pair_by_pair() -> None:
    """A machine that slows down for a while slows both of a pair, and the ratio does not notice."""
    assert line([100, 50, 10], [200, 100, 20]).ratio == 0.5
    assert line([100]).ratio is None


def test_spread_is_half_the_distance_between_the_quartiles() -> None:
    """Of the median, so that it reads as a percentage."""
    assert line([90, 95, 100, 105, 110]).spread == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("ours", "goal", "verdict"),
    [
        (60, FAST, "met"),
        (40, FAST, "missed"),
        (5, FAST, "BROKEN: past the gate of 0.1"),
        (60, Goal(at_most=0.5, gate=2), "missed"),
        (300, Goal(at_most=0.5, gate=2), "BROKEN: past the gate of 2"),
        (60, Goal(of="value", at_least=60), "met"),
        (60, Goal(of="value", at_most=59), "missed"),
    ],
)
def test_every_goal_has_its_verdict(ours: float, goal: Goal, verdict: str) -> None:
    """Met, missed, or past the gate; of the ratio or of the value."""
    assert page.verdict(line([ours], [100], goal), goal) == verdict


def test_a_missed_goal_is_shown_with_its_reason() -> None:
    """The page says why, where it is known."""
    assert page.verdict(line([40], [100], FAST, why="physics"), FAST) == "missed: physics"


def test_page_holds_number_neighbour_ratio_and_goal() -> None:
    """One row a goal; the second has only what is new."""
    rows = page.rows_of(line([60_000], [100_000], FAST, Goal(of="value", at_least=1)))
    assert rows[0] == ("send", "60,000 msg/s", "0%", "floor", "100,000 msg/s", "0.60", "≥ 0.5 ×", "met")
    assert rows[1] == ("",) * 6 + ("≥ 1 msg/s", "met")


def test_only_gates_fail_a_run() -> None:
    """A missed goal is said and passes; what is past its gate is named."""
    assert page.past_gates([sheet_of(line([40], [100], FAST))]) == []
    assert page.past_gates([sheet_of(line([5], [100], FAST))]) == ["flow/send: send reached 0.05, the gate is 0.1"]


def test_sheet_comes_back_as_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written is read, beside files that are no sheets."""
    monkeypatch.setattr(sheet, "RESULTS", tmp_path)
    (tmp_path / "other.json").write_text('{"some": "thing"}')
    file = sheet.write("flow/send", [line([60], [100], FAST)], notes=["few"])
    (found,) = sheet.read_all(tiny=sheet.IS_TINY)
    assert found == sheet.read(file)
    assert (found.bench, found.notes, found.lines) == ("flow/send", ["few"], [line([60], [100], FAST)])
    assert {"machine", "commit", "packages"} <= set(msgspec.to_builtins(found.surroundings))


def test_comparison_prefers_ratios_to_the_neighbour() -> None:
    """Half as fast on a machine half as fast is no loss."""
    (change,) = compare.changes(sheet_of(line([60], [100], FAST)), sheet_of(line([30], [50], FAST)))
    assert (change.is_ratio, change.gain) == (True, 1)


def test_comparison_knows_what_should_be_small() -> None:
    """Where the goal is an upper bound, less is a gain."""
    goal = Goal(of="value", at_most=100)
    (change,) = compare.changes(sheet_of(line([50], None, goal)), sheet_of(line([25], None, goal)))
    assert (change.is_ratio, change.gain) == (False, 2)


@pytest.mark.parametrize(("bound", "code"), [("0.9", 1), ("0.4", 0)])
def test_comparison_fails_past_its_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], bound: str, code: int
) -> None:
    """A line that lost more than is allowed makes the exit code 1, and is marked."""
    files = [tmp_path / name for name in ("before.json", "after.json")]
    for file, ours in zip(files, (60.0, 30.0), strict=True):
        file.write_bytes(msgspec.json.encode(sheet_of(line([ours], [100], FAST))))
    monkeypatch.setattr("sys.argv", ["compare", *map(str, files), "--bound", bound])
    assert compare.main() == code
    assert ("PAST THE BOUND" in capsys.readouterr().out) == bool(code)


@pytest.mark.parametrize("points", [[(1, 5), (2, 10), (4, 11)], [(10_000, 90_000), (10_000_000, 95_000)], [(1, 0), (2, 0)]])
def test_plot_is_a_picture_with_every_point_inside(points: list[tuple[float, float]]) -> None:
    """Well-formed SVG, one dot a point, none outside the frame; also over decades, and where nothing happened."""
    drawn = plot.svg(Plot(title="a < b", x="messages", y="msg/s", curves={"gateway": points}))
    dots = ET.fromstring(drawn).findall("{http://www.w3.org/2000/svg}circle")  # noqa: S314 - made here
    assert len(dots) == len(points)
    assert all(0 <= float(dot.attrib["cx"]) <= plot.WIDTH and 0 <= float(dot.attrib["cy"]) <= plot.HEIGHT for dot in dots)


def test_document_has_tables_and_plots(tmp_path: Path) -> None:
    """Everything that stands in text comes from the sheets."""
    picture = Plot(title="growth", x="messages", y="msg/s", curves={"gateway": [(1, 2)]})
    document = render.render([sheet_of(line([60], [100], FAST), plots=[picture])], tmp_path).read_text()
    assert "| send | 60 msg/s | 0% | floor | 100 msg/s | 0.60 | ≥ 0.5 × | met |" in document
    assert "![growth](flow-send-1.svg)" in document
    assert (tmp_path / "flow-send-1.svg").exists()
