"""The life of a server, played by a program that only sleeps."""

import os
import secrets
import signal
import subprocess
from pathlib import Path
from typing import ClassVar

import pytest

from penstock.embedded import EmbeddedError
from penstock.embedded.account import Account, ourselves
from penstock.embedded.process import Identity, ServerProcess, start_server
from penstock.embedded.server import EmbeddedServer
from tests.servers import private_folder, wait_for_command_line

# An argument that no other process has: these tests may run beside themselves, or after a run that was killed.
SECONDS = f"86398.{secrets.randbelow(10**9):09}"


class Sleeper(EmbeddedServer):
    """A server that is ready as soon as the program runs, if it was launched from here."""

    title = "Sleeper"
    socket_name = "sleeper.sock"
    ending: ClassVar = ((signal.SIGTERM, 5.0),)
    address = "sleeper:"
    argv: tuple[str, ...] = ("/bin/sleep", SECONDS)
    launched: ServerProcess | None = None

    @staticmethod
    def _find_program(chosen: Path | None) -> Path:
        return chosen or Path("/bin/sleep")

    def _identity(self, account: Account) -> Identity:
        del account
        return Identity(("sleep",), (SECONDS,), os.geteuid())

    def _launch(self, account: Account) -> ServerProcess:
        with self.log.opened() as log:
            self.launched = start_server(self._identity(account), self.argv, ourselves(), log)
        return self.launched

    def _is_ready(self, pid: int) -> bool:
        """End whatever was not launched from here at the first question, as orphans do."""
        if self.launched is None:
            os.kill(pid, signal.SIGKILL)
            return False
        return self._identity(ourselves()).matches(pid)


def test_a_dying_orphan_is_not_the_server() -> None:
    """A newborn child of a killed server looks like it; once it is gone, a real one is launched."""
    with private_folder() as folder, subprocess.Popen(["sleep", SECONDS]) as orphan:
        server = Sleeper(folder / "sleeper")
        try:
            wait_for_command_line(orphan.pid)
            with server:
                assert server.launched
                assert server.pid == server.launched.pid != orphan.pid
                assert orphan.wait(timeout=5) == -signal.SIGKILL
        finally:
            orphan.kill()


def test_a_server_that_ends_at_once_is_one_clear_line() -> None:
    """What it wrote to its log is the reason given, and nobody owns the folder afterwards."""

    class Broken(Sleeper):
        argv = ("/bin/sh", "-c", "echo 'FATAL: no room'")

    with private_folder() as folder:
        server = Broken(folder / "sleeper")
        with pytest.raises(EmbeddedError, match="Sleeper ended at its start: FATAL: no room"):
            server.start()
        assert not server.is_owner


def test_a_passing_complaint_is_waited_out() -> None:
    """A reason that goes away by itself leads to another attempt, even if dying children had the last word."""

    class Patient(Sleeper):
        passing_complaint = "still in use"
        attempts = 0

        def _launch(self, account: Account) -> ServerProcess:
            self.attempts += 1
            self.argv = (
                ("/bin/sh", "-c", "echo 'FATAL: still in use'; echo 'FATAL: leaving'") if self.attempts == 1 else Sleeper.argv
            )
            return super()._launch(account)

    with private_folder() as folder, (server := Patient(folder / "sleeper")):
        assert server.attempts == 2
