"""Answers on local disk until they are in the database: what survives a crash between the two.

Written without fsync: it outlives the process, which is what dies; after a power loss the attempt ends as unknown instead.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from uuid import UUID

from penstock.domain.ids import AttemptId

_SUFFIX: Final = ".answer"


class Spool:
    """One file an answer, named after its attempt."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder

    def put(self, attempt_id: AttemptId, answer: bytes) -> None:
        """Keep an answer; visible whole or not at all."""
        path = self._path(attempt_id)
        partial = path.with_suffix(".partial")
        partial.write_bytes(answer)
        partial.rename(path)

    def drop(self, attempt_id: AttemptId) -> None:
        """It is in the database."""
        self._path(attempt_id).unlink(missing_ok=True)

    def set_aside(self, attempt_id: AttemptId) -> None:
        """It cannot be read: kept for people, never looked at again. Its attempt ends as unknown."""
        path = self._path(attempt_id)
        path.rename(path.with_suffix(".damaged"))

    def answers(self) -> Iterator[tuple[AttemptId, bytes]]:
        """What earlier processes left behind."""
        for entry in sorted(os.scandir(self._folder), key=lambda entry: entry.name):
            if entry.name.endswith(_SUFFIX):
                yield AttemptId(UUID(entry.name.removesuffix(_SUFFIX))), Path(entry.path).read_bytes()

    def _path(self, attempt_id: AttemptId) -> Path:
        return self._folder / f"{attempt_id}{_SUFFIX}"
