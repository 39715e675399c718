"""The lock that decides who owns a server."""

from pathlib import Path

from penstock.embedded.ownership import OwnerLock


def test_only_one_holds_it(tmp_path: Path) -> None:
    """A second taker is turned away until the first lets go."""
    first, second = OwnerLock(tmp_path / "owner.lock"), OwnerLock(tmp_path / "owner.lock")
    assert first.try_take()
    assert not second.try_take()
    first.release()
    assert second.try_take()
    assert (first.is_held, second.is_held) == (False, True)
    second.release()


def test_releasing_twice_is_harmless(tmp_path: Path) -> None:
    """A lock that is not held may be released."""
    lock = OwnerLock(tmp_path / "owner.lock")
    lock.release()
    lock.release()
    assert not lock.is_held
