"""Messages as they are shown."""

from datetime import datetime

from msgspec import Struct


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
