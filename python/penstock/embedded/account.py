"""Which account of this machine runs the servers, and whether it can reach a folder.

Nothing here creates accounts or changes the modes of folders that others made.
"""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from penstock.embedded.errors import EmbeddedError

PREFERRED_ACCOUNTS = ("postgres", "nobody")
ROOT = 0


@dataclass(frozen=True, slots=True)
class Account:
    """The user and group ids under which a server runs."""

    name: str
    uid: int
    gid: int

    @property
    def is_other(self) -> bool:
        """Whether running as this account means giving up our own."""
        return self.uid != os.geteuid()


def ourselves() -> Account:
    """Return the account that this process runs as."""
    return Account(f"uid {os.geteuid()}", os.geteuid(), os.getegid())


def choose_account(data: Path) -> Account:
    """Ourselves as an ordinary user; as root the owner of existing data, else the first unprivileged account there is.

    Existing data decides, because a `postgres` account may appear (with a system package) after `nobody` made the data.
    """
    if os.geteuid() != ROOT:
        return ourselves()
    if data.is_dir() and (owner := data.stat()).st_uid != ROOT:
        return Account(f"uid {owner.st_uid}", owner.st_uid, owner.st_gid)
    for name in PREFERRED_ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise EmbeddedError(
        "PostgreSQL refuses to run as root and this machine has neither a 'postgres' nor a 'nobody' account: "
        "create one (useradd --system postgres) or start as an ordinary user"
    )


def require_reachable(folder: Path, account: Account) -> None:
    """Fail with one line if a folder on the way down to `folder` keeps the account out; those still to be made will not."""
    for step in (*reversed(folder.parents), folder):
        if step.exists() and not _may_enter(step.stat(), account):
            raise EmbeddedError(
                f"{step} is closed to the account '{account.name}' that runs the embedded servers: "
                "set PENSTOCK_DATA_DIR to a folder that others may enter, all the way down (mode o+x)"
            )


def _may_enter(folder: os.stat_result, account: Account) -> bool:
    """Read the mode bits as the kernel does; access lists are not read, so a folder opened only by one is refused."""
    if account.uid == ROOT:
        return True
    if folder.st_uid == account.uid:
        return bool(folder.st_mode & stat.S_IXUSR)
    if folder.st_gid == account.gid:
        return bool(folder.st_mode & stat.S_IXGRP)
    return bool(folder.st_mode & stat.S_IXOTH)
