"""A server is known by its command line and its user."""

import os
import secrets
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.embedded.account import ourselves
from penstock.embedded.errors import EmbeddedError
from penstock.embedded.process import Identity, ServerProcess, run_once
from tests.servers import wait_for_command_line

# An argument that no other process has: these tests may run beside themselves, or after a run that was killed.
SECONDS = f"86399.{secrets.randbelow(10**9):09}"


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """Lend a process that does nothing."""
    with subprocess.Popen(["sleep", SECONDS, "0.5"]) as process:
        wait_for_command_line(process.pid)
        yield process
        process.kill()


def test_a_process_is_found_by_its_first_arguments(sleeper: subprocess.Popen[bytes]) -> None:
    """Program name, first arguments and user together name one process."""
    assert Identity(("sleep",), (SECONDS,), os.geteuid()).find() == sleeper.pid


@pytest.mark.parametrize(
    "other",
    [
        Identity(("postgres",), (SECONDS,), os.geteuid()),
        Identity(("sleep",), ("1",), os.geteuid()),
        Identity(("sleep",), (SECONDS,), os.geteuid() + 1),
    ],
    ids=["program", "arguments", "user"],
)
def test_a_process_that_differs_is_not_taken(sleeper: subprocess.Popen[bytes], other: Identity) -> None:
    """Another program, other arguments or another user are somebody else."""
    assert not other.matches(sleeper.pid)


def test_the_dead_are_not_found(sleeper: subprocess.Popen[bytes]) -> None:
    """Neither a zombie nor a pid that was given back counts as running."""
    identity = Identity(("sleep",), (SECONDS,), os.geteuid())
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert not identity.matches(sleeper.pid)
    sleeper.wait()
    assert not identity.matches(sleeper.pid)


def test_a_deaf_process_meets_the_next_signal() -> None:
    """The signals are tried in turn, each for its time."""
    deaf = subprocess.Popen(
        ["bash", "-c", "trap '' INT; echo ready; while :; do read -r -t 60 < /dev/fd/0; done"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert deaf.stdout is not None
    deaf.stdout.readline()
    server = ServerProcess(Identity(("bash",), (), os.geteuid()), deaf.pid, deaf)
    server.end([(signal.SIGINT, 0.05), (signal.SIGKILL, 5.0)])
    assert deaf.returncode == -signal.SIGKILL
    deaf.communicate()


def test_a_failing_program_is_one_line() -> None:
    """The exit code and the program's own complaint are in the message."""
    with pytest.raises(EmbeddedError, match=r"/bin/sh failed \(3\): initdb: error: no room"):
        run_once(["/bin/sh", "-c", "echo hello; echo 'initdb: error: no room'; exit 3"], ourselves())


def test_a_program_gets_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets in our environment do not reach the servers."""
    monkeypatch.setenv("MITTO_API_KEY", "synthetic")
    assert "MITTO" not in run_once(["/usr/bin/env"], ourselves())


def test_a_missing_program_is_one_line(tmp_path: Path) -> None:
    """A program that does not exist is named, with the platform."""
    with pytest.raises(EmbeddedError, match=r"cannot run .*/none as .* on Linux .*: No such file"):
        run_once([str(tmp_path / "none")], ourselves())
