"""Values that must not be shown: the Secret type, and what takes private data out of texts and log lines.

What counts as private is in the core (`_core.Redactor`); here is the one redactor of the process.
"""

from collections.abc import Sequence
from typing import Final

from penstock._core import Redactor

MASK: Final = "***"


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


_redactor = Redactor()


def set_private_fields(extra: Sequence[str]) -> None:
    """Names of fields that are private beside the usual ones, from now on and everywhere in this process."""
    global _redactor  # noqa: PLW0603 - like the log itself there is one for the whole process
    _redactor = Redactor(extra)


def redact_text(text: str) -> str:
    """The text with phone numbers, addresses, keys and credentials masked."""
    return _redactor.text(text)


def redact_json(document: bytes) -> bytes:
    """A JSON document with private fields masked whole and every other text masked like a text."""
    return _redactor.json(document)
