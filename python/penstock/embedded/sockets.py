"""A folder for a server's socket: private, because whoever may enter it may connect, and short, because the kernel demands it.

Not for addresses: each server writes its own.
"""

import hashlib
import os
import re
from pathlib import Path

LONGEST_PATH_BYTES = 107  # sun_path holds 108 bytes, the last one is the terminator
PLAIN_PATH = re.compile(r"[\w./+-]+")  # PostgreSQL and its clients read a comma, for one, as the start of a second folder
SHORT_PARENT = Path("/tmp")  # noqa: S108 -- not TMPDIR: every process must find the same folder; it is made 0700, a stranger's is refused


def choose_socket_folder(folder: Path, socket_name: str) -> Path:
    """Return `run` below the server's folder if that fits and is plain, else a short one named after folder and our uid."""
    inside = folder / "run"
    if PLAIN_PATH.fullmatch(str(inside)) and len(os.fsencode(inside / socket_name)) <= LONGEST_PATH_BYTES:
        return inside
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    return SHORT_PARENT / f"penstock-{digest}-{os.geteuid()}"
