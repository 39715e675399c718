"""Ways of doing the same thing, measured in turn: noise, caches and the processor's mood fall on all of them alike."""

import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence

from bench.machine import IS_TINY
from bench.sheet import Goal, Line

Figures = Mapping[str, float]
"""What one run of a way gives: name → figure, as in {"msgs_per_s": 120_000}."""
Way = Callable[[], Awaitable[Figures]]
Turns = dict[str, list[Figures]]
"""Way → its runs, in order."""

ROUNDS = 3 if IS_TINY else 5


async def nothing() -> None:
    """What happens between two runs, unless something must."""


async def take_turns(
    ways: Mapping[str, Way],
    rounds: int = ROUNDS,
    *,
    warm_up: bool = not IS_TINY,
    between: Callable[[], Awaitable[object]] = nothing,
) -> Turns:
    """Run every way so many times, every other round backwards, after one run that is not counted."""
    turns: Turns = {name: [] for name in ways}
    if warm_up:
        for way in ways.values():
            await way()
            await between()
    for turn in range(rounds):
        order = list(ways) if turn % 2 == 0 else list(ways)[::-1]
        for name in order:
            turns[name].append(await ways[name]())
            await between()
        said = "  ".join(f"{name} {next(iter(turns[name][-1].values())):,.0f}" for name in ways)
        print(f"  round {turn + 1}: {said}", file=sys.stderr, flush=True)
    return turns


def line(
    what: str, unit: str, turns: Turns, figure: str, *, ours: str, theirs: str = "", neighbour: str = "",
    goals: Sequence[Goal] = (), why: str = "",
) -> Line:  # fmt: skip
    """One figure of one way, beside the same figure of its neighbour."""
    return Line(
        what=what,
        unit=unit,
        ours=[run[figure] for run in turns[ours]],
        neighbour=neighbour or theirs,
        theirs=[run[figure] for run in turns[theirs]] if theirs else [],
        goals=list(goals),
        why=why,
    )
