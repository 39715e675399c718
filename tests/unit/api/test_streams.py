"""The least rate of a body: measured over the waiting, a whole window at a time."""

import pytest

from penstock.api.streams import Pace
from penstock.domain.errors import RequestTimeoutError


def test_a_dripping_body_is_ended_after_one_window() -> None:
    """A byte every two seconds ends with the window."""
    pace = Pace(500, 10.0)
    for _ in range(4):
        pace.add(2.0, 1)
    with pytest.raises(RequestTimeoutError, match="less than 500 bytes a second"):
        pace.add(2.0, 1)


def test_a_slow_link_that_stutters_passes() -> None:
    """A long pause with enough after it is not a drip, window after window."""
    pace = Pace(500, 10.0)
    for _ in range(20):
        pace.add(0.1, 1400)
        pace.add(9.0, 1400)
        pace.add(1.0, 2500)


def test_a_fast_beginning_does_not_excuse_what_follows() -> None:
    """Each window stands for itself."""
    pace = Pace(500, 10.0)
    pace.add(10.0, 10_000_000)
    with pytest.raises(RequestTimeoutError):
        pace.add(10.0, 4999)


def test_our_own_slowness_is_not_the_senders() -> None:
    """What was there at once never counts against it, however little it is."""
    pace = Pace(500, 10.0)
    for _ in range(10_000):
        pace.add(0.0, 1)


def test_without_a_least_rate_everything_passes() -> None:
    """0 switches it off."""
    Pace(0, 10.0).add(1000.0, 1)
