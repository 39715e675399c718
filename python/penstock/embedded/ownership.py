"""Who may stop a server: the process that holds the lock of its folder.

The rule: whoever holds the lock owns the server, stops it in the end, and is at most one process at a time. Others share
the server and never stop it. The kernel frees the lock when its holder dies, however it dies; the server, a session of its
own, lives on, and the next start finds both, takes the lock and so becomes the owner. Who already shares it stays a guest.
"""

import fcntl
import os
from pathlib import Path


class OwnerLock:
    """An exclusive lock on one file, held from the start of a server to its stop."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._taker = 0

    @property
    def is_held(self) -> bool:
        """Whether this process took the lock; a forked child that merely inherited it did not."""
        return self._descriptor is not None and self._taker == os.getpid()

    def try_take(self) -> bool:
        """Take the lock now, or say that another process has it."""
        # Not inheritable (Python's default), so the server that we start does not keep the lock alive after us.
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor, self._taker = descriptor, os.getpid()
        return True

    def release(self) -> None:
        """Give the lock up; the file stays, for removing it would race with the next taker."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
