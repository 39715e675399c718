"""The log of one server: a single file that the server appends to, kept from growing for ever.

Not a reader of logs: only the last complaint is ever looked up, to say why a server did not start.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

LARGEST_BYTES = 8 * 1024 * 1024
TAIL_BYTES = 64 * 1024


class LogFile:
    """A file opened for appending, whose older half is one file `….1`: together never much more than twice the bound."""

    def __init__(self, path: Path, *, largest_bytes: int = LARGEST_BYTES) -> None:
        self.path = path
        self._largest_bytes = largest_bytes

    @contextlib.contextmanager
    def opened(self) -> Iterator[int]:
        """Lend a descriptor for a child's output; opened by us, so that the server's account cannot replace the file."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def bound(self) -> None:
        """Copy a log that grew too large aside and empty it; safe while the server writes, because it appends."""
        if self.size() <= self._largest_bytes:
            return
        shutil.copyfile(self.path, self.path.with_name(f"{self.path.name}.1"), follow_symlinks=False)
        os.truncate(self.path, 0)

    def size(self) -> int:
        """Bytes now; 0 where there is no log yet."""
        return self.path.stat().st_size if self.path.exists() else 0

    def last_complaint(self, since: int) -> str:
        """Return the last line after offset `since` that names an error, else the last line, else a few words."""
        lines = [line.strip() for line in self._read(since).splitlines() if line.strip()]
        complaints = [line for line in lines if any(word in line for word in ("FATAL", "PANIC", "ERROR", "Error"))]
        return (complaints or lines or ["it wrote nothing to its log"])[-1]

    def says(self, words: str, since: int) -> bool:
        """Whether these words were written after offset `since`, not only in the last line: dying children write too."""
        return words in self._read(since)

    def _read(self, since: int) -> str:
        with self.path.open("rb") as log:
            log.seek(max(since, self.size() - TAIL_BYTES))
            return log.read().decode("utf-8", "replace")
