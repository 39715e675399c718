"""Whose request is being made, on the local disk: if that ends the process, the next start knows which batch it was.

Such a batch (memory that runs out, a crash in native code) leaves no trace in the database, because its claim is undone with
its process: without a mark every new start would choose it again, and nothing else would ever be sent. A mark of an innocent
batch, whose process was killed in these few milliseconds, costs it one of its tries.
"""

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from penstock.domain.ids import BatchId

_SUFFIX: Final = ".at-work"


class Marks:
    """One empty file a batch. A disk that takes none costs the net, not the batch."""

    def __init__(self, folder: Path) -> None:
        """`folder`: that of the spool, which it makes. Processes may share it."""
        self._folder = folder

    @contextmanager
    def at_work(self, batch_id: BatchId) -> Iterator[None]:
        """Leave a mark meanwhile."""
        with contextlib.suppress(OSError):
            self._path(batch_id).touch(mode=0o600)
        try:
            yield
        finally:
            self.forget(batch_id)

    def forget(self, batch_id: BatchId) -> None:
        """Take the mark away, if there is one."""
        with contextlib.suppress(OSError):
            self._path(batch_id).unlink(missing_ok=True)

    def left(self) -> list[BatchId]:
        """The batches whose marks are there: of processes that died, or that are at work now and hold their batch locked."""
        names = [entry.name.removesuffix(_SUFFIX) for entry in os.scandir(self._folder) if entry.name.endswith(_SUFFIX)]
        return sorted(BatchId(int(name)) for name in names if name.isascii() and name.isdigit())

    def _path(self, batch_id: BatchId) -> Path:
        return self._folder / f"{batch_id}{_SUFFIX}"
