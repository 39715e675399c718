"""Answers on local disk until they are in the database: what survives a crash between the two.

Written without fsync: it outlives the process, which is what dies; after a power loss the attempt ends as unknown instead.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from uuid import UUID

import structlog

from penstock.domain.ids import AttemptId
from penstock.lifecycle import StartError

log = structlog.stdlib.get_logger(__name__)

_SUFFIX: Final = ".answer"


class Spool:
    """One file an answer, named after its attempt. Processes may share the folder: whoever settles an answer drops it."""

    def __init__(self, folder: Path) -> None:
        """Raises StartError when nothing can be written there."""
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            probe = folder / f".probe-{os.getpid()}"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise StartError(f"{folder} cannot be written ({error.strerror}): set PENSTOCK_DATA_DIR") from error
        self._folder = folder

    def put(self, attempt_id: AttemptId, answer: bytes) -> None:
        """Keep an answer; visible whole or not at all. A disk that fails costs the net, not the answer: that is settled."""
        path = self._path(attempt_id)
        partial = path.with_suffix(".partial")
        try:
            partial.write_bytes(answer)
            partial.rename(path)
        except OSError as error:
            log.error("answer_not_spooled", reason=error.strerror)  # noqa: TRY400 - the disk is at fault

    def drop(self, attempt_id: AttemptId) -> None:
        """It is in the database. A file that stays is settled again at the next start, which changes nothing."""
        with contextlib.suppress(OSError):
            self._path(attempt_id).unlink(missing_ok=True)

    def set_aside(self, attempt_id: AttemptId) -> None:
        """It cannot be used here: kept for people, never looked at again."""
        self._set_aside(self._path(attempt_id).name)

    def answers(self) -> Iterator[tuple[AttemptId, bytes]]:
        """What earlier processes left behind: attempt, answer."""
        for name in sorted(entry.name for entry in os.scandir(self._folder) if entry.name.endswith(_SUFFIX)):
            attempt_id = _attempt_id(name)
            if attempt_id is None:
                self._set_aside(name)
                continue
            # A living process that shares the folder may have settled and dropped it meanwhile.
            with contextlib.suppress(FileNotFoundError):
                yield attempt_id, (self._folder / name).read_bytes()

    def _set_aside(self, name: str) -> None:
        with contextlib.suppress(OSError):
            (self._folder / name).rename(self._folder / f"{name}.set-aside")

    def _path(self, attempt_id: AttemptId) -> Path:
        return self._folder / f"{attempt_id}{_SUFFIX}"


def _attempt_id(name: str) -> AttemptId | None:
    stem = name.removesuffix(_SUFFIX)
    try:
        attempt_id = UUID(stem)
    except ValueError:
        return None
    return AttemptId(attempt_id) if str(attempt_id) == stem else None
