"""Delivery reports: what the provider's words mean, and how several words about one message become one."""

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

from penstock.domain.message import MessageState, advance

# Mitto's messaging API says Delivered, Failure, Sent, Pending; its classic API and the SMPP forms are tolerated. A word that
# is not here is kept raw and changes nothing. `rejected` is reserved for the answer to a send, so a report that says
# rejected means undelivered.
STATUSES: Final[Mapping[str, MessageState]] = {
    "delivered": MessageState.DELIVERED,
    "delivrd": MessageState.DELIVERED,
    "read": MessageState.DELIVERED,
    "seen": MessageState.DELIVERED,
    "failure": MessageState.UNDELIVERED,
    "failed": MessageState.UNDELIVERED,
    "undelivered": MessageState.UNDELIVERED,
    "undeliverable": MessageState.UNDELIVERED,
    "undeliv": MessageState.UNDELIVERED,
    "rejected": MessageState.UNDELIVERED,
    "rejectd": MessageState.UNDELIVERED,
    "expired": MessageState.EXPIRED,
    "sent": MessageState.SENT,
    "pending": MessageState.SENT,
    "queued": MessageState.SENT,
    "buffered": MessageState.SENT,
    "accepted": MessageState.SENT,
    "acceptd": MessageState.SENT,
}


class Report(Struct, frozen=True):
    """One word of the provider about one message."""

    provider_id: str
    status: str
    """As the provider wrote it."""
    at_us: int | None
    """Unix time in microseconds, where the report carries one."""
    error: str | None

    @property
    def state(self) -> MessageState | None:
        """What the status means, or None for a word we do not know."""
        return STATUSES.get(self.status.lower())


def fold(reports: Iterable[Report]) -> tuple[list[Report], list[Report]]:
    """One report per message, sorted by provider id, and the finals that came second (kept for the record).

    PostgreSQL applies an arbitrary one of several rows that match the same target, so folding is not an optimisation. The
    first final wins; among the others the highest rank. Words that we do not know are dropped here (they stay in the page).
    """
    kept: dict[str, Report] = {}
    conflicts: list[Report] = []
    for report in reports:
        if report.state is None:
            continue
        earlier = kept.get(report.provider_id)
        if earlier is None or earlier.state is None or advance(earlier.state, report.state) is not earlier.state:
            kept[report.provider_id] = report
        elif _contradicts(earlier.state, report.state):
            conflicts.append(report)
    return sorted(kept.values(), key=lambda report: report.provider_id), conflicts


def _contradicts(first: MessageState, second: MessageState) -> bool:
    """Whether both are final and differ."""
    return first is not second and second is not MessageState.SENT and first is not MessageState.SENT
