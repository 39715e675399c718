"""JSON bodies become typed values, or one error that says what is wrong and where.

400: it cannot be read or names an unknown field. 413 and 415: size and type. 422: a known field has a value that is not
acceptable.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final, TypeVar

import msgspec
from aiohttp import web

from penstock import _core
from penstock.api.parts import PARTS
from penstock.api.streams import read_body
from penstock.domain.errors import InvalidValueError, MalformedRequestError, UnsupportedTypeError

_JSON: Final = "application/json"
_ESCAPED_NUL: Final = rb"\u0000"
_CHARSETS: Final = frozenset({None, "utf-8", "utf8", "us-ascii"})
_WITH_PATH: Final = re.compile(r"(?P<what>.*?)(?: - at `(?:key in )?\$(?P<path>.*)`)?", re.DOTALL)
_UNKNOWN_FIELD: Final = re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL)
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")

_RAW_BODY: Final = web.RequestKey("raw_body", bytes)

Value = TypeVar("Value", bound=msgspec.Struct)
Decoded = TypeVar("Decoded")

_OBJECT: Final = msgspec.json.Decoder(dict[str, object])


async def read_json(request: web.Request, kind: type[Value]) -> Value:
    """The body as a `kind`."""
    check_content_type(request, _JSON)
    request[_RAW_BODY] = body = await read_body(request, request.app[PARTS].http.max_json_bytes)
    return decode(body, kind)


async def read_optional_json(request: web.Request, kind: type[Value]) -> Value:
    """The same where no body at all means every default."""
    if not request.can_read_body:
        return kind()
    return await read_json(request, kind)


async def read_object(request: web.Request, limit: int) -> dict[str, object]:
    """The body as a JSON object of any fields, at most `limit` bytes."""
    check_content_type(request, _JSON)
    request[_RAW_BODY] = body = await read_body(request, limit)
    return _decode(body, _OBJECT)


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
    """Bytes to a typed value."""
    decoder: msgspec.json.Decoder[Value] = _decoder(kind)
    return _decode(body, decoder)


def _decode(body: bytes, decoder: msgspec.json.Decoder[Decoded]) -> Decoded:
    """Three foreign exceptions besides msgspec's own come out of JSON decoding."""
    try:
        value = decoder.decode(body)
        if _ESCAPED_NUL in body:  # written in any other way the decoder refuses it
            _check_texts(value)
    except msgspec.ValidationError as error:
        raise _explain(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedRequestError(f"The body is not valid JSON in UTF-8 ({_reason(error)}).") from None
    _check_keys(body)
    return value


def _check_texts(value: object) -> None:
    """Refuse what no text of the database can hold, and say where it is."""
    for pointer, text in _texts(value, ""):
        if "\0" in text:
            raise InvalidValueError("A text may not contain the character U+0000.", pointer=pointer)


def _check_keys(body: bytes) -> None:
    """Refuse an object in which a key stands twice, with or without an Idempotency-Key.

    Readers of JSON do not agree on which of the two counts, so what a proxy or an audit in front of us has seen would not be
    what we do; the decoder takes the last one silently. It costs 2 µs a kilobyte.
    """
    try:
        _core.canonical_json(body)
    except _core.FormatError as error:
        raise MalformedRequestError(str(error)) from None


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
    # The decoder quotes a value that is none of a closed set.
    what = "Not one of the values that are known here" if what.startswith("Invalid enum value") else what
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
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _texts(item, f"{pointer}/{index}")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield f"{pointer}/{_escape(key)}", key
            yield from _texts(item, f"{pointer}/{_escape(key)}")
