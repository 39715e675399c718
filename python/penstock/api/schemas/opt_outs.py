"""Numbers that are not written to."""

from typing import Annotated, Final

from msgspec import Meta, Struct

from penstock.api.schemas.forms import Instant, Request

MOST_NUMBERS: Final = 10_000


class Numbers(Request, frozen=True, kw_only=True):
    """Numbers to add or to remove."""

    numbers: Annotated[
        list[Annotated[str, Meta(max_length=32, description="E.164: + and digits")]],
        Meta(min_length=1, max_length=MOST_NUMBERS),
    ]


class OptOutView(Struct, frozen=True, kw_only=True):
    """A number that is not written to."""

    number: str
    source: str
    created_at: Instant


class OptOutsAdded(Struct, frozen=True, kw_only=True):
    """How many numbers were new, and how many were there before."""

    added: int
    known: int


class OptOutsRemoved(Struct, frozen=True, kw_only=True):
    """How many numbers were there, and how many were not."""

    removed: int
    unknown: int
