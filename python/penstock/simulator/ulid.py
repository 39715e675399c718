"""Message ids: true ULIDs, made for a whole request at once.

A ULID is 10 characters of time (milliseconds) and 16 of chance. Here 12 of the latter are drawn once per request and the
last four count the position, so that 5,000 ids cost a fraction of a millisecond and an id leads back to its request and
position without a table entry per message.
"""

from collections.abc import Iterator
from itertools import islice, product

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PREFIX_LENGTH = 22
MAX_POSITIONS = 32**4

_VALUES = {character: value for value, character in enumerate(ALPHABET)}
_source: Iterator[tuple[str, ...]] = product(ALPHABET, repeat=4)
_suffixes: list[str] = []


def encode(value: int, length: int) -> str:
    """Write a number in Crockford's base 32."""
    return "".join(ALPHABET[(value >> shift) & 31] for shift in range(5 * (length - 1), -1, -5))


def decode(text: str) -> int:
    """Read Crockford's base 32; raises `KeyError` on a foreign character."""
    value = 0
    for character in text:
        value = value << 5 | _VALUES[character]
    return value


def make_prefix(at: float, chance: int) -> str:
    """Return what all ids of one request share: the accept time in milliseconds and 60 bits of chance."""
    return encode(int(at * 1000), 10) + encode(chance, 12)


def suffixes(count: int) -> list[str]:
    """Return at least `count` position suffixes; the list grows once and is kept."""
    if len(_suffixes) < count:
        _suffixes.extend("".join(letters) for letters in islice(_source, count - len(_suffixes)))
    return _suffixes


def split(message_id: str) -> tuple[str, int] | None:
    """Part an id into request prefix and position; None if it is no ULID."""
    if len(message_id) != PREFIX_LENGTH + 4:
        return None
    try:
        decode(message_id)
    except KeyError:
        return None
    return message_id[:PREFIX_LENGTH], decode(message_id[PREFIX_LENGTH:])
