"""A batch: the unit of work. One provider request, one transaction before it, one UPDATE after it."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

MAX_ATTEMPTS: Final = 8
"""Failures of the batch itself (render errors, crashes in our code) before it is dead; outages never count."""


class BatchState(StrEnum):
    """Where a batch stands; equal to the database's enum of the same name."""

    PENDING = "pending"
    """May be claimed when it is due."""
    SENDING = "sending"
    """An attempt is committed; bytes may be on their way."""
    SETTLED = "settled"
    """Every message of it has the provider's answer or was left out on purpose."""
    UNKNOWN = "unknown"
    """Bytes may have left and no complete answer came: held, never sent again by itself."""
    DEAD = "dead"
    """Failed too often by itself: waits for an operator."""


class BatchEvent(StrEnum):
    """What can happen to a batch."""

    CLAIM = "claim"
    ANSWERED = "answered"
    HAND_BACK = "hand_back"
    LOSE_TRACK = "lose_track"
    GIVE_UP = "give_up"
    REDRIVE = "redrive"
    """An operator lets a dead batch try again: its messages were queued all the while."""
    LEAVE_OUT = "leave_out"
    RESOLVE = "resolve"
    """Evidence or an operator has said of every message what became of it."""
    SEND_AGAIN = "send_again"
    """What is still unknown may go out once more: the campaign's own wish, or an operator's word that nothing was sent."""


_S, _E = BatchState, BatchEvent

TRANSITIONS: Final[Mapping[tuple[BatchState, BatchEvent], BatchState]] = {
    (_S.PENDING, _E.CLAIM): _S.SENDING,
    (_S.PENDING, _E.LEAVE_OUT): _S.SETTLED,
    (_S.PENDING, _E.GIVE_UP): _S.DEAD,
    (_S.DEAD, _E.REDRIVE): _S.PENDING,
    (_S.DEAD, _E.LEAVE_OUT): _S.SETTLED,
    (_S.SENDING, _E.ANSWERED): _S.SETTLED,
    (_S.SENDING, _E.HAND_BACK): _S.PENDING,
    (_S.SENDING, _E.LOSE_TRACK): _S.UNKNOWN,
    # An answer that arrives late, or is found in the spool after a crash, still settles its own attempt.
    (_S.UNKNOWN, _E.ANSWERED): _S.SETTLED,
    (_S.UNKNOWN, _E.HAND_BACK): _S.PENDING,
    (_S.UNKNOWN, _E.RESOLVE): _S.SETTLED,
    (_S.UNKNOWN, _E.SEND_AGAIN): _S.PENDING,
}


def next_state(state: BatchState, event: BatchEvent) -> BatchState | None:
    """The state after the event, or None if the event is not possible now."""
    return TRANSITIONS.get((state, event))


def mark(bitmap: bytes | None, positions: Sequence[int], messages: int) -> bytes | None:
    """The bitmap (least significant bit first) over a chunk of so many messages, with these positions set."""
    if not positions:
        return bitmap
    bits = int.from_bytes(bitmap or b"", "little")
    for position in positions:
        bits |= 1 << position
    return bits.to_bytes((messages + 7) // 8, "little")


def is_marked(bitmap: bytes, first: int, last: int) -> bool:
    """Whether every position from `first` to `last` is set."""
    ones = (1 << last - first + 1) - 1
    return int.from_bytes(bitmap, "little") >> first & ones == ones
