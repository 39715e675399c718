"""Who owns an embedded server when several processes come and go: one at a time, and never nobody for good."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import penstock.embedded
from penstock.embedded import EmbeddedPostgres, EmbeddedValkey
from penstock.embedded.server import EmbeddedServer
from tests.servers import private_folder

KINDS = {"EmbeddedPostgres": EmbeddedPostgres, "EmbeddedValkey": EmbeddedValkey}
SOURCE = Path(penstock.embedded.__file__).parents[2]

CHILD = """
import sys
from pathlib import Path
import penstock.embedded
kind, folder, store = sys.argv[1:]
server = getattr(penstock.embedded, kind)(Path(folder), store=Path(store))
server.start()
print(server.pid, server.is_owner, flush=True)
sys.stdin.readline()
server.stop()
"""


class Starter:
    """Another process that starts the server, says what it got, and stops it when told to."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def answer(self) -> tuple[int, bool]:
        """Wait until its start returned: the server's pid and whether it owns it."""
        assert self._process.stdout is not None
        pid, is_owner = self._process.stdout.readline().split()
        return int(pid), is_owner == "True"

    def finish(self) -> int:
        """Let it stop the server and end; returns its exit code."""
        self._process.communicate("\n", timeout=60)
        return self._process.returncode

    def kill(self) -> None:
        """Take it away without any chance to clean up."""
        self._process.kill()
        self._process.communicate(timeout=60)


@contextmanager
def starter(server: EmbeddedServer, store: Path) -> Iterator[Starter]:
    """Run a child process that starts the same server."""
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, type(server).__name__, str(server.folder), str(store)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": os.pathsep.join([str(SOURCE), *sys.path])},
    )
    child = Starter(process)
    try:
        yield child
    finally:
        if process.poll() is None:
            child.kill()


@pytest.fixture(scope="module")
def store() -> Iterator[Path]:
    """One copy of the programs for all tests of this file."""
    with private_folder() as folder:
        yield folder


@pytest.fixture(params=sorted(KINDS))
def server(request: pytest.FixtureRequest, store: Path) -> Iterator[EmbeddedServer]:
    """Lend a server of each kind; whoever is left in the end is adopted and stopped."""
    with private_folder() as folder:
        server = KINDS[request.param](folder / "server", store=store)
        yield server
        if not server.is_owner and server.folder.exists():
            server.start()
        server.stop()


def is_running(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except FileNotFoundError:
        return False


def test_a_server_outlives_a_killed_owner_and_is_adopted(server: EmbeddedServer, store: Path) -> None:
    """After `kill -9` of its owner the same server runs on; the next start owns it, and its stop ends it."""
    with starter(server, store) as first:
        pid, is_owner = first.answer()
        assert is_owner
        first.kill()
    assert is_running(pid)
    server.start()
    assert (server.pid, server.is_owner) == (pid, True)
    server.stop()
    assert not is_running(pid)


def test_a_second_process_shares_and_does_not_stop(server: EmbeddedServer, store: Path) -> None:
    """While its owner lives, others get the same server, and their stop leaves it running."""
    server.start()
    with starter(server, store) as guest:
        assert guest.answer() == (server.pid, False)
        assert guest.finish() == 0
    assert server.pid
    assert is_running(server.pid)


def test_two_processes_starting_at_once_get_one_server(server: EmbeddedServer, store: Path) -> None:
    """Of two simultaneous first starts exactly one initialises and owns; both get the same server."""
    with starter(server, store) as one, starter(server, store) as two:
        (pid_one, owner_one), (pid_two, owner_two) = one.answer(), two.answer()
        assert pid_one == pid_two
        assert owner_one != owner_two
        guest, owner = (one, two) if owner_two else (two, one)
        assert guest.finish() == 0
        assert is_running(pid_one)
        assert owner.finish() == 0
    assert not is_running(pid_one)


def test_a_killed_server_is_replaced(server: EmbeddedServer) -> None:
    """A server that died by SIGKILL, leaving its socket and its files, is started anew."""
    server.start()
    killed = server.pid or 0
    os.kill(killed, signal.SIGKILL)
    server.stop()
    server.start()
    assert server.pid
    assert server.pid != killed
    assert is_running(server.pid)


def test_a_forked_child_does_not_own(server: EmbeddedServer) -> None:
    """A worker forked from the owner leaves the server alone when it stops."""
    server.start()
    pid = os.fork()
    if pid == 0:
        server.stop()
        os._exit(0)
    os.waitpid(pid, 0)
    assert server.pid
    assert is_running(server.pid)
