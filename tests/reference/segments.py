"""Encoding, units and parts of a text, character by character."""

from typing import NamedTuple

DEFAULT = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = "\f^{}\\[~]|€"


class Segments(NamedTuple):
    """What the core answers."""

    encoding: str
    units: int
    parts: int


def segments(text: str) -> Segments:
    """Count as 3GPP TS 23.038 and 23.040 say."""
    if all(character in DEFAULT or character in EXTENSION for character in text):
        return _count("GSM-7", [2 if character in EXTENSION else 1 for character in text], 160, 153)
    return _count("UCS-2", [2 if ord(character) > 0xFFFF else 1 for character in text], 70, 67)


def _count(encoding: str, costs: list[int], single: int, each: int) -> Segments:
    if sum(costs) <= single:
        return Segments(encoding, sum(costs), 1)
    parts, filled = 1, 0
    for cost in costs:
        if filled + cost > each:
            parts, filled = parts + 1, 0
        filled += cost
    return Segments(encoding, sum(costs), parts)


def forcing(text: str) -> list[str]:
    """The first 20 distinct characters of neither alphabet."""
    return list(dict.fromkeys(character for character in text if character not in DEFAULT + EXTENSION))[:20]
