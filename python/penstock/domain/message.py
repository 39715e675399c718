"""A message's states. They only move up in rank, so replays and reordered reports change nothing."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class MessageState(StrEnum):
    """Where a message stands; equal to the database's enum of the same name, in the same order.

    The order is part of the rule: SQL compares enum values, and a report applies only `WHERE state < 'delivered' AND
    state < new`.
    """

    QUEUED = "queued"
    UNKNOWN = "unknown"
    """It may have been sent; nobody can say yet."""
    SENT = "sent"
    """The provider accepted it."""
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    EXPIRED = "expired"
    """By the provider, or because its validity ran out unsent."""
    REJECTED = "rejected"
    """Refused by the provider in its answer to the send."""
    CANCELED = "canceled"
    """Left out on purpose: canceled, or opted out after it was accepted."""


RANK: Final[Mapping[MessageState, int]] = {
    MessageState.QUEUED: 0,
    MessageState.UNKNOWN: 1,
    MessageState.SENT: 2,
    MessageState.DELIVERED: 3,
    MessageState.UNDELIVERED: 3,
    MessageState.EXPIRED: 3,
    MessageState.REJECTED: 3,
    MessageState.CANCELED: 3,
}
FINAL_RANK: Final = 3


def is_final(state: MessageState) -> bool:
    """Whether nothing more can change it."""
    return RANK[state] == FINAL_RANK


def advance(current: MessageState, reported: MessageState) -> MessageState:
    """The state after hearing `reported`: the first final stays, and nothing moves down."""
    return reported if RANK[reported] > RANK[current] else current


class SkipReason(StrEnum):
    """Why a row of an upload did not become a message."""

    MALFORMED = "malformed"
    INVALID_NUMBER = "invalid_number"
    DUPLICATE = "duplicate"
    OPTED_OUT = "opted_out"
    INVALID_ZONE = "invalid_zone"
    MISSING_VALUE = "missing_value"
    TOO_LONG = "too_long"
    COUNTRY = "country"
