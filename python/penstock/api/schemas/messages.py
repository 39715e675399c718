"""Messages as they are shown."""

from msgspec import Struct

from penstock.api.schemas.forms import Instant
from penstock.domain.message import MessageState


class MessageView(Struct, frozen=True, kw_only=True):
    """A recipient's message."""

    id: str
    to: str
    state: MessageState
    segments: int
    sent_at: Instant | None
    final_at: Instant | None
    report_closed_at: Instant | None
    provider_id: str | None
    error: str | None


class ReportLine(Struct, frozen=True, kw_only=True):
    """A recipient's message in the report; the names of the columns too."""

    to: str
    state: MessageState
    segments: int
    sent_at: Instant | None
    final_at: Instant | None
    provider_id: str | None
    error: str | None
