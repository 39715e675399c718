from pathlib import Path

import pytest

from penstock.dispatch.spool import Spool
from penstock.domain.ids import AttemptId
from tests.builders import new_id


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that does not exist yet."""
    return tmp_path / "data" / "spool"


def test_answers_outlive_the_process(folder: Path) -> None:
    """What one process put is what the next one finds, in the order of the attempts."""
    first, second = AttemptId(new_id()), AttemptId(new_id())
    Spool(folder).put(second, b"two")
    Spool(folder).put(first, b"one")
    assert list(Spool(folder).answers()) == sorted([(f"{first}.answer", first, b"one"), (f"{second}.answer", second, b"two")])


def test_a_dropped_answer_is_gone(folder: Path) -> None:
    """What is in the database is forgotten here, and forgetting twice is harmless."""
    spool, attempt_id = Spool(folder), AttemptId(new_id())
    spool.put(attempt_id, b"answer")
    spool.drop(attempt_id)
    spool.drop(attempt_id)
    assert list(spool.answers()) == []


def test_half_written_and_foreign_files_are_passed_over(folder: Path) -> None:
    """An answer is visible whole or not at all, and other files are nobody's answer."""
    spool = Spool(folder)
    (folder / f"{new_id()}.partial").write_bytes(b"ha")
    (folder / "notes.txt").write_bytes(b"x")
    assert list(spool.answers()) == []


def test_a_repeated_answer_replaces_the_first(folder: Path) -> None:
    """Putting an answer again leaves one file with the last bytes."""
    spool, attempt_id = Spool(folder), AttemptId(new_id())
    spool.put(attempt_id, b"first")
    spool.put(attempt_id, b"second")
    assert list(spool.answers()) == [(f"{attempt_id}.answer", attempt_id, b"second")]


def test_nobody_else_may_read_answers(folder: Path) -> None:
    """The folder is closed to other accounts."""
    Spool(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
