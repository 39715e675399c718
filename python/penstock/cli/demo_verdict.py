"""Is the demo right? The gateway's report held against the simulator's journal, which knows what really went out."""

import csv
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from penstock.cli.demo_audience import Expected
from penstock.client.models import Counts
from penstock.domain.message import MessageState
from penstock.domain.report import STATUSES

SHOWN_STATES = ("delivered", "undelivered", "expired", "rejected", "canceled", "unknown", "sent")
UNSENT_STATES = frozenset({"rejected", "canceled", "unknown", "queued"})


@dataclass(slots=True)
class GroundTruth:
    """What the simulator's journal says."""

    accepted: Counter[int] = field(default_factory=Counter)
    """How often each number was accepted."""
    finals: dict[str, str] = field(default_factory=dict)
    """Message id → final status."""


@dataclass(slots=True)
class Books:
    """What the gateway says."""

    states: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Number → state and the provider's id."""
    last_sent_at: datetime | None = None


def read_report(lines: Iterable[str]) -> Books:
    """The gateway's CSV report."""
    books = Books()
    for row in csv.DictReader(lines):
        books.states[int(row["to"])] = (row["state"], row["provider_id"])
        if row["sent_at"]:
            sent_at = datetime.fromisoformat(row["sent_at"])
            books.last_sent_at = max(books.last_sent_at or sent_at, sent_at)
    return books


@dataclass(slots=True)
class Verdict:
    """The last line of the demo, and why it is not ok."""

    counts: Counts
    sent_twice: int
    lost: int
    msgs_per_s: float
    problems: list[str]

    @property
    def is_ok(self) -> bool:
        """Whether nothing was lost, nothing went out twice, and every number agrees."""
        return not self.problems

    def line(self) -> str:
        """The line that people and CI read."""
        shown = " ".join(f"{state}={getattr(self.counts, state)}" for state in SHOWN_STATES)
        return (
            f"demo: {'ok' if self.is_ok else 'FAILED'} received={self.counts.received} skipped={self.counts.skipped} {shown} "
            f"sent_twice={self.sent_twice} lost={self.lost} msgs_per_s={self.msgs_per_s:.0f}"
        )


def judge(expected: Expected, counts: Counts, books: Books, truth: GroundTruth, msgs_per_s: float) -> Verdict:
    """Hold the three against one another."""
    twice = sum(1 for n in truth.accepted.values() if n > 1)
    lost = sum(1 for number in expected.recipients if _is_lost(number, books, truth))
    problems = [*_wrong_counts(expected, counts), *_wrong_states(books, truth)]
    if twice:
        problems.append(f"{twice} numbers were sent to more than once")
    if lost:
        problems.append(f"{lost} recipients are neither sent nor accounted for")
    if strangers := len(truth.accepted.keys() - expected.recipients):
        problems.append(f"{strangers} numbers were sent to that should not have been")
    return Verdict(counts, twice, lost, msgs_per_s, problems)


def _is_lost(number: int, books: Books, truth: GroundTruth) -> bool:
    state, _ = books.states.get(number, ("", ""))
    return not state or (number not in truth.accepted and state not in UNSENT_STATES)


def _wrong_counts(expected: Expected, counts: Counts) -> Iterable[str]:
    accounted = counts.skipped + sum(getattr(counts, state) for state in MessageState)
    if counts.received != accounted:
        yield f"the books do not balance: {counts.received} received, {accounted} accounted for"
    if counts.queued:
        yield f"{counts.queued} messages are still queued"
    for reason, n in expected.skipped.items():
        if (counted := counts.skipped_by_reason.get(reason, 0)) != n:
            yield f"{counted} rows were skipped as {reason}, not {n}"


def _wrong_states(books: Books, truth: GroundTruth) -> Iterable[str]:
    """Every final state must be the one that the simulator decided."""
    wrong = sum(
        1
        for state, provider_id in books.states.values()
        if provider_id in truth.finals and STATUSES.get(truth.finals[provider_id].lower()) != state
    )
    if wrong:
        yield f"{wrong} messages have another state than the simulator gave them"
