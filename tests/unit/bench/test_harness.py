"""How single functions are timed and judged."""

import time

import pytest

from bench.harness import TINY, Case, Pace, Timing, judge, measure

BRIEF = Pace(sample_s=0.0005, case_s=0.05, rounds=(5, 9))


def spin(seconds: float) -> None:
    """Keep the processor busy."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def test_ratio_is_that_of_the_work() -> None:
    """A rival that works ten times as long is several times as slow, whatever else the machine does."""
    case = Case(name="spin", ways={"core": lambda: spin(1e-4), "rival": lambda: spin(1e-3)})
    result = measure(case, BRIEF)
    assert 5 <= result.rounds <= 9
    assert result.timings["core"].ratio == 1
    assert 2 < result.timings["rival"].ratio < 100
    assert result.timings["core"].seconds >= 1e-4


def test_ways_take_turns() -> None:
    """Every other round goes backwards, so that no way always follows the same one."""
    calls: list[str] = []
    ways = {name: lambda name=name: calls.append(name) for name in "ab"}
    assert measure(Case(name="turns", ways=ways), TINY).rounds == 3
    assert calls[-6:] == list("abbaab")


@pytest.mark.parametrize(("seconds", "is_met"), [(0.001, True), (0.01, False)])
def test_every_target_is_judged(seconds: float, is_met: bool) -> None:  # noqa: FBT001
    """Each target of a case appears with what was reached, and is met or missed by it."""
    case = Case(
        name="targets",
        ways={"core": int, "rival": int},
        items=10,
        unit="rows",
        size=1_000_000,
        at_least={"rival": 2},
        at_least_per_s=5_000,
        at_least_mb_s=500,
        at_most_ms=2,
    )
    timings = {"core": Timing(seconds, 0, 1), "rival": Timing(0.004, 0, 0.004 / seconds)}
    targets = judge(case, timings)
    assert [target.what for target in targets] == ["× rival", "rows/s", "MB/s", "ms"]
    reached = [0.004 / seconds, 10 / seconds, 1 / seconds, seconds * 1e3]
    assert [target.reached for target in targets] == pytest.approx(reached)
    assert [target.is_met for target in targets] == [is_met] * 4


def test_no_target_is_no_promise() -> None:
    """A case without targets is measured and not judged."""
    assert judge(Case(name="free", ways={"core": int}), {"core": Timing(1, 0, 1)}) == []
