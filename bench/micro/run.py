"""Every case of every module in this folder: a table here, everything in bench/results/micro.json.

    python bench/micro/run.py [--only fingerprint] [--check]

`BENCH_SCALE=tiny` calls each way a few times only: it proves that the cases still run, and its figures mean nothing.
"""

import argparse
import importlib
import os
import pkgutil
import platform
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from bench import micro  # noqa: E402 - found only from the root
from bench.harness import NORMAL, TINY, Result, Target, measure  # noqa: E402

PACKAGES = ("orjson", "msgspec", "phonenumberslite", "penstock")
IS_TINY = os.environ.get("BENCH_SCALE") == "tiny"  # noqa: TID251 - started by hand or by make
HEAD = ("case", "way", "one call", "spread", "rate", "core ×", "target")


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a figure is worth nothing without, and the figures."""

    date: str
    machine: str
    cores: int
    system: str
    python: str
    packages: dict[str, str]
    commit: str
    is_tiny: bool
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
        results[name] = [measure(case, TINY if IS_TINY else NORMAL) for case in cases]
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
    report = Report(
        date=time.strftime("%Y-%m-%d"),
        machine=processor(),
        cores=os.cpu_count() or 0,
        system=platform.platform(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        packages={name: version(name) for name in PACKAGES},
        commit=commit(),
        is_tiny=IS_TINY,
        results=results,
    )
    file = ROOT / "bench" / "results" / ("micro-tiny.json" if IS_TINY else "micro.json")
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1))


def processor() -> str:
    """The processor's name and the flag that decides about SHA-256."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    return f"{next(iter(names), platform.machine())}, {'with' if 'sha_ni' in flags else 'without'} SHA instructions"


def commit() -> str:
    """Which state of the code was measured; a plus sign where files were changed since."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--abbrev=12", "--dirty=+"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    raise SystemExit(main())
