"""A campaign's life, as a table: (state, event) → state."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct


class CampaignState(StrEnum):
    """Where a campaign stands; equal to the database's enum of the same name."""

    DRAFT = "draft"
    """Takes recipients; nothing is sent."""
    SCHEDULED = "scheduled"
    """Starts by itself at its time."""
    SENDING = "sending"
    """Its batches may be claimed."""
    PAUSED = "paused"
    """Nothing more is claimed until it is resumed."""
    COMPLETED = "completed"
    """Nothing is left to send and nothing is awaited."""
    CANCELED = "canceled"
    FAILED = "failed"


class CampaignEvent(StrEnum):
    """What can happen to a campaign."""

    SCHEDULE = "schedule"
    SEND = "send"
    PAUSE = "pause"
    RESUME = "resume"
    COMPLETE = "complete"
    CANCEL = "cancel"
    FAIL = "fail"


_S, _E = CampaignState, CampaignEvent

TRANSITIONS: Final[Mapping[tuple[CampaignState, CampaignEvent], CampaignState]] = {
    (_S.DRAFT, _E.SCHEDULE): _S.SCHEDULED,
    (_S.DRAFT, _E.SEND): _S.SENDING,
    (_S.DRAFT, _E.CANCEL): _S.CANCELED,
    (_S.SCHEDULED, _E.SEND): _S.SENDING,
    (_S.SCHEDULED, _E.PAUSE): _S.PAUSED,
    (_S.SCHEDULED, _E.CANCEL): _S.CANCELED,
    (_S.SENDING, _E.PAUSE): _S.PAUSED,
    (_S.SENDING, _E.COMPLETE): _S.COMPLETED,
    (_S.SENDING, _E.CANCEL): _S.CANCELED,
    (_S.SENDING, _E.FAIL): _S.FAILED,
    (_S.PAUSED, _E.RESUME): _S.SENDING,
    # Paused before its time had come, and resumed before it as well.
    (_S.PAUSED, _E.SCHEDULE): _S.SCHEDULED,
    (_S.PAUSED, _E.CANCEL): _S.CANCELED,
}


def next_state(state: CampaignState, event: CampaignEvent) -> CampaignState | None:
    """The state after the event, or None if the event is not possible now."""
    return TRANSITIONS.get((state, event))


class AutoPause(Struct, frozen=True, kw_only=True):
    """When a campaign stops by itself. A share is of the messages whose outcome is known or doubtful; None: never."""

    after: int = 100
    """So many outcomes are needed before a share says anything."""
    failed: float | None = None
    """More than this share rejected, undelivered or expired (0 to 1)."""
    unknown: float | None = None
    """More than this share unknown (0 to 1)."""


def pause_reason(rule: AutoPause, books: Mapping[str, int], base: Mapping[str, int] | None = None) -> str | None:
    """Why the campaign must pause with these books, or None when it may go on.

    `base`: the books at the last resume. What had failed by then was known to whoever resumed, and does not count again.
    """
    counts = {state: n - (base or {}).get(state, 0) for state, n in books.items()}
    failed = sum(counts.get(state, 0) for state in ("rejected", "undelivered", "expired"))
    unknown = counts.get("unknown", 0)
    handled = failed + unknown + counts.get("sent", 0) + counts.get("delivered", 0)
    if handled < max(1, rule.after):
        return None
    if rule.failed is not None and failed > rule.failed * handled:
        return f"{failed} of {handled} messages failed"
    if rule.unknown is not None and unknown > rule.unknown * handled:
        return f"{unknown} of {handled} messages are unknown"
    return None
