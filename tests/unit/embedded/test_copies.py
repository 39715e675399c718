"""The copy of the programs that another account can run."""

import os
from pathlib import Path

import pytest

from penstock.embedded.account import Account, ourselves
from penstock.embedded.binaries import Wheel
from penstock.embedded.copies import readable_program

OTHER = Account("somebody", os.geteuid() + 1, os.getegid())


@pytest.fixture
def wheel(tmp_path: Path) -> Wheel:
    """Lay out an installed wheel as an install under umask 077 leaves it: closed to others."""
    for name in ("pg/root/bin/postgres", "pg/root/lib/libpq.a", "pg.libs/libpq.so"):
        path = tmp_path / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_text(name)
        path.chmod(0o700 if "bin" in name else 0o600)
    return Wheel("pg-1.0", tmp_path / "site", ("pg/root", "pg.libs"), Path("pg/root/bin/postgres"))


def test_the_copy_is_whole_and_open(wheel: Wheel, tmp_path: Path) -> None:
    """Program and sibling libraries keep their places, others may read them, and what no server needs stays out."""
    program = readable_program(wheel, OTHER, tmp_path / "store")
    assert program == tmp_path / "store/pg-1.0/pg/root/bin/postgres"
    assert program.stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "store/pg-1.0/pg.libs/libpq.so").stat().st_mode & 0o777 == 0o644
    assert not (tmp_path / "store/pg-1.0/pg/root/lib/libpq.a").exists()


def test_a_copy_is_made_once(wheel: Wheel, tmp_path: Path) -> None:
    """An existing copy of this version is used as it is, and no drafts are left."""
    first = readable_program(wheel, OTHER, tmp_path / "store")
    first.write_text("unchanged")
    assert readable_program(wheel, OTHER, tmp_path / "store").read_text() == "unchanged"
    assert [path.name for path in (tmp_path / "store").iterdir()] == ["pg-1.0"]


def test_our_own_account_runs_the_wheel_in_place(wheel: Wheel, tmp_path: Path) -> None:
    """Without an account to change to, nothing is copied."""
    assert readable_program(wheel, ourselves(), tmp_path / "store") == wheel.path
    assert not (tmp_path / "store").exists()
