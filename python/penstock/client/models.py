"""Answers as types. Fields that a later gateway adds are ignored."""

from datetime import datetime
from typing import Generic, TypeVar

from msgspec import Struct, field

Item = TypeVar("Item")


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
    """How far sending has come."""

    handled: int
    total: int
    average_per_s: float
    expected_finish_at: datetime | None


class StoredUpload(Struct, frozen=True, kw_only=True):
    """An upload of a campaign; an open one can be continued by its id."""

    upload_id: str
    state: str
    rows: int
    line: int
    accepted: int
    skipped: int


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


class Pace(Struct, frozen=True, kw_only=True):
    """How a campaign is spread over time."""

    over_s: int


class QuietHours(Struct, frozen=True, kw_only=True):
    """When nothing is sent, by the clocks where the recipients are."""

    start: str = field(name="from")
    end: str = field(name="to")
    days: list[str]


class Campaign(CampaignSummary, frozen=True, kw_only=True):
    """A campaign as it stands."""

    text: str
    sender: str = field(name="from")
    sent_without_report: int
    uploads: list[StoredUpload]
    progress: Progress | None
    send_at: datetime | None = None
    pace: Pace | None = None
    quiet_hours: QuietHours | None = None
    paused_at: datetime | None = None
    pause_reason: str | None = None
    retry_of: str | None = None
    resend_unknown_after_s: int | None = None
    possible_duplicates: int = 0
    """Messages that were sent once more although their first sending may have arrived."""
    messages_dropped_at: datetime | None = None
    """Since then there is no list and no report of its messages; its counts stay."""
    longest: int = 0


class Canceled(Struct, frozen=True, kw_only=True):
    """A canceled campaign; the five numbers make up all of its messages."""

    stopped: int
    in_flight: int
    sent: int
    unknown: int
    refused: int
    campaign: Campaign


class Retry(Struct, frozen=True, kw_only=True):
    """What is tried again."""

    requeued: int
    campaign: Campaign | None


class Obstacle(Struct, frozen=True, kw_only=True):
    """Why a campaign would not send now."""

    code: str
    detail: str


class Quote(Struct, frozen=True, kw_only=True):
    """What sending would come to."""

    recipients: int
    skipped: int
    skipped_by_reason: dict[str, int]
    segments: int
    longest: int
    encoding: str
    forcing: list[str]
    expected_start_at: datetime | None
    expected_finish_at: datetime | None
    would_send_now: bool
    why_not: list[Obstacle]


class ProblemRow(Struct, frozen=True, kw_only=True):
    """A row of an upload that did not become a message."""

    line: int
    reason: str
    detail: str


class SkippedRow(ProblemRow, frozen=True, kw_only=True):
    """The same, of any upload of the campaign."""

    upload_id: str


class UploadResult(Struct, frozen=True, kw_only=True):
    """What came of a complete upload; `problems` are the first hundred."""

    upload_id: str
    rows: int
    accepted: int
    skipped: dict[str, int]
    segments: int
    problems: list[ProblemRow]


class Message(Struct, frozen=True, kw_only=True):
    """A recipient's message."""

    id: str
    to: str
    state: str
    segments: int
    sent_at: datetime | None
    final_at: datetime | None
    provider_id: str | None
    error: str | None


class OptOut(Struct, frozen=True, kw_only=True):
    """A number that is not written to."""

    number: str
    source: str
    created_at: datetime


class Page(Struct, Generic[Item], frozen=True, kw_only=True):
    """A page of a list."""

    items: list[Item]
    next: str | None
