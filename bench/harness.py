"""Timing of single functions: all ways of a case in turn, round after round, so that noise falls on them alike.

A ratio is taken within each round, and the median of these is what counts: a machine that is slow for a second is slow for
both sides. What is measured, and against what, stands in `bench/micro`.
"""

import gc
import time
from collections.abc import Callable
from statistics import median

import msgspec


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to do, in several ways."""

    name: str
    """As in "fingerprint of 1 kB"."""
    ways: dict[str, Callable[[], object]]
    """The first is what is judged ("core"), the others are its rivals."""
    items: int = 1
    """Things handled by one call."""
    unit: str = "calls"
    """What these things are: "rows", "messages", "texts"."""
    size: int = 0
    """Bytes handled by one call; 0 when they say nothing."""
    at_least: dict[str, float] = {}
    """For a rival, how many times as fast as it the first way must be."""
    at_least_per_s: float = 0
    """Items in a second that the first way must reach; 0 for no such target."""
    at_least_mb_s: float = 0
    """The same in millions of bytes."""
    at_most_ms: float = 0
    """Longest median of one call of the first way; 0 for no such target."""


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How long to measure."""

    sample_s: float
    """One sample is as many calls as fill this time."""
    case_s: float
    """Time for all rounds of one case, if `rounds` allow."""
    rounds: tuple[int, int]
    """Fewest and most rounds."""


# Short samples: most of them fall between two turns of whatever else runs on the machine.
NORMAL = Pace(sample_s=0.001, case_s=2, rounds=(7, 201))
TINY = Pace(sample_s=0, case_s=0, rounds=(3, 3))


class Timing(msgspec.Struct, frozen=True):
    """One way's calls."""

    seconds: float
    """Median of the samples, for one call."""
    spread: float
    """Half the distance between the quartiles, as a part of the median."""
    ratio: float
    """How many times as fast the first way is: median over the rounds. 1 for the first way itself."""


class Target(msgspec.Struct, frozen=True):
    """What was asked for and what was reached."""

    what: str
    wanted: float
    reached: float
    is_met: bool


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One case, measured."""

    name: str
    items: int
    unit: str
    size: int
    rounds: int
    timings: dict[str, Timing]
    targets: list[Target]


def measure(case: Case, pace: Pace = NORMAL) -> Result:
    """Warm up, find how many calls make a sample, and take the samples."""
    calls = {way: _calls(call, pace) for way, call in case.ways.items()}
    fewest, most = pace.rounds
    round_s = sum(number * seconds for number, seconds in calls.values())
    rounds = max(fewest, min(most, int(pace.case_s / round_s)))
    samples: dict[str, list[float]] = {way: [] for way in case.ways}
    # As timeit does; the rivals make more objects, so it is they who gain.
    gc.collect()
    gc.disable()
    try:
        for turn in range(rounds):
            order = list(case.ways) if turn % 2 == 0 else list(case.ways)[::-1]
            for way in order:
                samples[way].append(_seconds(case.ways[way], calls[way][0]))
    finally:
        gc.enable()
    timings = _timings(samples)
    return Result(
        name=case.name,
        items=case.items,
        unit=case.unit,
        size=case.size,
        rounds=rounds,
        timings=timings,
        targets=judge(case, timings),
    )


def judge(case: Case, timings: dict[str, Timing]) -> list[Target]:
    """Every target of a case beside what was reached."""
    seconds = next(iter(timings.values())).seconds
    lower = [(f"× {rival}", wanted, timings[rival].ratio) for rival, wanted in case.at_least.items()]
    lower += [(f"{case.unit}/s", case.at_least_per_s, case.items / seconds)] if case.at_least_per_s else []
    lower += [("MB/s", case.at_least_mb_s, case.size / seconds / 1e6)] if case.at_least_mb_s else []
    targets = [Target(what, wanted, reached, reached >= wanted) for what, wanted, reached in lower]
    if case.at_most_ms:
        targets.append(Target("ms", case.at_most_ms, seconds * 1e3, seconds * 1e3 <= case.at_most_ms))
    return targets


def _calls(call: Callable[[], object], pace: Pace) -> tuple[int, float]:
    """Calls that fill a sample, and the seconds that one of them takes."""
    call()
    number = 1
    while (seconds := _seconds(call, number)) * number < pace.sample_s:
        number = max(number + 1, min(number * 10, int(pace.sample_s / seconds * 1.1)))
    return number, seconds


def _seconds(call: Callable[[], object], number: int) -> float:
    begun = time.perf_counter()
    for _ in range(number):
        call()
    return max(time.perf_counter() - begun, 1e-9) / number


def _timings(samples: dict[str, list[float]]) -> dict[str, Timing]:
    judged = next(iter(samples.values()))
    timings = {}
    for way, seconds in samples.items():
        middle, ordered = median(seconds), sorted(seconds)
        quartiles = ordered[len(ordered) // 4], ordered[-1 - len(ordered) // 4]
        ratio = median(rival / own for own, rival in zip(judged, seconds, strict=True))
        timings[way] = Timing(middle, (quartiles[1] - quartiles[0]) / 2 / middle, ratio)
    return timings
