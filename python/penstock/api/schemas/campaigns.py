"""Campaigns: what is asked for and what is shown."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from penstock.api.schemas.forms import Instant, QuietHours, Region, Request
from penstock.domain.campaign import CampaignState

Share = Annotated[float, Meta(ge=0, le=1)]


class Pace(Request, frozen=True, kw_only=True):
    """How a campaign is spread over time."""

    over_s: Annotated[int, Meta(ge=60, le=2_592_000, description="Seconds from the first message to the last.")]


class AutoPauseRule(Request, frozen=True, kw_only=True):
    """When a campaign pauses by itself: by shares of the messages whose outcome is known or doubtful."""

    failed: Annotated[Share | None, Meta(description="More than this share rejected, undelivered or expired.")] = None
    unknown: Annotated[Share | None, Meta(description="More than this share unknown.")] = None
    after: Annotated[int, Meta(ge=1, le=10_000_000, description="So many outcomes are needed first.")] = 100


class NewCampaign(Request, frozen=True, kw_only=True):
    """What a campaign is to be."""

    name: Annotated[str, Meta(min_length=1, max_length=200, description="For people; it need not be unique.")]
    text: Annotated[str, Meta(min_length=1, max_length=4000, description="The message, with {name} where a value goes.")]
    sender: Annotated[str, Meta(max_length=16, description="3 to 11 characters with a letter, or 3 to 14 digits.")] | None = (
        field(default=None, name="from")
    )
    default_region: Annotated[Region, Meta(description="Where numbers without a country code are read as being.")] | None = None
    validity_s: (
        Annotated[int, Meta(ge=60, le=259_200, description="Seconds from the start; what is unsent expires.")] | None
    ) = None
    max_parts: Annotated[int, Meta(ge=1, le=10, description="A message of more parts is skipped.")] = 10
    countries: (
        Annotated[list[Region], Meta(min_length=1, max_length=300, description="Numbers of other countries are skipped.")]
        | None
    ) = None
    send_at: Annotated[Instant, Meta(description="Sending starts then, if the campaign was told to send.")] | None = None
    pace: Pace | None = None
    auto_pause: AutoPauseRule | None = None
    quiet_hours: Annotated[
        QuietHours | Literal["none"] | None,
        Meta(description="The tenant's when left out; `none` for what must not wait for the morning."),
    ] = None
    resend_unknown_after_s: (
        Annotated[
            int,
            Meta(
                ge=600,
                le=259_200,
                description="A message that may or may not have been sent is sent once more after so many seconds without "
                "evidence, and may so arrive twice. Not given: never.",
            ),
        ]
        | None
    ) = None


class SendRequest(Request, frozen=True, kw_only=True):
    """What is expected of a campaign that is sent."""

    expect_recipients: (
        Annotated[int, Meta(ge=1, le=2_147_483_647, description="Refuse to send when the number of messages is another.")]
        | None
    ) = None


class Counts(Struct, frozen=True, kw_only=True):
    """The books of a campaign: received is always the sum of everything else."""

    received: int
    skipped: int
    skipped_by_reason: dict[str, int]
    queued: int
    unknown: int
    sent: int
    delivered: int
    undelivered: int
    expired: int
    rejected: int
    canceled: int


class Progress(Struct, frozen=True, kw_only=True):
    """How far sending has come. The rate is the average since the start, waits included; the finish follows from it."""

    handled: int
    total: int
    average_per_s: float
    expected_finish_at: Instant | None


class UploadView(Struct, frozen=True, kw_only=True):
    """An upload as it stands."""

    upload_id: str
    state: Literal["open", "complete"]
    rows: int
    line: int
    accepted: int
    skipped: int
    started_at: Instant


class CampaignSummary(Struct, frozen=True, kw_only=True):
    """A campaign in a list."""

    id: str
    name: str
    state: CampaignState
    created_at: Instant
    started_at: Instant | None
    completed_at: Instant | None
    segments: int
    counts: Counts


class CampaignView(CampaignSummary, frozen=True, kw_only=True):
    """A campaign by itself."""

    text: str
    sender: str = field(name="from")
    default_region: str | None
    countries: list[str] | None
    max_parts: int
    validity_s: int | None
    expires_at: Instant | None
    send_at: Instant | None
    pace: Pace | None
    auto_pause: AutoPauseRule | None
    quiet_hours: QuietHours | None
    paused_at: Instant | None
    pause_reason: str | None
    longest: int
    retry_of: str | None
    sent_without_report: int
    resend_unknown_after_s: int | None
    possible_duplicates: int
    messages_dropped_at: Instant | None
    uploads: list[UploadView]
    progress: Progress | None
