"""Messages as they are asked for and as they are shown."""

from typing import Annotated, Final

from msgspec import Meta, Struct, field

from penstock.api.schemas.forms import Instant, Request
from penstock.domain.message import MessageState

MOST_MESSAGES: Final = 1000
MOST_FOUND: Final = 1000

# Bounds that are checked message by message, so that one wrong message of a list refuses itself only: here they are for the
# reader of the document.
Number = Annotated[
    str,
    Meta(
        description="`+` and digits (E.164), or national where the tenant has a default region.",
        extra_json_schema={"minLength": 1, "maxLength": 32},
    ),
]
Text = Annotated[str, Meta(description="Sent exactly as given.", extra_json_schema={"minLength": 1, "maxLength": 4000})]
Sender = Annotated[str, Meta(description="The tenant's own when left out.", extra_json_schema={"maxLength": 16})]
SendAt = Annotated[Instant, Meta(description="Not sent before this; at most 90 days ahead.")]
Reference = Annotated[
    str, Meta(description="Your own name of the message.", extra_json_schema={"minLength": 1, "maxLength": 200})
]


class NewMessage(Request, frozen=True, kw_only=True):
    """One message to one number."""

    to: Number
    text: Text
    sender: Sender | None = field(default=None, name="from")
    send_at: SendAt | None = None
    reference: Reference | None = None


class NewMessages(Request, frozen=True, kw_only=True):
    """Either one message by its fields, or a list of them under `messages`."""

    to: Number | None = None
    text: Text | None = None
    sender: Sender | None = field(default=None, name="from")
    send_at: SendAt | None = None
    reference: Reference | None = None
    messages: Annotated[list[NewMessage], Meta(min_length=1, max_length=MOST_MESSAGES)] | None = None


class SearchRequest(Request, frozen=True, kw_only=True):
    """What is looked for: either a number or a reference."""

    number: Annotated[Number, Meta(min_length=1, max_length=32)] | None = None
    reference: Annotated[Reference, Meta(min_length=1, max_length=200)] | None = None
    limit: Annotated[int, Meta(ge=1, le=MOST_FOUND)] = 100
    after: Annotated[str, Meta(max_length=500, description="`next` of the page before.")] | None = None


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


class MessageDetail(MessageView, frozen=True, kw_only=True):
    """A message by itself."""

    sender: str = field(name="from")
    campaign_id: str | None
    """None for a single message."""
    reference: str | None
    created_at: Instant
    due_at: Instant | None
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
    at: Instant
    ended_at: Instant | None = None
    """Of an attempt: when its outcome was on record."""
    detail: str | None = None


class Timeline(Struct, frozen=True, kw_only=True):
    """What happened to a message, in the order of what must come before what."""

    id: str
    state: MessageState
    items: list[TimelineEvent]


class Found(Struct, frozen=True, kw_only=True):
    """A page of messages, newest first."""

    items: list[MessageDetail]
    next: str | None
    indexed_until: Instant
    """Messages stored before this are found; the index of numbers is filled behind."""
