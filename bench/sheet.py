"""What a bench leaves behind: a sheet of lines, each our figure beside its neighbour's, with the goals it is held to.

A sheet is a file of JSON in `bench/results`. It holds the samples as they were taken; medians, spreads and ratios are worked
out from them by whoever reads it (`run.py`, `render.py`, `compare.py`), so there is one truth.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Literal

import msgspec

from bench.machine import IS_TINY, RESULTS, Surroundings, surroundings


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """A bound that a line is held to."""

    of: Literal["ratio", "value"] = "ratio"
    """Of our figure through the neighbour's, or of our figure alone."""
    at_least: float | None = None
    at_most: float | None = None
    gate: float | None = None
    """A far looser bound on a ratio: past it the run fails, on a machine of any speed and with tiny counts too."""

    def is_met(self, reached: float) -> bool:
        """Whether the figure keeps the bound."""
        return (self.at_least is None or reached >= self.at_least) and (self.at_most is None or reached <= self.at_most)

    def is_past_gate(self, reached: float) -> bool:
        """Whether something is broken rather than slow."""
        if self.gate is None:
            return False
        return reached < self.gate if self.at_least is not None else reached > self.gate


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One thing measured; samples of both sides in the order they were taken, so that the n-th belong together."""

    what: str
    """As in "send, 1 in flight"."""
    unit: str
    """As in "msg/s"."""
    ours: list[float]
    neighbour: str = ""
    """The physical bound or the plain way beside us, as in "straight line in Python"; empty where there is none."""
    theirs: list[float] = []
    goals: list[Goal] = []
    why: str = ""
    """Where a goal is known to be missed: the reason."""

    @property
    def value(self) -> float:
        """Our median."""
        return median(self.ours)

    @property
    def spread(self) -> float:
        """Half the distance between our quartiles, as a part of the median."""
        ordered = sorted(self.ours)
        quarter = len(ordered) // 4
        return (ordered[-1 - quarter] - ordered[quarter]) / 2 / self.value if self.value else 0.0

    @property
    def ratios(self) -> list[float]:
        """Ours through theirs, pair by pair: the machine's speed drifts more between minutes than between neighbours."""
        return [own / other for own, other in zip(self.ours, self.theirs, strict=False) if other]

    @property
    def ratio(self) -> float | None:
        """The median of the pairs."""
        return median(self.ratios) if self.ratios else None

    def reached(self, goal: Goal) -> float:
        """The figure that a goal speaks of."""
        return self.value if goal.of == "value" or self.ratio is None else self.ratio


class Plot(msgspec.Struct, frozen=True, kw_only=True):
    """Curves over one quantity, for `render.py` to draw."""

    title: str
    x: str
    y: str
    curves: dict[str, list[tuple[float, float]]]


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one bench measured in one run."""

    bench: str
    """Its script under `bench`, without the ending: "flow/send"."""
    surroundings: Surroundings
    lines: list[Line]
    plots: list[Plot] = []
    notes: list[str] = []
    """What a reader of the figures must know, as "250,000 messages a run, 5 pairs"."""


def write(bench: str, lines: Sequence[Line], *, plots: Sequence[Plot] = (), notes: Sequence[str] = ()) -> Path:
    """Keep what was measured. Tiny counts have files of their own: their figures take no real one's place."""
    sheet = Sheet(bench=bench, surroundings=surroundings(), lines=list(lines), plots=list(plots), notes=list(notes))
    file = RESULTS / f"{bench.replace('/', '-')}{'-tiny' if IS_TINY else ''}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(sheet), indent=1) + b"\n")
    return file


def read(file: Path) -> Sheet:
    """A sheet from its file. Raises msgspec.DecodeError when it is none."""
    return msgspec.json.decode(file.read_bytes(), type=Sheet)


def read_all(*, tiny: bool) -> Iterator[Sheet]:
    """Every sheet in the results folder, of one scale: the whole gateway first, single functions last."""
    for file in sorted(RESULTS.glob("*.json"), key=lambda file: (file.name.startswith("micro"), file.name)):
        try:
            sheet = read(file)
        except msgspec.DecodeError:
            continue  # other programs' results lie there too
        if sheet.surroundings.is_tiny == tiny:
            yield sheet
