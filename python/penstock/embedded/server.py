"""The life of one embedded server, the same for both kinds: take the lock, adopt or launch, await readiness, stop.

Not for what a kind of server needs to begin: that is in `postgres.py` and `valkey.py`.
"""

import contextlib
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from signal import Signals
from types import TracebackType
from typing import ClassVar

from penstock.embedded.account import Account, choose_account, ourselves, require_reachable
from penstock.embedded.binaries import Wheel, read_version
from penstock.embedded.copies import readable_program
from penstock.embedded.errors import EmbeddedError
from penstock.embedded.folder import make_folder, make_private_folder, require_private_folder
from penstock.embedded.logfile import LogFile
from penstock.embedded.ownership import OwnerLock
from penstock.embedded.process import TICK_S, Identity, ServerProcess
from penstock.embedded.sockets import choose_socket_folder


class EmbeddedServer(ABC):
    """One server for one folder; every call is synchronous and short, so asyncio may use `to_thread`."""

    title: ClassVar[str]
    socket_name: ClassVar[str]
    ending: ClassVar[tuple[tuple[Signals, float], ...]]
    passing_complaint: ClassVar[str | None] = None  # a reason to die at start that goes away by itself

    def __init__(
        self,
        folder: Path,
        *,
        binaries: Path | None = None,
        settings: Mapping[str, str] | None = None,
        store: Path | None = None,
        patience_s: float = 120.0,
    ) -> None:
        """Name the folder; `store` holds copies of the programs (root only), `patience_s` bounds a start with recovery."""
        self.folder = Path(os.path.realpath(folder))
        self.data = self.folder / "data"
        self.socket_folder = choose_socket_folder(self.folder, self.socket_name)
        self.log = LogFile(self.folder / "server.log")
        self._binaries = binaries
        self._settings = dict(settings or {})
        self._store = store or self.folder.parent / "binaries"
        self._patience_s = patience_s
        self._lock = OwnerLock(self.folder / "owner.lock")
        self._process: ServerProcess | None = None

    @property
    @abstractmethod
    def address(self) -> str:
        """The URL under which clients reach the server."""

    @property
    def pid(self) -> int | None:
        """The server's process id between start and stop."""
        return self._process.pid if self._process else None

    @property
    def version(self) -> str:
        """The version of the program that a start would use, such as `18.6`."""
        found = self._find_program(self._binaries)
        return read_version(found.path if isinstance(found, Wheel) else found, ourselves())

    @property
    def is_owner(self) -> bool:
        """Whether our stop ends the server; False while another living process owns it."""
        return self._lock.is_held

    def start(self) -> str:
        """Return the address of a ready server: ours, one left behind that we adopt, or another process's that we share."""
        if self.is_owner:
            return self.address
        if os.uname().sysname != "Linux":
            raise EmbeddedError(
                f"the embedded {self.title} needs Linux, this is {os.uname().sysname}: set the URL of a server of yours"
            )
        try:
            self._take_or_share()
        except OSError as error:
            raise EmbeddedError(f"cannot start {self.title} in {self.folder}: {error}") from error
        return self.address

    def stop(self) -> None:
        """End the server if we own it, within a deadline; otherwise leave it alone. May be called twice."""
        process, self._process = self._process, None
        if not self.is_owner:
            return
        try:
            if process:
                process.end(self.ending)
                self._tidy()
        finally:
            self._lock.release()

    def _tidy(self) -> None:
        self.log.bound()
        if self.socket_folder.parent != self.folder:
            with contextlib.suppress(OSError):  # it may be gone, or hold what is not ours
                self.socket_folder.rmdir()

    def __enter__(self) -> str:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _take_or_share(self) -> None:
        account = choose_account(self.data)
        require_reachable(self.folder, account)
        make_folder(self.folder)
        deadline = time.monotonic() + self._patience_s
        while not self._lock.try_take():
            if self._share(account):
                return
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"another process holds {self.folder}/owner.lock, but its {self.title} does not become ready"
                )
            time.sleep(4 * TICK_S)
        try:
            self._adopt_or_launch(account, deadline)
        except BaseException:
            self.stop()
            raise

    def _share(self, account: Account) -> bool:
        identity = self._identity(account)
        pid = identity.find()
        if pid is None or not self._is_ready(pid):
            return False
        require_private_folder(self.socket_folder, account)
        self._process = ServerProcess(identity, pid)
        return True

    def _adopt_or_launch(self, account: Account, deadline: float) -> None:
        make_private_folder(self.socket_folder, account)
        self.log.bound()
        identity = self._identity(account)
        pid, written = identity.find(), self.log.size()
        self._process = ServerProcess(identity, pid) if pid else self._launch(account)
        while not self._is_ready(self._process.pid):
            is_late = time.monotonic() > deadline
            if not self._process.is_alive():
                # What we found and did not launch may have been a newborn child of a killed server: it dies, and we launch.
                if self._process.is_child:
                    self._wait_or_explain(written, is_late=is_late)
                written = self.log.size()
                self._process = self._launch(account)
            elif is_late:
                raise EmbeddedError(f"{self.title} is not ready after {self._patience_s:.0f} s (log: {self.log.path})")
            time.sleep(TICK_S)

    def _wait_or_explain(self, written: int, *, is_late: bool) -> None:
        if is_late or not self.passing_complaint or not self.log.says(self.passing_complaint, written):
            complaint = self.log.last_complaint(written)
            raise EmbeddedError(f"{self.title} ended at its start: {complaint} (log: {self.log.path})")
        time.sleep(20 * TICK_S)

    def _program(self, account: Account) -> Path:
        return readable_program(self._find_program(self._binaries), account, self._store)

    @staticmethod
    @abstractmethod
    def _find_program(chosen: Path | None) -> Wheel | Path:
        """Where the server's program is installed."""

    @abstractmethod
    def _identity(self, account: Account) -> Identity:
        """How this folder's server is recognised among all processes."""

    @abstractmethod
    def _launch(self, account: Account) -> ServerProcess:
        """Prepare the data if needed and start the server; called by the owner only."""

    @abstractmethod
    def _is_ready(self, pid: int) -> bool:
        """Whether that process answers clients now."""
