"""How long to wait before trying again. Full jitter; the random number is handed in."""

from typing import Final

FIRST_DELAY_S: Final = 0.5
LONGEST_DELAY_S: Final = 60.0

FIRST_HOLD_S: Final = 15.0
LONGEST_HOLD_S: Final = 900.0

PARKED_REPORT_DELAYS_S: Final = (1.0, 5.0, 30.0, 120.0, 600.0, 3600.0, *(21_600.0,) * 16)
"""A report whose message is not known yet is tried again after these; then it stays on record, unmatched. Four days in all,
longer than the report window, so that an answer found in the spool after a weekend still meets its reports."""

LOOK_UP_DELAYS_S: Final = (5.0, 30.0, 120.0, 600.0, 3600.0, *(21_600.0,) * 8)
"""A message that the provider cannot show is asked for again after these: it shows some only after a while, and it may be away
for long. Two days in all, within the time for which messages are said to be readable."""
MISSING_TRIES: Final = 5
"""So often an id may be said not to exist, over more than an hour; then it does not."""


def backoff_s(step: int, random: float) -> float:
    """Seconds before try number `step` + 1, for a random number in [0, 1): between 0 and a bound that doubles."""
    return max(0.05, min(LONGEST_DELAY_S, FIRST_DELAY_S * (1 << min(step, 16))) * random)


def hold_s(step: int) -> float:
    """Seconds to leave an account alone after a refusal that a retry does not mend; doubles, up to a quarter of an hour."""
    return min(LONGEST_HOLD_S, FIRST_HOLD_S * (1 << min(step, 16)))


def parked_delay_s(tries: int) -> float | None:
    """Seconds until a parked report is tried again, or None when it has been tried often enough."""
    return PARKED_REPORT_DELAYS_S[tries] if tries < len(PARKED_REPORT_DELAYS_S) else None


def look_up_delay_s(tries: int, *, is_missing: bool) -> float | None:
    """Seconds until a message is asked for again after `tries` vain tries, or None when that was often enough."""
    most = MISSING_TRIES if is_missing else len(LOOK_UP_DELAYS_S)
    return LOOK_UP_DELAYS_S[tries - 1] if tries <= most else None
