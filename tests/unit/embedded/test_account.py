"""Which account runs the servers."""

import os
from pathlib import Path

import pytest

from penstock.embedded import EmbeddedError, account


def test_an_ordinary_user_stays_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without root there is no account to change to."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert not account.choose_account(tmp_path).is_other


def test_root_takes_the_first_account_there_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Names that this machine does not know are passed over."""
    monkeypatch.setattr(os, "geteuid", lambda: account.ROOT)
    monkeypatch.setattr(account, "PREFERRED_ACCOUNTS", ("no-such-account", "nobody"))
    assert account.choose_account(tmp_path / "data").name == "nobody"


def test_root_alone_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where root finds no unprivileged account, the message says how to get one."""
    monkeypatch.setattr(os, "geteuid", lambda: account.ROOT)
    monkeypatch.setattr(account, "PREFERRED_ACCOUNTS", ("no-such-account",))
    with pytest.raises(EmbeddedError, match="useradd"):
        account.choose_account(tmp_path / "data")


def test_folders_still_to_be_made_are_no_obstacle(tmp_path: Path) -> None:
    """Only existing folders can keep an account out, and ours do not keep us out."""
    account.require_reachable(tmp_path / "not" / "yet", account.ourselves())


def test_the_closed_folder_is_named(tmp_path: Path) -> None:
    """The message names the first folder that keeps the account out, not the whole path."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    tmp_path.chmod(0o755)
    stranger = account.Account("stranger", 54321, 54321)
    with pytest.raises(EmbeddedError, match=r"is closed to the account 'stranger'.*PENSTOCK_DATA_DIR"):
        account.require_reachable(closed / "data", stranger)
