"""Ids in paths, parameters in query strings, cursors: text from outside becomes values.

Cursors are opaque: they carry a position and a client only hands them back.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Final, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web
from msgspec import Struct

from penstock.domain.errors import InvalidValueError, MalformedRequestError, NotFoundError
from penstock.domain.ids import CampaignId, KeyId, TenantId

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LIMIT: Final = re.compile(r"[1-9][0-9]{0,3}")
_UNREADABLE: Final = "\ufffd"

_MOST_DIGITS: Final = 20

DEFAULT_LIMIT: Final = 100
MOST_ITEMS: Final = 1000

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


def parameters(request: web.Request, *known: str) -> Mapping[str, str]:
    """The query's parameters: known ones only, each once, in UTF-8."""
    given = request.query
    for name in given:
        if name not in known:
            raise MalformedRequestError(f"This address knows the parameters {', '.join(known) or 'of no name'} only.")
        if len(given.getall(name)) > 1:
            raise MalformedRequestError(f"The parameter {name} is given more than once.")
        if _UNREADABLE in given[name]:
            raise MalformedRequestError(f"The parameter {name} is not valid UTF-8.")
        if "\0" in given[name]:
            raise InvalidValueError(f"The parameter {name} may not contain the character U+0000.")
    return given


def page(given: Mapping[str, str]) -> Page:
    """`limit` and `after`."""
    limit = given.get("limit", str(DEFAULT_LIMIT))
    if not _LIMIT.fullmatch(limit) or int(limit) > MOST_ITEMS:
        raise InvalidValueError(f"limit is a number from 1 to {MOST_ITEMS}.")
    after = given.get("after")
    return Page(int(limit), None if after is None else decode_cursor(after))


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
