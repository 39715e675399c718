"""Retry-After in all its forms."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.domain.outcome import MAX_RETRY_AFTER_S
from penstock.providers.mitto.retry_after import parse_retry_after

NOW = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "wait_s"),
    [
        ("3", 3), (" 7 ", 7), ("0", 0), ("99999999999999999999", MAX_RETRY_AFTER_S),
        ("Mon, 05 Jan 2026 10:00:05 GMT", 5), ("Mon, 05 Jan 2026 09:00:00 GMT", 0),
        ("Mon, 05 Jan 2099 09:00:00 GMT", MAX_RETRY_AFTER_S), ("Mon, 05 Jan 2026 11:00:09 +0100", 9),
        (None, None), ("", None), ("soon", None), ("-3", None), ("1.5", None), ("٣", None), ("9" * 100, None),
    ],
)  # fmt: skip
def test_known_forms(text: str | None, wait_s: float | None) -> None:
    """Seconds and dates are read and capped; everything else says nothing."""
    assert parse_retry_after(text, NOW) == wait_s


@given(span=st.integers(0, 299))
def test_any_near_date(span: int) -> None:
    """A date within the cap is the time until then."""
    assert parse_retry_after(format_datetime(NOW + timedelta(seconds=span), usegmt=True), NOW) == span


@given(text=st.text(max_size=80))
def test_any_text(text: str) -> None:
    """No header raises or waits outside the bounds."""
    wait_s = parse_retry_after(text, NOW)
    assert wait_s is None or 0 <= wait_s <= MAX_RETRY_AFTER_S
