"""Every bench in turn, each in a process of its own. `BENCH_SCALE=tiny` only proves that they still run."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SCALE = os.environ.get("BENCH_SCALE", "normal")  # noqa: TID251 - started by hand or by make

BENCHES = (
    ("micro/run.py",),
    ("flow/send.py",),
    ("stage/front_door.py",),
    ("stage/limiter.py", *(["--seconds", "0.02", "--rounds", "1"] if SCALE == "tiny" else [])),
    ("stage/upload.py", *(["--rows", "50000"] if SCALE == "tiny" else ["--durable"])),
)


def main() -> int:
    """Run them all; the first failure ends the run."""
    for script, *options in BENCHES:
        print(f"== bench/{script}", flush=True)
        code = subprocess.run([sys.executable, str(HERE / script), *options], check=False, cwd=HERE.parent).returncode  # noqa: S603 - our own scripts
        if code:
            return code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
