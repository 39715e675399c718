"""Transliteration by Unicode's own decompositions and short lists, one character after the other."""

import unicodedata
from typing import NamedTuple

from tests.reference.segments import DEFAULT, EXTENSION, segments

INVISIBLE = [
    *(0xAD, 0x34F, 0x61C, 0x180E, 0xFEFF),
    *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2065), *range(0x2066, 0x2070), *range(0xFE00, 0xFE10),
]  # fmt: skip
SPACES = [0x09, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000]
LISTED = {
    **dict.fromkeys(map(chr, INVISIBLE), ""),
    **dict.fromkeys(map(chr, SPACES), " "),
    **dict.fromkeys("\v\x85\u2028\u2029", "\n"),
    **dict.fromkeys("«»“”„‟″‶〝〞〟ʺˮ❝❞＂", '"'),
    **dict.fromkeys("‘’‚‛‹›′‵`´ʹʻʼʽˈˊˋ❛❜＇", "'"),
    **dict.fromkeys("‐‑‒–—―−⁃˗﹘﹣－", "-"),
    "…": "...",
    "·": ".",
    "‧": ".",
    "•": "*",
    "∙": "*",
    "∗": "*",
    "⁄": "/",
    "∕": "/",
    "÷": "/",
    "×": "x",
    "˜": "~",
    "∼": "~",
    "ˆ": "^",
    "¦": "|",
    "≤": "<=",
    "≥": ">=",
    "©": "(C)",
    "®": "(R)",
    "™": "TM",
    "№": "No",
    **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX", strict=True)),
    "∆": "Δ",
    "∏": "Π",
    "∑": "Σ",
    "ª": "a",
    "º": "o",
    "Đ": "D",
    "Ð": "D",
    "đ": "d",
    "ð": "d",
    "Ə": "E",
    "ə": "e",
    "Ħ": "H",
    "ħ": "h",
    "Ĳ": "IJ",
    "ĳ": "ij",
    "ı": "i",
    "Ł": "L",
    "ł": "l",
    "Ŋ": "N",
    "ŋ": "n",
    "Œ": "OE",
    "œ": "oe",
    "ẞ": "SS",
    "ſ": "s",
    "Ŧ": "T",
    "ŧ": "t",
    "Þ": "TH",
    "þ": "th",
    "ﬀ": "ff",
    "ﬁ": "fi",
    "ﬂ": "fl",
    "ﬃ": "ffi",
    "ﬄ": "ffl",
    "ﬅ": "st",
    "ﬆ": "st",
}


class Transliteration(NamedTuple):
    """What the core answers."""

    text: str
    outcome: str
    changes: list[tuple[str, str, int]]
    left: list[str]


def transliterate(text: str) -> Transliteration:
    """Replace everything or nothing."""
    before = segments(text)
    if before.encoding == "GSM-7":
        return Transliteration(text, "unneeded", [], [])
    pieces = list(_pieces(text))
    left = list(dict.fromkeys(source for source, to in pieces if to is None))[:20]
    if left:
        return Transliteration(text, "impossible", [], left)
    written = "".join(to or "" for _, to in pieces)
    if segments(written).parts > before.parts:
        return Transliteration(text, "longer", [], [])
    changed = [(source, to or "") for source, to in pieces if source != to]
    return Transliteration(written, "replaced", [(*pair, changed.count(pair)) for pair in dict.fromkeys(changed)], [])


def _pieces(text: str) -> list[tuple[str, str | None]]:
    """Every character, or letter and mark, with what takes its place; None where nothing can."""
    found: list[tuple[str, str | None]] = []
    place = 0
    is_behind_letter = False
    while place < len(text):
        pair = unicodedata.normalize("NFC", text[place : place + 2])
        if is_behind_letter and _is_accent(text[place]):
            found.append((text[place], ""))
        elif len(pair) == 1 and _is_gsm(pair) and _is_accent(text[place + 1 : place + 2]):
            found.append((text[place : place + 2], pair))
            place += 1
            is_behind_letter = True
        else:
            found.append((text[place], replacement(text[place])))
            is_behind_letter = found[-1][1] is not None and text[place].isalpha()
        place += 1
    return found


def replacement(character: str) -> str | None:
    """What takes the place of one character: itself, what is listed, or its letter without the last accents."""
    if _is_gsm(character):
        return character
    if character in LISTED:
        return LISTED[character]
    letter, *accents = unicodedata.normalize("NFD", character)
    if letter + "".join(accents) == character or not all(map(_is_accent, accents)):
        return None
    if accents and not letter.isalpha():
        return None
    for kept in range(len(accents), -1, -1):
        shorter = unicodedata.normalize("NFC", letter + "".join(accents[:kept]))
        if len(shorter) == 1 and (_is_gsm(shorter) or shorter in LISTED):
            return LISTED.get(shorter, shorter)
    return None


def _is_gsm(character: str) -> bool:
    return character in DEFAULT or character in EXTENSION


def _is_accent(character: str) -> bool:
    return len(character) == 1 and "\u0300" <= character <= "\u036f" and not "\u0334" <= character <= "\u0338"
