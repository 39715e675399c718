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


class Campaign(Struct, frozen=True, kw_only=True):
    """A campaign as it stands."""

    id: str
    name: str
    state: str
    text: str
    sender: str = field(name="from")
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    segments: int
    counts: Counts
    sent_without_report: int
    uploads: list[StoredUpload]
    progress: Progress | None


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
