import errno
from pathlib import Path

import pytest

from penstock.dispatch.spool import Spool
from penstock.domain.ids import AttemptId
from penstock.lifecycle import StartError
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
    assert list(Spool(folder).answers()) == sorted([(first, b"one"), (second, b"two")])


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
    assert list(spool.answers()) == [(attempt_id, b"second")]


def test_nobody_else_may_read_answers(folder: Path) -> None:
    """The folder is closed to other accounts."""
    Spool(folder)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_an_answer_that_vanishes_meanwhile_is_passed_over(folder: Path) -> None:
    """A living process that shares the folder may drop its answer while another one reads: the others are still read."""
    spool, living = Spool(folder), Spool(folder)
    first, second, third = sorted(AttemptId(new_id()) for _ in range(3))
    for attempt_id in (first, second, third):
        living.put(attempt_id, b"x")
    seen = []
    for attempt_id, _ in spool.answers():
        seen.append(attempt_id)
        if attempt_id == first:
            living.drop(second)
            living.drop(first)
            spool.set_aside(attempt_id)
    assert seen == [first, third]


def test_an_answer_with_a_foreign_name_is_set_aside(folder: Path) -> None:
    """A file that is called an answer and names no attempt is kept for people, and stops no other answer."""
    spool, attempt_id = Spool(folder), AttemptId(new_id())
    (folder / "notes.answer").write_bytes(b"x")
    spool.put(attempt_id, b"answer")
    assert list(spool.answers()) == [(attempt_id, b"answer")]
    assert sorted(path.name for path in folder.iterdir()) == sorted([f"{attempt_id}.answer", "notes.answer.set-aside"])
    assert (folder / "notes.answer.set-aside").read_bytes() == b"x"


def test_what_was_set_aside_is_not_looked_at_again(folder: Path) -> None:
    """It keeps its bytes under another name, also for the next process."""
    spool, attempt_id = Spool(folder), AttemptId(new_id())
    spool.put(attempt_id, b"answer")
    spool.set_aside(attempt_id)
    assert list(Spool(folder).answers()) == []
    assert (folder / f"{attempt_id}.answer.set-aside").read_bytes() == b"answer"


def refuse_writing(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """Let every write end with this error."""

    def fail(*_: object) -> int:
        raise OSError(code, "no")

    monkeypatch.setattr(Path, "write_bytes", fail)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
def test_a_full_disk_raises_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """An answer that cannot be kept is simply not there: whoever received it still settles it."""
    spool, attempt_id = Spool(folder), AttemptId(new_id())
    refuse_writing(monkeypatch, code)
    spool.put(attempt_id, b"answer")
    spool.drop(attempt_id)
    assert list(spool.answers()) == []


def test_a_folder_that_cannot_be_written_stops_the_start(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read-only disk is told in one line that names the folder and the setting, before anything is sent."""
    refuse_writing(monkeypatch, errno.EROFS)
    with pytest.raises(StartError, match="PENSTOCK_DATA_DIR") as raised:
        Spool(folder)
    assert str(folder) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_in_the_folders_place_stops_the_start(tmp_path: Path) -> None:
    """A path that is no folder is the same mistake."""
    (tmp_path / "spool").write_bytes(b"")
    with pytest.raises(StartError):
        Spool(tmp_path / "spool")


def test_the_probe_leaves_nothing_behind(folder: Path) -> None:
    """Whether the folder can be written is tried without a trace."""
    Spool(folder)
    assert list(folder.iterdir()) == []
