"""The time zones that an upload may name, and the one that stands for all whose clocks are alike: they are sent to together."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

from penstock.clock import all_zones
from penstock.domain.quiet_hours import same_clocks


def time_zones(now: datetime) -> Mapping[str, str]:
    """By the IANA names of all. The first of a month compares their clocks anew, which takes a few tenths of a second."""
    return _of_month(now.replace(day=1, hour=0, minute=0, second=0, microsecond=0))


@lru_cache(maxsize=1)
def _of_month(begin: datetime) -> Mapping[str, str]:
    return same_clocks(all_zones(), begin)
