"""Looks at recorded grants from every position a window may have."""

from collections.abc import Sequence


def fullest_window(grants: Sequence[tuple[int, int]], window: int) -> int:
    """Return the largest sum of (time, amount) within any half-open window of that length.

    A window that begins at a grant is as full as any that begins between two, so these positions are all.
    """
    ordered = sorted(grants)
    fullest = held = first = 0
    for at, amount in ordered:
        held += amount
        while ordered[first][0] <= at - window:
            held -= ordered[first][1]
            first += 1
        fullest = max(fullest, held)
    return fullest
