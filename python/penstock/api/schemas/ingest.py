"""Events from elsewhere, and the sources they come from."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from penstock.api.schemas.forms import Request

Name = Annotated[str, Meta(min_length=1, max_length=64)]
Value = Annotated[str, Meta(max_length=200)] | Annotated[int, Meta(ge=-(2**53), le=2**53)] | bool


class RuleSetup(Request, frozen=True, kw_only=True):
    """One message for each new event. Names are fields of the event, in any case of letters."""

    text: Annotated[str, Meta(min_length=1, max_length=4000)]
    to: Name
    """The field with the recipient's number."""
    sender: Annotated[str, Meta(max_length=16)] | None = field(default=None, name="from")
    when: Annotated[dict[Name, Value], Meta(max_length=20)] = {}  # noqa: RUF012 - msgspec copies it
    """Fields and the values they must have; an event without them sends nothing."""


class SourceSetup(Request, frozen=True, kw_only=True):
    """PUT /v1/ingest/{source}."""

    identity: Literal["key", "reference", "content"] = "key"
    """What makes two events the same where they carry no Idempotency-Key."""
    rule: RuleSetup | None = None


class SourceView(Struct, frozen=True, kw_only=True):
    """A source as it is set up."""

    source: str
    identity: str
    rule: RuleSetup | None
    created_at: datetime


class EventTaken(Struct, frozen=True, kw_only=True):
    """The answer to an event's first arrival."""

    id: str
    message_id: str | None
    not_sent: str | None
    """Why a rule that applies sent nothing."""
