"""Recipients: what became of an upload."""

from msgspec import Struct


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
