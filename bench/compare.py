"""Two sheets of the same bench, line by line: what the newer has gained or lost.

    python bench/compare.py before.json after.json [--bound 0.9]

Figures of different days or machines do not compare, but their ratios to the neighbour of the same run do: where both sheets
have a neighbour it is these that are compared. Exits with 1 when a line falls past the bound.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.sheet import Line, Sheet, read


class Change(msgspec.Struct, frozen=True):
    """One line in both sheets."""

    what: str
    before: float
    after: float
    is_ratio: bool
    is_less_better: bool

    @property
    def gain(self) -> float:
        """How many times as good the newer is."""
        return self.before / self.after if self.is_less_better else self.after / self.before


def changes(before: Sheet, after: Sheet) -> Iterator[Change]:
    """Every line that both have."""
    old = {line.what: line for line in before.lines}
    for new in after.lines:
        if new.what in old and old[new.what].value and new.value:
            yield _change(old[new.what], new)


def _change(old: Line, new: Line) -> Change:
    is_less_better = any(goal.at_most is not None for goal in new.goals)
    if old.ratio and new.ratio:
        return Change(new.what, old.ratio, new.ratio, is_ratio=True, is_less_better=is_less_better)
    return Change(new.what, old.value, new.value, is_ratio=False, is_less_better=is_less_better)


def main() -> int:
    """Print one line each."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("before", type=Path)
    options.add_argument("after", type=Path)
    options.add_argument("--bound", type=float, default=0.9, help="least gain of a line: 0.9 allows a tenth less")
    given = options.parse_args()
    before, after = read(given.before), read(given.after)
    if before.surroundings.machine != after.surroundings.machine:
        print("measured on different machines: only ratios to the neighbour say anything")
    found = list(changes(before, after))
    for change in found:
        what = "ratio" if change.is_ratio else "value"
        mark = "" if change.gain >= given.bound else "  PAST THE BOUND"
        print(f"{change.gain:5.2f} ×  {change.what}: {what} {change.before:.4g} → {change.after:.4g}{mark}")
    return 0 if found and all(change.gain >= given.bound for change in found) else 1


if __name__ == "__main__":
    raise SystemExit(main())
