"""Every bench in turn, each in a process of its own, then everything they left on one page.

    python bench/run.py [--only flow/send] [--page]

A bench is a script in `bench/micro` (they share one, `run.py`), `bench/stage` or `bench/flow`; it is found by itself, runs
without options and leaves sheets in `bench/results`. Past a gate the run fails; a goal that is missed is only said.
`BENCH_SCALE=tiny` proves that they still run, and that no gate is passed.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import page, sheet
from bench.machine import IS_TINY, RESULTS, ROOT

HELPERS = {"stage/door_steps"}
"""Programs that a bench starts."""
ON_REQUEST = {"flow/scale"}
"""Too long for every run; tiny it still proves that it works."""


def benches() -> list[str]:
    """Their names: the script's path under `bench`, without the ending."""
    scripts = sorted(path for folder in ("stage", "flow") for path in (ROOT / "bench" / folder).glob("*.py"))
    names = ["micro/run", *(str(path.relative_to(ROOT / "bench").with_suffix("")) for path in scripts)]
    return [name for name in names if name not in HELPERS and (IS_TINY or name not in ON_REQUEST)]


def run(name: str) -> int:
    """One bench; its exit code."""
    print(f"== bench/{name}.py", flush=True)
    begun = time.monotonic()
    done = subprocess.run([sys.executable, str(ROOT / "bench" / f"{name}.py")], check=False, cwd=ROOT)  # noqa: S603 - our own scripts
    print(f"== {time.monotonic() - begun:.0f} s", flush=True)
    return done.returncode


def main() -> int:
    """Run them, print the page; the first failure ends the run."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", action="append", help="a bench by name; may be given more than once")
    options.add_argument("--page", action="store_true", help="run nothing, print what was found earlier")
    given = options.parse_args()
    for name in [] if given.page else given.only or benches():
        if code := run(name):
            print(f"bench/{name}.py failed")
            return code
    sheets = list(sheet.read_all(tiny=IS_TINY))
    print(f"\n{page.text(sheets)}\n\nThe same as JSON: {RESULTS}")
    broken = page.past_gates(sheets)
    for sentence in broken:
        print(f"GATE {sentence}")
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
