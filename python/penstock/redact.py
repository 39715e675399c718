"""Values that must not be shown: the Secret type, and the last step of every log line."""

import re
from collections.abc import Mapping
from typing import Final

MASK: Final = "***"

# Fields whose whole value is private wherever they appear in a log event, compared in lower case.
PRIVATE_FIELDS: Final = frozenset(
    {
        "api_key",
        "authorization",
        "body",
        "destination",
        "email",
        "key",
        "msisdn",
        "password",
        "payload",
        "phone",
        "recipient",
        "secret",
        "text",
        "to",
        "token",
        "url_query",
    }
)

# International numbers, our own API keys, bearer credentials and secrets in query strings. Each pattern is anchored on a
# literal start and bounded in length, so that hostile input stays linear.
_PRIVATE_TEXT: Final = re.compile(
    r"\+\d[\d \-().]{5,22}\d"
    r"|\bpk_[A-Za-z0-9_-]{8,80}"
    r"|(?i:bearer)\s+[A-Za-z0-9._~+/=-]{8,512}"
    r"|(?i:token|secret|api_key|password)=[^&\s\"']{1,256}"
)


class Secret:
    """A text that prints as `***`; `reveal()` is the one way to read it, so that every use can be found by name."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The secret itself. Never pass the result to a log, a metric, an error or a URL."""
        return self._text

    def __repr__(self) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


def redact_text(text: str) -> str:
    """The text with phone numbers, keys and credentials masked."""
    return _PRIVATE_TEXT.sub(MASK, text)


def redact_event(event: Mapping[str, object]) -> dict[str, object]:
    """A log event with private fields masked whole and every other text passed through `redact_text`."""
    return {name: MASK if name.lower() in PRIVATE_FIELDS else _redact_value(value) for name, value in event.items()}


def _redact_value(value: object) -> object:
    match value:
        case str():
            return redact_text(value)
        case Mapping():
            return redact_event({str(name): item for name, item in value.items()})
        case list() | tuple():
            return [_redact_value(item) for item in value]
        case _:
            return value
