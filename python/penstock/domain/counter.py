"""The books of a campaign: what was received is at every moment the sum of everything else."""

from collections.abc import Mapping
from typing import Final

from penstock.domain.message import MessageState, SkipReason

RECEIVED: Final = "received"
SKIPPED_PREFIX: Final = "skipped_"
POSSIBLE_DUPLICATES: Final = "possible_duplicates"
"""Messages that went out once more although their first sending may have arrived: beside the balance, never part of it."""


def skipped_counter(reason: SkipReason | str) -> str:
    """The counter of rows skipped for one reason."""
    return f"{SKIPPED_PREFIX}{reason}"


def skipped_total(counts: Mapping[str, int]) -> int:
    """Rows that did not become messages."""
    return sum(n for name, n in counts.items() if name.startswith(SKIPPED_PREFIX))


def imbalance(counts: Mapping[str, int]) -> int:
    """Received minus everything accounted for; anything but 0 is a defect."""
    return counts.get(RECEIVED, 0) - skipped_total(counts) - sum(counts.get(state, 0) for state in MessageState)
