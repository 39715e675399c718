"""What is done to a campaign that was told to send, and what is said about it before."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from penstock.api.schemas.campaigns import CampaignView, Counts, Progress
from penstock.api.schemas.forms import Instant, Request
from penstock.domain.campaign import CampaignState


class PauseRequest(Request, frozen=True, kw_only=True):
    """What is to be said about the pause."""

    reason: Annotated[str, Meta(min_length=1, max_length=200, description="Shown as `pause_reason`.")] | None = None


class CanceledView(Struct, frozen=True, kw_only=True):
    """A canceled campaign: `stopped`, `in_flight`, `sent`, `unknown` and `refused` make up all of its messages."""

    stopped: int
    in_flight: int
    sent: int
    unknown: int
    refused: int
    campaign: CampaignView


class TrialRequest(Request, frozen=True, kw_only=True):
    """Whom to send the trial to, and the values for the text's placeholders."""

    to: Annotated[str, Meta(min_length=1, max_length=32)]
    values: Annotated[dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=1000)]], Meta(max_length=32)] = (
        field(default_factory=dict)
    )


class RetryRequest(Request, frozen=True, kw_only=True):
    """Whether what is tried again is sent at once."""

    send: bool = False


class RetryView(Struct, frozen=True, kw_only=True):
    """What is tried again."""

    requeued: int
    campaign: CampaignView | None


class Obstacle(Struct, frozen=True, kw_only=True):
    """Why a campaign would not send now."""

    code: Literal["no_recipients", "upload_open", "scheduled", "paused", "ended", "account_held", "quiet_hours", "safe_mode"]
    detail: str


class Quote(Struct, frozen=True, kw_only=True):
    """What sending would come to, by what is known now. Times are the earliest that the limits allow."""

    recipients: int
    skipped: int
    skipped_by_reason: dict[str, int]
    segments: int
    longest: int
    encoding: Literal["GSM-7", "UCS-2"]
    forcing: list[str]
    expected_start_at: Instant | None
    expected_finish_at: Instant | None
    would_send_now: bool
    why_not: list[Obstacle]


class ProgressEvent(Struct, frozen=True, kw_only=True):
    """The data of an event in the stream of a campaign."""

    state: CampaignState
    counts: Counts
    progress: Progress | None
