"""Requests and answers as types. A request refuses fields it does not know; an answer's fields are promised."""

from datetime import datetime
from typing import Annotated, Generic, Literal, TypeVar

from msgspec import Meta, Struct, field

Region = Annotated[str, Meta(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2, in capitals")]
Item = TypeVar("Item")

MOST_NUMBERS = 10_000


class Request(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JSON body from outside."""


class NewCampaign(Request, frozen=True, kw_only=True):
    """POST /v1/campaigns."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    text: Annotated[str, Meta(min_length=1, max_length=4000)]
    sender: Annotated[str, Meta(max_length=16)] | None = field(default=None, name="from")
    default_region: Region | None = None
    validity_s: Annotated[int, Meta(ge=60, le=259_200)] | None = None
    max_parts: Annotated[int, Meta(ge=1, le=10)] = 10
    countries: Annotated[list[Region], Meta(min_length=1, max_length=300)] | None = None


class SendRequest(Request, frozen=True, kw_only=True):
    """POST /v1/campaigns/{id}/send."""

    expect_recipients: Annotated[int, Meta(ge=1, le=2_147_483_647)] | None = None


class Numbers(Request, frozen=True, kw_only=True):
    """POST and DELETE /v1/opt-outs."""

    numbers: Annotated[list[Annotated[str, Meta(max_length=32)]], Meta(min_length=1, max_length=MOST_NUMBERS)]


class Listing(Struct, Generic[Item], frozen=True):
    """A page of anything."""

    items: list[Item]
    next: str | None


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
    sent_without_report: int
    uploads: list[UploadView]
    progress: Progress | None


class SkippedView(Struct, frozen=True, kw_only=True):
    """A row that did not become a message."""

    upload_id: str
    line: int
    reason: str
    detail: str


class ProblemRow(Struct, frozen=True):
    """The same, in the answer to its own upload."""

    line: int
    reason: str
    detail: str


class UploadAnswer(Struct, frozen=True, kw_only=True):
    """POST /v1/campaigns/{id}/recipients."""

    upload_id: str
    rows: int
    accepted: int
    skipped: dict[str, int]
    segments: int
    problems: list[ProblemRow]


class MessageView(Struct, frozen=True, kw_only=True):
    """A recipient's message."""

    id: str
    to: str
    state: str
    segments: int
    sent_at: datetime | None
    final_at: datetime | None
    report_closed_at: datetime | None
    provider_id: str | None
    error: str | None


class OptOutView(Struct, frozen=True, kw_only=True):
    """A number that is not written to."""

    number: str
    source: str
    created_at: datetime


class OptOutsAdded(Struct, frozen=True, kw_only=True):
    """How many numbers were new, and how many were there before."""

    added: int
    known: int


class OptOutsRemoved(Struct, frozen=True, kw_only=True):
    """How many numbers were there, and how many were not."""

    removed: int
    unknown: int
