"""Encoding, units and parts of a text, by really cutting it into parts."""

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
    parts: list[list[int]] = [[]]
    for cost in costs:
        if sum(parts[-1]) + cost > each:
            parts.append([])
        parts[-1].append(cost)
    return Segments(encoding, sum(costs), len(parts))
