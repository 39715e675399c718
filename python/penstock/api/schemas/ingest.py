"""Events from elsewhere, and the sources they come from."""

from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct, field

from penstock.api.schemas.forms import Instant, Request

MOST_EVENT_BYTES: Final = 100_000
EventBody = Annotated[
    dict[str, Any],
    Meta(max_length=MOST_EVENT_BYTES // 5, description=f"Any JSON object of at most {MOST_EVENT_BYTES} bytes."),
]
"""An event. A member takes five bytes at least, so the size bounds their number."""

Name = Annotated[str, Meta(min_length=1, max_length=64)]
Value = Annotated[str, Meta(max_length=200)] | Annotated[int, Meta(ge=-(2**53), le=2**53)] | bool


class RuleSetup(Request, frozen=True, kw_only=True):
    """One message for each new event. Names are fields of the event, in any case of letters."""

    text: Annotated[str, Meta(min_length=1, max_length=4000)]
    to: Annotated[Name, Meta(description="The field with the recipient's number.")]
    sender: Annotated[str, Meta(max_length=16)] | None = field(default=None, name="from")
    when: Annotated[
        dict[Name, Value],
        Meta(max_length=20, description="Fields and the values they must have; an event without them sends nothing."),
    ] = {}  # noqa: RUF012 - msgspec copies it


class SourceSetup(Request, frozen=True, kw_only=True):
    """How events are told apart, and what they send."""

    identity: Annotated[
        Literal["key", "reference", "content"],
        Meta(description="What makes two events the same where they carry no Idempotency-Key."),
    ] = "key"
    rule: RuleSetup | None = None


class SourceView(Struct, frozen=True, kw_only=True):
    """A source as it is set up."""

    source: str
    identity: str
    rule: RuleSetup | None
    created_at: Instant


class EventTaken(Struct, frozen=True, kw_only=True):
    """The answer to an event's first arrival."""

    id: str
    message_id: str | None
    not_sent: Annotated[str, Meta(description="Why a rule that applies sent nothing.")] | None
