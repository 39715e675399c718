"""The canonical form of JSON, read with the json module and written by hand."""

import hashlib
import json
from typing import Any, NamedTuple

MAX_DEPTH = 64
SHORT = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


class Number(NamedTuple):
    """A number as it was written."""

    text: str


class Members(NamedTuple):
    """An object as it was written."""

    pairs: list[tuple[str, Any]]


def canonical_json(data: bytes) -> bytes:
    """Raises ValueError where the core raises FormatError."""
    text = data.decode("utf-8")
    if nesting(text) > MAX_DEPTH:
        raise ValueError("nested too deep")
    value = json.loads(text, parse_int=Number, parse_float=Number, parse_constant=_refuse, object_pairs_hook=Members)
    return write(value).encode("utf-8")


def fingerprint(method: str, path: str, content_type: str, body: bytes) -> bytes:
    """Each part behind its length."""
    # Of bytes only the ASCII letters have two cases, as in the words of HTTP.
    essence = content_type.partition(";")[0].encode().strip(b" \t\n\r\f").lower()
    if essence == b"application/json" or essence.endswith(b"+json"):
        body = canonical_json(body)
    parts = [method.encode().upper(), path.encode(), essence, body]
    framed = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return hashlib.sha256(b"penstock request fingerprint 1\n" + framed).digest()


def nesting(text: str) -> int:
    """Open brackets at the deepest place, those in strings left out."""
    depth = deepest = 0
    is_string = is_escaped = False
    for character in text:
        if is_string:
            is_string = is_escaped or character != '"'
            is_escaped = not is_escaped and character == "\\"
            continue
        is_string = character == '"'
        depth += (character in "[{") - (character in "]}")
        deepest = max(deepest, depth)
    return deepest


def write(value: Any) -> str:
    """A value in its one form."""
    match value:
        case Number(text):
            return text
        case Members(pairs):
            if len({key for key, _ in pairs}) != len(pairs):
                raise ValueError("a key stands twice")
            ordered = sorted(pairs, key=lambda pair: pair[0].encode("utf-16-be"))
            return "{" + ",".join(f"{write(key)}:{write(inner)}" for key, inner in ordered) + "}"
        case list():
            return "[" + ",".join(map(write, value)) + "]"
        case str():
            return '"' + "".join(map(_escape, value)) + '"'
        case _:
            return {True: "true", False: "false", None: "null"}[value]


def _escape(character: str) -> str:
    if character < " ":
        return SHORT.get(character, f"\\u{ord(character):04x}")
    return SHORT.get(character, character)


def _refuse(constant: str) -> None:
    raise ValueError(constant)
