"""The words of an upload: what is asked for, what came of it, and how it stops half-way.

Not the work itself: opening.py decides whether an upload may begin, audience.py receives it, storing.py stores its chunks.
"""

from datetime import timedelta
from typing import Final, Literal

from msgspec import Struct

from penstock.domain.errors import GatewayError, StateConflictError
from penstock.store.uploads import SkippedRow, Upload

UploadFormat = Literal["csv", "ndjson", "json"]

SHOWN_PROBLEMS: Final = 100
"""Skipped rows that an answer lists; all of them can be read page by page."""

ABANDONED_AFTER: Final = timedelta(seconds=60)
"""An open upload of which nothing was stored is forgotten after this: its process died before its first chunk."""


class UploadRequest(Struct, frozen=True, kw_only=True):
    """What the client says about its upload."""

    format: UploadFormat
    upload_id: str | None = None
    """The client's name for it, by which it can be continued. None: it gets one."""
    phone_column: str | None = None
    zone_column: str | None = None
    """Read only where the campaign has quiet hours."""


class UploadResult(Struct, frozen=True, kw_only=True):
    """A complete upload."""

    upload_id: str
    rows: int
    accepted: int
    skipped: dict[str, int]
    segments: int
    problems: list[SkippedRow]


class UploadStoppedError(Exception):
    """An upload ended early and keeps what was stored; `cause` says why, the rest where it can be continued."""

    def __init__(self, cause: GatewayError, upload: Upload) -> None:
        super().__init__(cause.detail)
        self.cause = cause
        self.upload_id = upload.upload_id
        self.rows = upload.rows
        self.line = upload.line

    @property
    def detail(self) -> str:
        """What happened, how much is safe, and what to do."""
        return f"{self.cause.detail} {_how_to_continue(self.upload_id, self.rows, self.line)}"


def another_is_open(upload: Upload) -> StateConflictError:
    """The refusal when a campaign has an upload that is not finished."""
    return StateConflictError(
        f"The upload {upload.upload_id} of this campaign is not finished. "
        + _how_to_continue(upload.upload_id, upload.rows, upload.line)
    )


def _how_to_continue(upload_id: str, rows: int, line: int) -> str:
    return (
        f"{rows} rows, up to line {line}, are stored. Send the same body again with the header Upload-Id: {upload_id} to "
        "continue behind them, or discard every recipient of the campaign with DELETE and begin anew."
    )
