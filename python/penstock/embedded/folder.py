"""Where the embedded servers keep what they own, and how such folders are made safely.

Not for reading the environment: the caller hands the mapping in.
"""

import contextlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from penstock.embedded.account import ROOT, Account
from penstock.embedded.errors import EmbeddedError

OURS_ALONE = 0o700
OTHERS_MAY_ENTER = 0o755


@dataclass(frozen=True, slots=True)
class DataFolder:
    """The root below which each embedded server has a folder of its own."""

    root: Path

    @classmethod
    def choose(cls, environment: Mapping[str, str], *, uid: int | None = None) -> "DataFolder":
        """Take PENSTOCK_DATA_DIR, else the system's place for root, else the user's data folder (XDG)."""
        if chosen := environment.get("PENSTOCK_DATA_DIR"):
            return cls(Path(os.path.realpath(chosen)))
        if (os.geteuid() if uid is None else uid) == ROOT:
            return cls(Path("/var/lib/penstock"))
        xdg = environment.get("XDG_DATA_HOME", "")
        if xdg.startswith("/"):  # the XDG rule: a relative path there counts as unset
            return cls(Path(xdg) / "penstock")
        if home := environment.get("HOME"):
            return cls(Path(home) / ".local" / "share" / "penstock")
        raise EmbeddedError("no place for the data: set PENSTOCK_DATA_DIR (HOME and XDG_DATA_HOME are not set)")

    @property
    def postgres(self) -> Path:
        """The folder to hand to EmbeddedPostgres."""
        return self.root / "postgres"

    @property
    def valkey(self) -> Path:
        """The folder to hand to EmbeddedValkey."""
        return self.root / "valkey"


def make_folder(folder: Path) -> None:
    """Create a folder of ours and its missing parents; an existing one must belong to us and keeps its mode.

    Root's folders are open for passing through, because the server below them runs as another account; what is
    private is one level further down, in folders of mode 0700 that belong to that account.
    """
    mode = OTHERS_MAY_ENTER if os.geteuid() == ROOT else OURS_ALONE
    for step in (*reversed(folder.parents), folder):
        _make_if_missing(step, mode)
    owner = folder.stat().st_uid
    if owner != os.geteuid():
        raise EmbeddedError(
            f"{folder} belongs to uid {owner}, not to uid {os.geteuid()}: "
            "start as that user or set PENSTOCK_DATA_DIR to another folder"
        )


def _make_if_missing(folder: Path, mode: int) -> None:
    if folder.is_dir():
        return
    try:
        folder.mkdir()
    except FileExistsError:  # another process was faster, or a file is in the way: the next step tells which
        return
    folder.chmod(mode)  # mkdir's own mode is cut by the umask


def make_private_folder(folder: Path, account: Account) -> None:
    """Create `folder`, or take over one of ours, with mode 0700 for the account; a link or anyone else's is refused."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=OURS_ALONE)
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise _refusal(folder) from error
    try:
        owner = os.fstat(descriptor).st_uid
        if owner not in {account.uid, os.geteuid()}:
            raise _refusal(folder)
        if owner != account.uid:
            os.fchown(descriptor, account.uid, account.gid)
        os.fchmod(descriptor, OURS_ALONE)
    finally:
        os.close(descriptor)


def require_private_folder(folder: Path, account: Account) -> None:
    """Refuse a folder that is a link, belongs to another user, or lets others in."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.uid or stat.S_IMODE(found.st_mode) != OURS_ALONE:
        raise _refusal(folder)


def _refusal(folder: Path) -> EmbeddedError:
    return EmbeddedError(
        f"{folder} exists but is not a private folder of ours: somebody else made it, remove it or find out who did"
    )
