"""Instants, as the simulator reads and writes them."""

import time
from datetime import UTC, datetime


def now() -> float:
    """Seconds since 1970, from the machine's clock."""
    return time.time_ns() / 1e9


def render_moment(at: float) -> str:
    """Write an instant as Mitto's messaging API does: UTC, seven fractional digits, `Z`."""
    ticks = int(at * 1e7)
    whole = datetime.fromtimestamp(ticks // 10_000_000, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{ticks % 10_000_000:07d}Z"
