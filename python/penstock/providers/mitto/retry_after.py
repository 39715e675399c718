"""The Retry-After header: seconds, a date, or nonsense. Pure: the present is handed in."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from penstock.domain.outcome import MAX_RETRY_AFTER_S

_MAX_CHARACTERS = 64


def parse_retry_after(text: str | None, now: datetime) -> float | None:
    """Seconds to wait, 0 … MAX_RETRY_AFTER_S; None where nothing usable was said."""
    if text is None or len(text) > _MAX_CHARACTERS:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(float(text), MAX_RETRY_AFTER_S)
    try:
        until = parsedate_to_datetime(text)
        if until.tzinfo is None:
            until = until.replace(tzinfo=UTC)
        wait_s = (until - now).total_seconds()
    except (TypeError, ValueError, OverflowError, IndexError):
        return None
    return min(max(wait_s, 0.0), MAX_RETRY_AFTER_S)
