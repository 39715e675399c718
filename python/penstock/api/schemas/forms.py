"""The forms that all requests and answers share. A request refuses fields it does not know; an answer's fields are promised."""

from datetime import datetime
from typing import Annotated, Generic, TypeVar

from msgspec import Meta, Struct, field

from penstock.domain import quiet_hours
from penstock.domain.quiet_hours import Weekday

Region = Annotated[str, Meta(pattern="^[A-Z]{2}$", min_length=2, max_length=2, description="ISO 3166-1 alpha-2, in capitals")]
Instant = Annotated[datetime, Meta(tz=True, description="RFC 3339, in UTC")]
HourOfDay = Annotated[
    str, Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", min_length=5, max_length=5, description="Hour and minute, as 21:00")
]
Item = TypeVar("Item")


class Request(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JSON body from outside."""


class Empty(Request, frozen=True, kw_only=True):
    """A body that may be left out, and says nothing."""


class QuietHours(Request, frozen=True, kw_only=True):
    """When nothing is sent, by the clocks where the recipients are."""

    start: Annotated[HourOfDay, Meta(description="Quiet from then on.")] = field(name="from")
    end: Annotated[HourOfDay, Meta(description="Quiet until then; of the next day where it is the earlier of the two.")] = (
        field(name="to")
    )
    days: Annotated[list[Weekday], Meta(max_length=7, description="Days that are quiet from midnight to midnight.")] = field(
        default_factory=list
    )

    def rule(self) -> quiet_hours.QuietHours:
        """As the campaigns keep them."""
        return quiet_hours.QuietHours(start=self.start, end=self.end, days=tuple(self.days))


class Listing(Struct, Generic[Item], frozen=True):
    """A page of a list."""

    items: list[Item]
    next: Annotated[str, Meta(description="The address of the next page, to be followed as it is.")] | None
