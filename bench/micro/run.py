"""Every case of every module in this folder: a table here, everything in bench/results/micro.json.

    python bench/micro/run.py [--only fingerprint] [--check]

`BENCH_SCALE=tiny` measures so briefly that the figures only tell slow from broken.
"""

import argparse
import importlib
import pkgutil
import sys
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from bench import micro, sheet  # noqa: E402 - found only from the root
from bench.harness import NORMAL, Pace, Result, Target, measure  # noqa: E402
from bench.machine import IS_TINY, RESULTS, Surroundings, surroundings  # noqa: E402
from bench.sheet import Goal, Line  # noqa: E402

HEAD = ("case", "way", "one call", "spread", "rate", "core ×", "target")
BRIEF = Pace(sample_s=0.0003, case_s=0.1, rounds=(3, 15))
"""Enough for ratios that tell slow from broken."""
GATE = 0.25
"""Of a target against a rival: less than that is broken, however busy the machine is."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Every case in full."""

    surroundings: Surroundings
    results: dict[str, list[Result]]


def main() -> int:
    """Measure, print and write; with --check say by the exit code whether every target was met."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", action="append", help="a module of this folder; may be given more than once")
    options.add_argument("--check", action="store_true", help="exit with 1 when a target is missed")
    given = options.parse_args()
    modules = [name for _, name, _ in pkgutil.iter_modules(micro.__path__) if name != "run"]
    results = {}
    for name in given.only or modules:
        cases = importlib.import_module(f"bench.micro.{name}").cases()
        results[name] = [measure(case, BRIEF if IS_TINY else NORMAL) for case in cases]
        print(f"\n{name}\n{table(results[name])}", flush=True)
    write(results)
    missed = [target for some in results.values() for result in some for target in result.targets if not target.is_met]
    print(f"\n{len(missed)} targets missed" if missed else "\nevery target met")
    return 1 if missed and given.check else 0


def table(results: list[Result]) -> str:
    """One line for each way, under one head."""
    rows = [HEAD, *(row for result in results for row in rows_of(result))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        left = [text.ljust(width) for text, width in zip(row[:2], widths, strict=False)]
        right = [text.rjust(width) for text, width in zip(row[2:-1], widths[2:], strict=False)]
        lines.append("  ".join(["", *left, *right, row[-1]]).rstrip())
    return "\n".join(lines)


def rows_of(result: Result) -> list[tuple[str, ...]]:
    """The first way's line has the case's name and its own targets, a rival's line the target against it."""
    rows = []
    judged = next(iter(result.timings))
    against = {f"× {way}": way for way in result.timings}
    for way, timing in result.timings.items():
        targets = [show(target) for target in result.targets if against.get(target.what, judged) == way]
        is_judged = way == judged
        name, ratio = (result.name, "") if is_judged else ("", f"{timing.ratio:.2f}")
        rate = rate_of(result, timing.seconds)
        rows.append((name, way, duration(timing.seconds), f"±{timing.spread:.0%}", rate, ratio, ", ".join(targets)))
    return rows


def rate_of(result: Result, seconds: float) -> str:
    """Bytes in a second where they say something, else items."""
    if result.size:
        return f"{result.size / seconds / 1e6:,.0f} MB/s"
    return f"{result.items / seconds:,.0f} {result.unit}/s"


def show(target: Target) -> str:
    """A target with its mark."""
    sign, what = ("≤", "ms") if target.what == "ms" else ("≥", target.what.partition(" ")[0])
    return f"{sign} {target.wanted:,g}{'' if what == '×' else ' ' + what} {'✓' if target.is_met else '✗'}"


def duration(seconds: float) -> str:
    """Three digits and a unit."""
    for unit, factor in (("s", 1), ("ms", 1e3), ("µs", 1e6)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}" if seconds * factor < 1000 else f"{seconds * factor:.0f} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def write(results: dict[str, list[Result]]) -> None:
    """Figures that mean nothing do not take the place of others."""
    report = Report(surroundings=surroundings(), results=results)
    file = RESULTS / ("micro-tiny.json" if IS_TINY else "micro.json")
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1))
    sheet.write("micro/run", [line for some in results.values() for result in some for line in lines_of(result)])


def lines_of(result: Result) -> list[Line]:
    """The core beside the rival that comes closest to what it must be ahead of it."""
    against = [target for target in result.targets if target.what.startswith("× ")]
    if not against:
        return []
    target = min(against, key=lambda target: target.reached / target.wanted)
    rate = result.items / next(iter(result.timings.values())).seconds
    return [
        Line(
            what=result.name, unit=f"{result.unit}/s", ours=[rate], neighbour=target.what.removeprefix("× "),
            theirs=[rate / target.reached], goals=[Goal(at_least=target.wanted, gate=target.wanted * GATE)],
        )
    ]  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
