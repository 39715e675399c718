"""Asking the provider about single messages: why, and what comes back. One budget serves all, the most urgent kind first."""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from penstock.domain.evidence import Seen

MAX_LOOK_UP_WAIT_S: Final = 300.0


class LookUpKind(StrEnum):
    """Why a message is asked for; equal to the database's enum, whose order is the order of urgency."""

    UNKNOWN = "unknown"
    """Its id may belong to a message whose outcome nobody knows."""
    ORDER = "order"
    """A sample: was the answer to its batch in the order of the request?"""
    SILENT = "silent"
    """It was sent, and no report came."""


class Absent(Struct, frozen=True):
    """The provider does not know the id, or does not show the message yet."""


class Obscured(Struct, frozen=True):
    """It could not be seen, which says nothing about the message."""

    reason: str
    wait_s: float = 0.0
    """For so long the provider wants no question at all."""


Sight = Seen | Absent | Obscured
"""What one question came to."""


class Result(StrEnum):
    """How the questions about one id ended."""

    MATCHED = "matched"
    """The unknown message was found, or the sample was what it should be."""
    NOTHING = "nothing"
    """It belongs to no message in question, or says nothing new."""
    AMBIGUOUS = "ambiguous"
    """It fits several messages: nothing is proven."""
    CONTRADICTED = "contradicted"
    """It belongs to another message than the books say."""
    REPORTED = "reported"
    """It gave a silent message its final state."""
    MISSING = "missing"
    """The provider went on not knowing the id."""
    UNREADABLE = "unreadable"
    """No usable answer came in days."""
