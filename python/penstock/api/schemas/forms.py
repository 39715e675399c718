"""The forms that all requests and answers share. A request refuses fields it does not know; an answer's fields are promised."""

from typing import Annotated, Generic, TypeVar

from msgspec import Meta, Struct

Region = Annotated[str, Meta(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2, in capitals")]
Item = TypeVar("Item")


class Request(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JSON body from outside."""


class Empty(Request, frozen=True, kw_only=True):
    """A body that may be left out, and says nothing."""


class Listing(Struct, Generic[Item], frozen=True):
    """A page of anything."""

    items: list[Item]
    next: str | None
