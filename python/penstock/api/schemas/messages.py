"""Messages as they are asked for and as they are shown."""

from datetime import datetime
from typing import Annotated, Final

from msgspec import Meta, Struct, field

from penstock.api.schemas.forms import Request

MOST_MESSAGES: Final = 1000
MOST_FOUND: Final = 1000

# Bounds that are checked message by message, so that one wrong message of a list refuses itself only: here they are for the
# reader of the document.
Number = Annotated[str, Meta(description="+ and digits (E.164), or national where the tenant has a default region")]
Text = Annotated[str, Meta(description="Sent exactly as given", extra_json_schema={"minLength": 1})]
Sender = Annotated[str, Meta(description="The tenant's own when left out")]
SendAt = Annotated[datetime, Meta(tz=True, description="Not sent before this; at most 90 days ahead")]
Reference = Annotated[
    str, Meta(description="Your own name of the message", extra_json_schema={"minLength": 1, "maxLength": 200})
]


class NewMessage(Request, frozen=True, kw_only=True):
    """One message to one number."""

    to: Number
    text: Text
    sender: Sender | None = field(default=None, name="from")
    send_at: SendAt | None = None
    reference: Reference | None = None


class NewMessages(Request, frozen=True, kw_only=True):
    """POST /v1/messages: either one message by its fields, or a list of them under `messages`."""

    to: Number | None = None
    text: Text | None = None
    sender: Sender | None = field(default=None, name="from")
    send_at: SendAt | None = None
    reference: Reference | None = None
    messages: Annotated[list[NewMessage], Meta(min_length=1, max_length=MOST_MESSAGES)] | None = None


class SearchRequest(Request, frozen=True, kw_only=True):
    """POST /v1/messages/search: either a number or a reference."""

    number: Number | None = None
    reference: Reference | None = None
    limit: Annotated[int, Meta(ge=1, le=MOST_FOUND)] = 100
    after: Annotated[str, Meta(description="`next` of the page before")] | None = None


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


class MessageDetail(MessageView, frozen=True, kw_only=True):
    """A message by itself."""

    sender: str = field(name="from")
    campaign_id: str | None
    """None for a single message."""
    reference: str | None
    created_at: datetime
    due_at: datetime | None
    """When it may be sent; None once that has begun."""


class MessageError(Struct, frozen=True):
    """Why a message of a list was refused."""

    code: str
    detail: str
    pointer: str


class MessageResult(Struct, frozen=True, omit_defaults=True):
    """What became of a message of a list: one of the two."""

    message: MessageDetail | None = None
    error: MessageError | None = None


class MessageResults(Struct, frozen=True, kw_only=True):
    """The answer to a list, in its order."""

    items: list[MessageResult]
    accepted: int
    refused: int


class TimelineEvent(Struct, frozen=True, kw_only=True):
    """Something that happened to a message."""

    event: str
    at: datetime
    ended_at: datetime | None = None
    """Of an attempt: when its outcome was on record."""
    detail: str | None = None


class Timeline(Struct, frozen=True, kw_only=True):
    """GET /v1/messages/{id}/timeline: in the order of what must come before what."""

    id: str
    state: str
    items: list[TimelineEvent]


class Found(Struct, frozen=True, kw_only=True):
    """A page of messages, newest first."""

    items: list[MessageDetail]
    next: str | None
    indexed_until: datetime
    """Messages stored before this are found; the index of numbers is filled behind."""
