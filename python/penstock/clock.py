"""The one place where time is read. Not for durations inside SQL: leases and limits use the servers' own clocks."""

import time
from datetime import UTC, datetime
from typing import Protocol


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
