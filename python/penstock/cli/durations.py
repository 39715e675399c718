"""Durations as people type them: 90s, 30m, 2h, 1d, or plain seconds."""

import re
from typing import Final

from penstock.cli.failure import CommandError

_DURATION: Final = re.compile(r"([0-9]{1,9})([smhd]?)")
_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def read_duration(text: str) -> int:
    """Seconds. Raises CommandError."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise CommandError(f"{text} is not a duration: write it as 90s, 30m, 2h or 1d")
    return int(match[1]) * _SECONDS[match[2]]
