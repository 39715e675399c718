"""JSON bodies become typed values, or one error that says what is wrong and where.

400: it cannot be read or names an unknown field. 413 and 415: size and type. 422: a known field has a value that is not
acceptable.
"""

import asyncio
import re
from collections.abc import Iterator
from contextlib import aclosing
from functools import cache
from typing import Any, Final, TypeVar

import msgspec
from aiohttp import web

from penstock import _core
from penstock.api.parts import PARTS
from penstock.api.streams import check_announced_size, open_body, read_whole
from penstock.domain.errors import InvalidValueError, MalformedRequestError, RequestTimeoutError, UnsupportedTypeError

_JSON: Final = "application/json"
_CHARSETS: Final = frozenset({None, "utf-8", "utf8", "us-ascii"})
_WITH_PATH: Final = re.compile(r"(?P<what>.*?)(?: - at `(?:key in )?\$(?P<path>.*)`)?", re.DOTALL)
_UNKNOWN_FIELD: Final = re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL)
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")

_RAW_BODY: Final = web.RequestKey("raw_body", bytes)

Value = TypeVar("Value", bound=msgspec.Struct)


async def read_json(request: web.Request, kind: type[Value]) -> Value:
    """The body as a `kind`."""
    check_content_type(request, _JSON)
    request[_RAW_BODY] = body = await _read(request)
    return decode(body, kind)


async def read_optional_json(request: web.Request, kind: type[Value]) -> Value:
    """The same where no body at all means every default."""
    if not request.can_read_body:
        return kind()
    return await read_json(request, kind)


async def read_object(request: web.Request, limit: int) -> dict[str, object]:
    """The body as a JSON object of any fields, at most `limit` bytes. Two readers cannot understand it differently."""
    check_content_type(request, _JSON)
    request[_RAW_BODY] = body = await _read(request, limit)
    try:
        _core.canonical_json(body)
        return msgspec.json.decode(body, type=dict[str, object])
    except (_core.FormatError, msgspec.DecodeError) as error:
        raise MalformedRequestError(f"The body is not a JSON object ({error}).") from None


def raw_body(request: web.Request) -> bytes:
    """The body that was read, decompressed; empty when there was none."""
    body: bytes = request.get(_RAW_BODY, b"")
    return body


def check_content_type(request: web.Request, *expected: str) -> str:
    """The content type, if it is one of those expected and in UTF-8."""
    given = request.content_type if "Content-Type" in request.headers else ""
    if given not in expected:
        raise UnsupportedTypeError(f"Send the body as {' or '.join(expected)} and say so in Content-Type.")
    charset = request.charset
    if (charset.lower() if charset else None) not in _CHARSETS:
        raise UnsupportedTypeError("Send the body in UTF-8.")
    return given


def decode(body: bytes, kind: type[Value]) -> Value:
    """Bytes to a typed value. Three foreign exceptions besides msgspec's own come out of JSON decoding."""
    try:
        value: Value = _decoder(kind).decode(body)
    except msgspec.ValidationError as error:
        raise _explain(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedRequestError(f"The body is not valid JSON in UTF-8 ({_reason(error)}).") from None
    for pointer, text in _texts(value, ""):
        if "\0" in text:
            raise InvalidValueError("A text may not contain the character U+0000.", pointer=pointer)
    return value


async def _read(request: web.Request, limit: int | None = None) -> bytes:
    """Within one deadline for the whole body: a JSON body is small, so a dripping one is not honest."""
    http = request.app[PARTS].http
    limit = limit or http.max_json_bytes
    check_announced_size(request, limit)
    try:
        async with (
            asyncio.timeout(http.body_timeout.total_seconds()),
            aclosing(open_body(request, http.body_timeout)) as source,
        ):
            return await read_whole(source, limit)
    except TimeoutError:
        raise RequestTimeoutError("The body did not arrive in time.") from None


@cache
def _decoder(kind: type[Value]) -> msgspec.json.Decoder[Value]:
    return msgspec.json.Decoder(kind)


def _explain(message: str) -> MalformedRequestError | InvalidValueError:
    """Turn msgspec's `what - at `$.path`` into one of our errors, with a JSON pointer."""
    match = _WITH_PATH.fullmatch(message)
    what, path = (match["what"], match["path"] or "") if match else (message, "")
    pointer = "".join(f"/{_escape(name or index)}" for name, index in _STEP.findall(path))
    unknown = _UNKNOWN_FIELD.fullmatch(what)
    if unknown:
        return MalformedRequestError(
            "The object has a field that is not known here.", pointer=f"{pointer}/{_escape(unknown['name'])}"
        )
    return InvalidValueError(f"{what}.", pointer=pointer)


def _escape(step: str) -> str:
    """One step of a JSON pointer (RFC 6901)."""
    return step[:64].replace("~", "~0").replace("/", "~1")


def _reason(error: Exception) -> str:
    """The decoder's words where they carry a position only, never a piece of the body."""
    match error:
        case RecursionError():
            return "nested too deeply"
        case UnicodeDecodeError():
            return f"invalid UTF-8 at byte {error.start}"
        case _:
            return str(error)


def _texts(value: Any, pointer: str) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - a decoded value of any shape
    """Every text inside a decoded value, with its pointer."""
    if isinstance(value, str):
        yield pointer, value
    elif isinstance(value, msgspec.Struct):
        for field in msgspec.structs.fields(value):
            yield from _texts(getattr(value, field.name), f"{pointer}/{field.encode_name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, f"{pointer}/{index}")
