from hypothesis import given
from hypothesis import strategies as st

from penstock.domain.retry import (
    FIRST_DELAY_S,
    LONGEST_DELAY_S,
    LONGEST_HOLD_S,
    PARKED_REPORT_DELAYS_S,
    backoff_s,
    hold_s,
    parked_delay_s,
)

RANDOM = st.floats(0, 1, exclude_max=True)


@given(step=st.integers(0, 10_000), random=RANDOM)
def test_backoff_is_bounded(step: int, random: float) -> None:
    """A wait is never nothing and never longer than a minute, however often a call failed."""
    assert 0.05 <= backoff_s(step, random) <= LONGEST_DELAY_S


@given(step=st.integers(0, 6))
def test_backoff_doubles(step: int) -> None:
    """The bound of the jitter doubles with each failure until it is reached."""
    assert backoff_s(step, 1) == FIRST_DELAY_S * 2**step


@given(random=RANDOM, other=RANDOM)
def test_backoff_is_jittered_over_its_whole_span(random: float, other: float) -> None:
    """Two processes with different random numbers wait in that order: full jitter, no common beat."""
    assert (backoff_s(20, random) <= backoff_s(20, other)) == (
        max(0.05, random * LONGEST_DELAY_S) <= max(0.05, other * LONGEST_DELAY_S)
    )


def test_holds_double_to_a_quarter_of_an_hour() -> None:
    """An account is left alone for 15 s, then twice as long each time, at most 15 minutes."""
    assert [hold_s(step) for step in range(8)] == [15, 30, 60, 120, 240, 480, 900, 900]
    assert hold_s(10_000) == LONGEST_HOLD_S


def test_parked_reports_are_given_up_after_four_days() -> None:
    """A parked report is tried at growing distances, at last every six hours, and after some four days no more."""
    assert [parked_delay_s(tries) for tries in range(8)] == [1, 5, 30, 120, 600, 3600, 21_600, 21_600]
    assert [parked_delay_s(tries) for tries in (21, 22, 23, 10_000)] == [21_600, None, None, None]
    assert 4 * 86_400 <= sum(PARKED_REPORT_DELAYS_S) < 5 * 86_400
    assert list(PARKED_REPORT_DELAYS_S) == sorted(PARKED_REPORT_DELAYS_S)
