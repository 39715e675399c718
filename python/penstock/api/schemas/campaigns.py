"""Campaigns: what is asked for and what is shown."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from penstock.api.schemas.forms import Region, Request

Share = Annotated[float, Meta(ge=0, le=1)]


class Pace(Request, frozen=True, kw_only=True):
    """How a campaign is spread over time."""

    over_s: Annotated[int, Meta(ge=60, le=2_592_000, description="seconds from the first message to the last")]


class AutoPauseRule(Request, frozen=True, kw_only=True):
    """When a campaign pauses by itself: by shares of the messages whose outcome is known or doubtful."""

    failed: Annotated[Share | None, Meta(description="more than this share rejected, undelivered or expired")] = None
    unknown: Annotated[Share | None, Meta(description="more than this share unknown")] = None
    after: Annotated[int, Meta(ge=1, le=10_000_000, description="so many outcomes are needed first")] = 100


class NewCampaign(Request, frozen=True, kw_only=True):
    """POST /v1/campaigns."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    text: Annotated[str, Meta(min_length=1, max_length=4000)]
    sender: Annotated[str, Meta(max_length=16)] | None = field(default=None, name="from")
    default_region: Region | None = None
    validity_s: Annotated[int, Meta(ge=60, le=259_200)] | None = None
    max_parts: Annotated[int, Meta(ge=1, le=10)] = 10
    countries: Annotated[list[Region], Meta(min_length=1, max_length=300)] | None = None
    send_at: Annotated[datetime, Meta(tz=True)] | None = None
    pace: Pace | None = None
    auto_pause: AutoPauseRule | None = None


class SendRequest(Request, frozen=True, kw_only=True):
    """POST /v1/campaigns/{id}/send."""

    expect_recipients: Annotated[int, Meta(ge=1, le=2_147_483_647)] | None = None


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
    expected_finish_at: datetime | None


class UploadView(Struct, frozen=True, kw_only=True):
    """An upload as it stands."""

    upload_id: str
    state: Literal["open", "complete"]
    rows: int
    line: int
    accepted: int
    skipped: int
    started_at: datetime


class CampaignSummary(Struct, frozen=True, kw_only=True):
    """A campaign in a list."""

    id: str
    name: str
    state: str
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
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
    expires_at: datetime | None
    send_at: datetime | None
    pace: Pace | None
    auto_pause: AutoPauseRule | None
    paused_at: datetime | None
    pause_reason: str | None
    longest: int
    retry_of: str | None
    sent_without_report: int
    uploads: list[UploadView]
    progress: Progress | None
