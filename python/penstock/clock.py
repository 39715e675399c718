"""The one place where time is read, and where the clocks of other places are found.

Not for durations inside SQL: leases and limits use the servers' own clocks.
"""

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Protocol
from zoneinfo import ZoneInfo, available_timezones


class Clock(Protocol):
    """What anything that needs the time takes as an argument."""

    def now(self) -> datetime:
        """Wall-clock time, always in UTC."""

    def monotonic(self) -> float:
        """Seconds that never run backwards, for durations."""


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """Wall-clock time, always in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - this is the file the rule points to

    def monotonic(self) -> float:
        """Seconds that never run backwards, for durations."""
        return time.monotonic()


def find_zones(names: Iterable[str]) -> list[ZoneInfo]:
    """The time zones of these IANA names: the machine's, or else those of the package tzdata. Each is read once."""
    return [ZoneInfo(name) for name in names]


def all_zones() -> dict[str, ZoneInfo]:
    """Every time zone there is, by its IANA name. It reads some hundred files."""
    return {name: ZoneInfo(name) for name in available_timezones()}
