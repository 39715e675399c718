"""A readable copy of a wheel's programs, for when root starts a server that runs as another account.

A virtual environment below a closed folder (root's home, say) cannot be entered by that account. The copy is also what a
server that outlives us keeps running from while the environment is rebuilt.
"""

import os
import shutil
import tempfile
from pathlib import Path

from penstock.embedded.account import Account
from penstock.embedded.binaries import Wheel
from penstock.embedded.folder import make_folder

NOT_NEEDED = shutil.ignore_patterns("*.a", "pgxs", "pkgconfig", "include", "__pycache__")


def readable_program(found: Wheel | Path, account: Account, store: Path) -> Path:
    """Return the program's path where the account can run it, copying the wheel into `store` when we are giving up root."""
    if isinstance(found, Path):
        return found
    if not account.is_other:
        return found.path
    copy = store / found.label
    if not copy.is_dir():
        make_folder(store)
        _copy_whole(found, copy)
    return copy / found.program


def _copy_whole(wheel: Wheel, target: Path) -> None:
    """Copy beside the target and rename: a half copy is never seen, and of two copiers the first wins."""
    with tempfile.TemporaryDirectory(prefix=f"{target.name}.", dir=target.parent) as temporary:
        draft = Path(temporary) / "draft"
        for part in wheel.parts:
            shutil.copytree(wheel.site / part, draft / part, ignore=NOT_NEEDED, symlinks=True)
        _open_for_reading(draft)
        try:
            draft.rename(target)
        except OSError:
            if not target.is_dir():
                raise


def _open_for_reading(tree: Path) -> None:
    """Give everyone reading rights, and running rights where the owner has them: an install under umask 077 has neither."""
    for folder, _, files in os.walk(tree):
        Path(folder).chmod(0o755)
        for name in files:
            path = Path(folder, name)
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
