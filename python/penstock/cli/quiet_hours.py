"""Quiet hours as people type them: 21:00-08:00, with days that are quiet as a whole behind it: 21:00-08:00,sat,sun."""

import re
from typing import TYPE_CHECKING, Any, Final

from penstock.cli.failure import CommandError

if TYPE_CHECKING:
    from penstock.domain.quiet_hours import QuietHours

_HOURS: Final = re.compile(r"([0-9]{2}:[0-9]{2})-([0-9]{2}:[0-9]{2})((?:,[a-z]{3})*)")


def read_quiet_hours(text: str) -> dict[str, Any]:
    """The value of the API. Raises CommandError."""
    match = _HOURS.fullmatch(text)
    if match is None:
        raise CommandError(f"{text} are no quiet hours: write them as 21:00-08:00 or 21:00-08:00,sat,sun")
    return {"from": match[1], "to": match[2], "days": match[3].split(",")[1:]}


def write_quiet_hours(hours: "QuietHours") -> str:
    """The text that gives these."""
    return ",".join((f"{hours.start}-{hours.end}", *hours.days))
