"""The data folder of PostgreSQL: made once and whole, checked before each start.

Not for the schema: that is the store's. Here end two roles, an empty database and the rule who may connect.
"""

import os
import shutil
from pathlib import Path

from penstock.embedded.account import Account
from penstock.embedded.binaries import read_version
from penstock.embedded.errors import EmbeddedError
from penstock.embedded.folder import make_private_folder
from penstock.embedded.process import Identity, run_once

SUPERUSER = "postgres"
NAME = "penstock"  # of the role and of its database
API_ROLE = "penstock_api"  # the gateway serves its callers as this one; it could not make it itself
NO_SUCH_PID = 2**31 - 1  # beyond the kernel's largest


def ensure_cluster(data: Path, postgres: Path, account: Account, *, durable: bool) -> None:
    """Make the cluster if there is none; refuse one that these programs cannot open."""
    if not data.exists() or not any(data.iterdir()):
        _make_cluster(data, postgres, account, durable=durable)
        return
    stamp = data / "PG_VERSION"
    if not stamp.is_file():
        raise EmbeddedError(f"{data} is neither empty nor a PostgreSQL data folder: move it away or set PENSTOCK_DATA_DIR")
    made_by, ours = stamp.read_text(encoding="ascii").strip(), read_version(postgres, account)
    if made_by != ours.split(".")[0]:
        raise EmbeddedError(
            f"{data} was made by PostgreSQL {made_by}, but {postgres} is {ours}: "
            f"use programs of version {made_by}, or dump there and restore here"
        )


def _make_cluster(data: Path, postgres: Path, account: Account, *, durable: bool) -> None:
    """Build beside the target and rename, so that a start which was cut off leaves nothing that looks finished.

    Clients of the private socket are trusted: its folder has mode 0700, so only the server's own account and root get to
    it, and both could read the data files anyway. `peer` would add nothing and fail for a uid without a name, which is
    what containers often run as.
    """
    draft = data.with_name(f"{data.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    make_private_folder(draft, account)
    initdb = [str(postgres.with_name("initdb")), f"--pgdata={draft}", f"--username={SUPERUSER}", "--no-instructions"]
    access = ["--auth-local=trust", "--auth-host=reject", "--locale=C.UTF-8", "--encoding=UTF8"]
    run_once([*initdb, *access, *([] if durable else ["--no-sync"])], account)
    alone = [str(postgres), "--single", "-D", str(draft), "-c", "exit_on_error=on", "-c", f"fsync={'on' if durable else 'off'}"]
    roles = f"CREATE ROLE {NAME} LOGIN\nCREATE ROLE {API_ROLE} NOLOGIN\nGRANT {API_ROLE} TO {NAME}\n"
    run_once([*alone, "template1"], account, stdin=f"{roles}CREATE DATABASE {NAME} OWNER {NAME}\n")
    draft.rename(data)


def forget_stale_pid(data: Path, server: Identity) -> None:
    """Keep an old pid file from blocking the start when its pid now belongs to some other process of the same account.

    Only the number is replaced. The rest stays, because PostgreSQL reads from it which shared memory to look at, and so
    refuses to start beside children of a killed server that are still writing.
    """
    path = data / "postmaster.pid"
    try:
        first, rest = path.read_text(encoding="utf-8").split("\n", 1)
    except (FileNotFoundError, ValueError):
        return
    if not first.strip().isdigit() or not _exists(int(first)) or server.matches(int(first)):
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"{NO_SUCH_PID}\n{rest}")


def _exists(pid: int) -> bool:
    return Path("/proc", str(pid)).exists()
