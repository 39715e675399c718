"""The accept time inside a provider's message id: Mitto's are ULIDs, ten characters of milliseconds and sixteen of chance.

That is all that is read out of an id; for everything else ids are opaque texts, and an id of another form has no time.
"""

import re
from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES: Final = {character: value for value, character in enumerate(_ALPHABET)}
_ULID: Final = re.compile(rf"[0-7][{_ALPHABET}]{{25}}")
_TIME_CHARACTERS: Final = 10
_RANDOM_CHARACTERS: Final = 16
_LATEST_MS: Final = (1 << 48) - 1


def accepted_ms(provider_id: str) -> int | None:
    """Unix milliseconds at which the message was accepted, or None for an id that is no ULID."""
    if not _ULID.fullmatch(provider_id):
        return None
    value = 0
    for character in provider_id[:_TIME_CHARACTERS]:
        value = value << 5 | _VALUES[character]
    return value if value <= _LATEST_MS else None


def first_id(unix_ms: int) -> str:
    """The smallest id of a millisecond: ids sort by their time, so all of a span lie between two of these."""
    value = min(max(unix_ms, 0), _LATEST_MS)
    time = "".join(_ALPHABET[value >> shift & 31] for shift in range(5 * (_TIME_CHARACTERS - 1), -1, -5))
    return time + "0" * _RANDOM_CHARACTERS
