"""Recipients: what became of an upload."""

from typing import Annotated

from msgspec import Meta, Struct

Value = Annotated[str, Meta(max_length=65_536)] | int | float | bool | None
Recipient = Annotated[
    dict[Annotated[str, Meta(max_length=200)], Value],
    Meta(
        max_length=200,
        description="A number under `phone`, `to`, `number`, `msisdn` or `mobile`, and values for the text's placeholders.",
    ),
]
"""A recipient of an upload in JSON. The parser reads it; this is what the document says."""


class RecipientList(Struct, frozen=True, kw_only=True):
    """The body of an upload in JSON. The parser reads it; this is what the document says."""

    recipients: Annotated[list[Recipient | Annotated[str, Meta(max_length=64)]], Meta(max_length=1_000_000)]


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
    """What became of an upload, with the first skipped rows."""

    upload_id: str
    rows: int
    accepted: int
    skipped: dict[str, int]
    segments: int
    problems: list[ProblemRow]
