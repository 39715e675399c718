"""Foreign JSON values as texts."""

import json
from decimal import Decimal


class Number(str):
    """A number as it was written."""

    __slots__ = ()


def _no_constant(name: str) -> None:
    raise ValueError(name)


def load(text: str | bytes) -> object:
    """Strict JSON, numbers kept as written; ValueError for anything else and for what is nested more than 128 deep."""
    if isinstance(text, bytes):
        text = text.decode()
    value = json.loads(text, parse_int=Number, parse_float=Number, parse_constant=_no_constant)
    if _depth(value) > 128:
        raise ValueError(text)
    return value


def _depth(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(_depth, inner), default=0)


def clean(text: str, limit: int) -> str:
    """Trimmed, cut, without NUL."""
    return text.strip()[:limit].replace("\0", "\ufffd")


def is_id(value: object) -> bool:
    """A text that can be stored as an id."""
    return isinstance(value, str) and 1 <= len(value) <= 200 and "\0" not in value and is_unicode(value)


def is_unicode(text: str) -> bool:
    """Whether no half of a surrogate pair is in it."""
    return not any(0xD800 <= ord(character) <= 0xDFFF for character in text)


def scalar(value: object) -> str | None:
    """A text, or a number or boolean as written."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str) and is_unicode(value) else None


def error_text(value: object) -> str | None:
    """What an error member says, if it says anything."""
    if isinstance(value, list):
        return error_text(value[0]) if value else None
    if isinstance(value, dict):
        if not value:
            return None
        said = [_plain(value[name]) for name in ("message", "code") if name in value]
        return next((text for text in said if text is not None), None) or clean(_compact(value), 200)
    return _plain(value)


def _plain(value: object) -> str | None:
    if value is False:
        return None
    text = scalar(value)
    return None if text is None or clean(text, 200) in {"", "0"} else clean(text, 200)


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=lambda number: float(Decimal(number)))
