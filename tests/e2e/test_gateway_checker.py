"""The checker itself: clean books pass, and every kind of planted error is found."""

from dataclasses import replace
from typing import Any

import pytest

from tests.e2e.checker import Books, Message, Span, Wire, check, regressions

PROMISED = frozenset(range(100, 106))
STATES = ("delivered", "undelivered", "sent", "unknown", "queued", "rejected")
MESSAGES = tuple(Message("c", seq, 100 + seq, state, f"id{seq}" if seq < 3 else None) for seq, state in enumerate(STATES))
WIRE = Wire(
    accepted=(("id0", 100), ("id1", 101), ("id2", 102), ("id3", 103)),
    finals={"id0": "Delivered", "id1": "Failure", "id3": "Delivered"},
)
BOOKS = Books(
    messages=MESSAGES,
    batches=(Span("c", 0, 2, "settled"), Span("c", 3, 3, "unknown"), Span("c", 4, 4, "pending"), Span("c", 5, 5, "settled")),
    attempts=(Span("c", 0, 2, "accepted"), Span("c", 3, 3, "unknown"), Span("c", 5, 5, "refused")),
    counters={"c": {"received": 8, "skipped_duplicate": 2} | dict.fromkeys(STATES, 1)},
)


def with_message(seq: int, **changes: Any) -> Books:
    """The books with one message changed, and recounted."""
    messages = tuple(replace(m, **changes) if m.seq == seq else m for m in MESSAGES)
    counters = {"received": 8, "skipped_duplicate": 2}
    for message in messages:
        counters[message.state] = counters.get(message.state, 0) + 1
    return replace(BOOKS, messages=messages, counters={"c": counters})


def with_counters(**changes: int) -> Books:
    """The books with some counters changed."""
    return replace(BOOKS, counters={"c": {**BOOKS.counters["c"], **changes}})


def test_clean_books_pass() -> None:
    """Every state in its place, and the journal agreeing, is no complaint."""
    assert check(PROMISED, WIRE, BOOKS) == []


def test_on_the_way_is_a_place_too() -> None:
    """While sending, a queued message may be in a batch that is being sent; when all is settled it may not."""
    batches = (*BOOKS.batches[:2], Span("c", 4, 4, "sending"), BOOKS.batches[3])
    books = replace(BOOKS, batches=batches, attempts=(*BOOKS.attempts, Span("c", 4, 4, "open")))
    assert check(PROMISED, WIRE, books, is_settled=False) == []
    assert kinds(check(PROMISED, WIRE, books)) == {"misplaced", "open"}


def test_a_message_may_move_while_it_is_looked_at() -> None:
    """Sent between the two readings of the journal it may still count as queued; sent before, only while it is being sent."""
    later = replace(WIRE, accepted=(*WIRE.accepted, ("id4", 104)))
    assert check(PROMISED, later, BOOKS, is_settled=False, earlier=WIRE) == []
    assert kinds(check(PROMISED, later, BOOKS, is_settled=False, earlier=later)) == {"denied"}
    sending = replace(BOOKS, batches=(*BOOKS.batches[:2], Span("c", 4, 4, "sending"), BOOKS.batches[3]))
    assert check(PROMISED, later, sending, is_settled=False, earlier=later) == []


@pytest.mark.parametrize(
    ("was", "state", "is_fine"),
    [
        ("queued", "sent", True), ("sent", "delivered", True), ("unknown", "queued", True), ("unknown", "sent", True),
        ("sent", "queued", False), ("sent", "unknown", False), ("delivered", "sent", False),
        ("delivered", "undelivered", False),
    ],
)  # fmt: skip
def test_ranks_only_grow(was: str, state: str, is_fine: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """A message that moved down, or from one final state to another, is found."""
    found = regressions(with_message(0, state=was), with_message(0, state=state))
    assert found == ([] if is_fine else [f"ranks: 1 messages went from {was} to {state}"])


PLANTED = {
    "a recipient that vanished": (PROMISED | {999}, WIRE, BOOKS, "lost"),
    "a recipient stored twice": (PROMISED, WIRE, replace(BOOKS, messages=(*MESSAGES, replace(MESSAGES[4], seq=6))), "repeated"),
    "a second wire send": (PROMISED, replace(WIRE, accepted=(*WIRE.accepted, ("id9", 100))), BOOKS, "twice"),
    "a number nobody asked for": (PROMISED, replace(WIRE, accepted=(*WIRE.accepted, ("id9", 999))), BOOKS, "strangers"),
    "a queued message in a settled batch": (PROMISED, WIRE, with_message(5, state="queued"), "misplaced"),
    "an unknown message nobody attempted": (PROMISED, WIRE, replace(BOOKS, attempts=BOOKS.attempts[:1]), "misplaced"),
    "a sent message without an id": (PROMISED, WIRE, with_message(2, provider_id=None), "ids"),
    "an id of another number": (PROMISED, WIRE, with_message(2, provider_id="id0"), "ids"),
    "an id that was made up": (PROMISED, WIRE, with_message(2, provider_id="id99"), "ids"),
    "queued, yet on the wire": (PROMISED, replace(WIRE, accepted=(*WIRE.accepted, ("id4", 104))), BOOKS, "denied"),
    "rejected, yet on the wire": (PROMISED, replace(WIRE, accepted=(*WIRE.accepted, ("id5", 105))), BOOKS, "denied"),
    "another final than the provider's": (PROMISED, WIRE, with_message(0, state="undelivered"), "states"),
    "a final the provider never gave": (PROMISED, WIRE, with_message(2, state="delivered"), "states"),
    "a counter that is off": (PROMISED, WIRE, with_counters(sent=2), "counters"),
    "books that do not balance": (PROMISED, WIRE, with_counters(received=9), "balance"),
    "no books at all": (PROMISED, WIRE, replace(BOOKS, counters={}), "counters"),
    "a message in no batch": (PROMISED, WIRE, replace(BOOKS, batches=BOOKS.batches[:3]), "torn"),
    "a message in two batches": (PROMISED, WIRE, replace(BOOKS, batches=(*BOOKS.batches, Span("c", 4, 5, "settled"))), "torn"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_error_is_found(name: str) -> None:
    """Each kind of damage is named."""
    promised, wire, books, expected = PLANTED[name]
    assert expected in kinds(check(promised, wire, books))


def kinds(problems: list[str]) -> set[str]:
    """The rules that were broken."""
    return {problem.partition(":")[0] for problem in problems}
