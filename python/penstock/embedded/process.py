"""Starting a program as an account, finding it again, and ending it within a deadline.

A server is known by its command line and its user id, not by a pid file: pids are used again, files go stale or come late.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from penstock.embedded.account import Account
from penstock.embedded.errors import EmbeddedError

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}  # nothing of ours: no secrets, no PG* variables
TICK_S = 0.005


@dataclass(frozen=True, slots=True)
class Identity:
    """What a server's command line begins with, and whose process it is."""

    programs: tuple[str, ...]
    arguments: tuple[str, ...]
    uid: int

    def matches(self, pid: int) -> bool:
        """Whether `pid` is a living process with this command line and user; a zombie has no command line."""
        process = Path("/proc") / str(pid)
        try:
            words = process.joinpath("cmdline").read_bytes().split(b"\0")
            owner = process.stat().st_uid
        except OSError:
            return False
        expected = [os.fsencode(word) for word in self.arguments]
        return (
            owner == self.uid and Path(os.fsdecode(words[0])).name in self.programs and words[1 : len(expected) + 1] == expected
        )

    def find(self) -> int | None:
        """Return the pid of the living server. A child it has just forked looks the same for a moment, so the parent counts."""
        pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        found = {pid for pid in pids if self.matches(pid)}
        return next((pid for pid in sorted(found) if _parent_of(pid) not in found), None)


class ServerProcess:
    """A running server: our child, or one that an earlier process of ours left behind."""

    def __init__(self, identity: Identity, pid: int, child: subprocess.Popen[bytes] | None = None) -> None:
        self.pid = pid
        self._identity = identity
        self._child = child

    @property
    def is_child(self) -> bool:
        """Whether this process launched it."""
        return self._child is not None

    def is_alive(self) -> bool:
        """Whether it still runs; reaps it if it is our child."""
        return self._identity.matches(self.pid) if self._child is None else self._child.poll() is None

    def end(self, steps: Sequence[tuple[signal.Signals, float]]) -> None:
        """Send each signal in turn and wait its seconds, until the server is gone."""
        for signal_number, patience_s in steps:
            if not self.is_alive():
                return
            with contextlib.suppress(ProcessLookupError):  # an adopted server may end between the two lines
                os.kill(self.pid, signal_number)
            deadline = time.monotonic() + patience_s
            while self.is_alive() and time.monotonic() < deadline:
                time.sleep(TICK_S)
        if self.is_alive():
            raise EmbeddedError(f"{self._identity.programs[0]} (pid {self.pid}) does not end, not even on {steps[-1][0].name}")


def start_server(identity: Identity, argv: Sequence[str], account: Account, log: int) -> ServerProcess:
    """Start a server in a session of its own, so that Ctrl-C reaches us first and we decide how it ends."""
    other = account.is_other
    try:
        child = subprocess.Popen(  # noqa: S603 -- our own argument list, no shell
            argv,
            cwd="/",
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            umask=0o077,
            user=account.uid if other else None,
            group=account.gid if other else None,
            extra_groups=[] if other else None,
        )
    except OSError as error:
        raise cannot_run(argv[0], account, error) from error
    return ServerProcess(identity, child.pid, child)


def run_once(argv: Sequence[str], account: Account, *, stdin: str = "", deadline_s: float = 120.0) -> str:
    """Run a program to its end as the account and return its output; anything but success is one line."""
    other = account.is_other
    try:
        done = subprocess.run(  # noqa: S603 -- our own argument list, no shell
            argv,
            cwd="/",
            env=ENVIRONMENT,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=deadline_s,
            check=False,
            umask=0o077,
            user=account.uid if other else None,
            group=account.gid if other else None,
            extra_groups=[] if other else None,
        )
    except OSError as error:
        raise cannot_run(argv[0], account, error) from error
    except subprocess.TimeoutExpired as error:
        raise EmbeddedError(f"{argv[0]} did not finish within {deadline_s:.0f} s") from error
    if done.returncode != 0:
        raise EmbeddedError(f"{argv[0]} failed ({done.returncode}): {_reason(done.stdout)}")
    return done.stdout


def cannot_run(program: str, account: Account, error: OSError) -> EmbeddedError:
    """Say in one line that a program does not even begin."""
    platform = f"{os.uname().sysname} {os.uname().machine}"
    return EmbeddedError(f"cannot run {program} as '{account.name}' on {platform}: {error.strerror or error}")


def _parent_of(pid: int) -> int:
    try:
        status = (Path("/proc") / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return 0
    return int(status.rpartition(")")[2].split()[1])


def _reason(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()]
    complaints = [line for line in lines if "error:" in line.lower() or "fatal:" in line.lower()]
    return (complaints or lines or ["no output"])[-1]
