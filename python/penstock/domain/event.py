"""Events from elsewhere: how they are told apart, and which of them sends a message."""

import hashlib
from typing import Final, Literal

from msgspec import Struct

Identity = Literal["key", "reference", "content"]
"""What makes two events the same: their Idempotency-Key, the field `reference` of their body, or the whole body."""

REFERENCE_FIELD: Final = "reference"


class Rule(Struct, frozen=True, kw_only=True):
    """One message for each new event of a source."""

    text: str
    """A template; its names are fields of the event."""
    to: str
    """The field with the recipient's number."""
    sender: str | None = None
    when: dict[str, str | int | bool] = {}
    """Fields and the values they must have; an event without them sends nothing."""


def identity_digest(kind: Identity, value: bytes) -> bytes:
    """32 bytes that name an event within its source; a key and a reference of the same text are not the same event."""
    return hashlib.sha256(f"penstock event {kind}\n".encode() + value).digest()


def rule_applies(rule: Rule, event: dict[str, object]) -> bool:
    """Whether the event is one that the rule is for. 1 and true are different values."""
    return all(name in event and type(event[name]) is type(value) and event[name] == value for name, value in rule.when.items())


def template_value(event: dict[str, object], name: str) -> str | None:
    """A field as it is filled into a text: texts and whole numbers; None for anything else or nothing."""
    match event.get(name):
        case str() as text:
            return text
        case bool():
            return None
        case int() as number:
            return str(number)
        case _:
            return None
