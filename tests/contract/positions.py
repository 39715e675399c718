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


def best_rate(grants: Sequence[tuple[int, int]], window: int, windows: int = 3) -> float:
    """Return the units a window, from one (time, amount) to another at least so many windows later, where it was best."""
    best, ordered = 0.0, sorted(grants)
    for first, (began, _) in enumerate(ordered):
        used = 0
        for at, amount in ordered[first + 1 :]:
            used += amount
            if at >= began + windows * window:
                best = max(best, used / (at - began) * window)
                break
    return best
