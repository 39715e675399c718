"""Ids in paths, parameters in query strings, cursors: text from outside becomes values.

Which parameters an address knows, and of which type, is said in the route table. Cursors are opaque: they carry a position
and a client only hands them back.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, TypeVar, get_args, get_origin
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from penstock.api.routes import Address, Parameter
from penstock.domain.errors import InvalidValueError, MalformedRequestError, NotFoundError
from penstock.domain.ids import BatchId, CampaignId, KeyId, TenantId

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_WHOLE_NUMBER: Final = re.compile(r"0|-?[1-9][0-9]{0,18}")
_UNREADABLE: Final = "\ufffd"
_SPACED_ZONE: Final = re.compile(r" (?=\d\d:\d\d$)")
"""In a query a `+` that was not escaped arrives as a space."""

_MOST_DIGITS: Final = 20

DEFAULT_LIMIT: Final = 100
MOST_ITEMS: Final = 1000
_MOST_CURSOR_CHARS: Final = 500

TENANT_ID: Final = Annotated[int, Meta(ge=1, le=(1 << 31) - 1)]

PAGE: Final = (
    Parameter("limit", Annotated[int, Meta(ge=1, le=MOST_ITEMS)], f"Items on a page, {DEFAULT_LIMIT} when not given."),
    Parameter(
        "after",
        Annotated[str, Meta(max_length=_MOST_CURSOR_CHARS)],
        "Where the page before ended. Follow the link in `next` as it is instead of making one.",
    ),
)
"""The parameters of every list."""

_VALUES: Final = web.RequestKey("parameters", dict[str, Any])

Position = TypeVar("Position")


class Page(Struct, frozen=True):
    """Which items of a list are asked for."""

    limit: int
    after: bytes | None
    """Where the page before ended."""


def campaign_id(request: web.Request) -> CampaignId:
    """The id in the path. Anything that cannot be one does not exist."""
    text = request.match_info["campaign_id"]
    if not _UUID.fullmatch(text):
        raise NotFoundError("There is no such campaign.")
    return CampaignId(UUID(text))


def tenant_id(request: web.Request) -> TenantId:
    """The tenant in an operator's path. Anything that cannot be one does not exist."""
    try:
        return tenant_position(request.match_info["tenant_id"].encode())
    except ValueError:
        raise NotFoundError("There is no such tenant.") from None


def key_id(request: web.Request) -> KeyId:
    """The same for a key."""
    try:
        return key_position(request.match_info["key_id"].encode())
    except ValueError:
        raise NotFoundError("There is no such key.") from None


def batch_id(request: web.Request) -> BatchId:
    """The same for a batch."""
    try:
        return batch_position(request.match_info["batch_id"].encode())
    except ValueError:
        raise NotFoundError("There is no such batch.") from None


def read_parameters(request: web.Request, route: Address) -> None:
    """The query's parameters become values: those that the route knows only, each once, in UTF-8."""
    known = {parameter.name: parameter for parameter in route.query}
    given = request.query
    for name in given:
        if name not in known:
            raise MalformedRequestError(f"This address knows the parameters {', '.join(known) or 'of no name'} only.")
        if len(given.getall(name)) > 1:
            raise MalformedRequestError(f"The parameter {name} is given more than once.")
    request[_VALUES] = {name: _value(known[name], text) for name, text in given.items()}


def parameters(request: web.Request) -> dict[str, Any]:
    """The values, for the handler."""
    return request[_VALUES]


def _value(parameter: Parameter, text: str) -> object:
    if _UNREADABLE in text:
        raise MalformedRequestError(f"The parameter {parameter.name} is not valid UTF-8.")
    if "\0" in text:
        raise InvalidValueError(f"The parameter {parameter.name} may not contain the character U+0000.")
    kind = _plain(parameter.kind)
    is_number = kind is int
    if kind is datetime:
        text = _SPACED_ZONE.sub("+", text)
    if is_number and not _WHOLE_NUMBER.fullmatch(text):
        raise InvalidValueError(f"{parameter.name} is a whole number.")
    try:
        value: object = msgspec.convert(text, parameter.kind, strict=not is_number)
    except msgspec.ValidationError as error:
        raise InvalidValueError(_explain(parameter, error)) from None
    return value


def _explain(parameter: Parameter, error: msgspec.ValidationError) -> str:
    """What would be accepted; never what was given."""
    choices = choices_of(parameter.kind)
    return f"{parameter.name} is one of {', '.join(choices)}." if choices else f"The parameter {parameter.name}: {error}."


def choices_of(kind: Any) -> tuple[str, ...]:  # noqa: ANN401 - a type is any object
    """The values of a closed set, () for other types."""
    plain = _plain(kind)
    if get_origin(plain) is Literal:
        return get_args(plain)
    return tuple(plain) if isinstance(plain, type) and issubclass(plain, StrEnum) else ()


def _plain(kind: Any) -> Any:  # noqa: ANN401 - a type is any object
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def page(given: Mapping[str, Any]) -> Page:
    """`limit` and `after`."""
    after = given.get("after")
    return Page(given.get("limit", DEFAULT_LIMIT), None if after is None else decode_cursor(after))


def position(page: Page, read: Callable[[bytes], Position], first: Position) -> Position:
    """The cursor's content as `read` understands it, or `first` when there is none."""
    if page.after is None:
        return first
    try:
        return read(page.after)
    except ValueError:
        raise _bad_cursor() from None


def bounded_int(text: bytes, bound: int) -> int:
    """A number of a cursor, below `bound`. Raises ValueError: a cursor is the client's to break."""
    if not text.isdigit() or len(text) > _MOST_DIGITS or int(text) >= bound:
        raise ValueError("not a number of ours")
    return int(text)


def tenant_position(text: bytes) -> TenantId:
    """A place in the list of tenants. Raises ValueError."""
    return TenantId(bounded_int(text, 1 << 31))


def key_position(text: bytes) -> KeyId:
    """A place in a list of keys. Raises ValueError."""
    return KeyId(bounded_int(text, 1 << 63))


def batch_position(text: bytes) -> BatchId:
    """A place in a list of batches. Raises ValueError."""
    return BatchId(bounded_int(text, 1 << 63))


def next_url(request: web.Request, cursor: bytes) -> str:
    """This request's address with the cursor in place of the old one."""
    given = {name: text for name, text in request.query.items() if name != "after"}
    return f"{request.path}?{urlencode({**given, 'after': encode_cursor(cursor)})}"


def encode_cursor(cursor: bytes) -> str:
    """A position as callers see it."""
    return base64.urlsafe_b64encode(cursor).rstrip(b"=").decode()


def decode_cursor(text: str) -> bytes:
    """The position that was given out."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _bad_cursor() from None


def _bad_cursor() -> MalformedRequestError:
    return MalformedRequestError("The cursor in the parameter after is not one of ours: follow the next link as it is.")
