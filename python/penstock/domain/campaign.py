"""A campaign's life, as a table: (state, event) → state."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


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
    (_S.SCHEDULED, _E.CANCEL): _S.CANCELED,
    (_S.SENDING, _E.PAUSE): _S.PAUSED,
    (_S.SENDING, _E.COMPLETE): _S.COMPLETED,
    (_S.SENDING, _E.CANCEL): _S.CANCELED,
    (_S.SENDING, _E.FAIL): _S.FAILED,
    (_S.PAUSED, _E.RESUME): _S.SENDING,
    (_S.PAUSED, _E.CANCEL): _S.CANCELED,
}


def next_state(state: CampaignState, event: CampaignEvent) -> CampaignState | None:
    """The state after the event, or None if the event is not possible now."""
    return TRANSITIONS.get((state, event))
