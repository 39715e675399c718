"""The forms that all requests and answers share. A request refuses fields it does not know; an answer's fields are promised."""

from datetime import datetime
from typing import Annotated, Generic, TypeVar

from msgspec import Meta, Struct

Region = Annotated[str, Meta(pattern="^[A-Z]{2}$", min_length=2, max_length=2, description="ISO 3166-1 alpha-2, in capitals")]
Instant = Annotated[datetime, Meta(tz=True, description="RFC 3339, in UTC")]
Item = TypeVar("Item")


class Request(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JSON body from outside."""


class Empty(Request, frozen=True, kw_only=True):
    """A body that may be left out, and says nothing."""


class Listing(Struct, Generic[Item], frozen=True):
    """A page of a list."""

    items: list[Item]
    next: Annotated[str, Meta(description="The address of the next page, to be followed as it is.")] | None
