"""Where the value of a private pair lies in a text."""

import re
from typing import NamedTuple

from tests.reference.private_names import Names

SIGN = re.compile(r"=[=>]{0,2}|:(?!:)=?")
NAME = re.compile(r"(?P<name>[A-Za-z0-9_-]{1,64})(?:\\{0,7}(?P<closer>[\"')\]]))?[ \t]{0,3}\Z")
BLANKS = re.compile(r"[ \t]{0,3}")
QUOTE = re.compile(r"[bBrRuUfF]{0,2}(?P<backslashes>\\{0,7})(?P<quote>[\"'])")
SPACE = " \t\n\r\x0b\x0c"
NEXT_PAIR = re.compile(rf"[{SPACE},;&](?=[A-Za-z0-9_.*\u0080-\U0010ffff-]+=)")


class Value(NamedTuple):
    """Where a value lies, and whether its end is but that of a word."""

    start: int
    end: int
    is_word: bool


def private_value(names: Names, text: str, fresh: int, place: int) -> Value | None:
    """The value behind the sign at `place`, if it is private."""
    sign = SIGN.match(text, place)
    name = NAME.search(text[max(fresh, place - 80) : place])
    kind = names(name["name"]) if sign and name else None
    if sign is None or name is None or kind is None:
        return None
    start = BLANKS.match(text, sign.end()).end()  # type: ignore[union-attr]
    is_word = False
    is_quoted = name["closer"] in ("'", '"')
    quote = QUOTE.match(text, start)
    if quote:
        start = quote.end()
        end = quoted_end(text, start, quote["quote"], len(quote["backslashes"]))
    elif sign[0] == ":" and not is_quoted and kind in ("plain", "content"):
        return None
    elif text[start : start + 1] in ("[", "{", "("):
        start, end = start + 1, bracket_end(text, start)
    elif kind == "header":
        end = start + len(re.split("[\n\r]", text[start:])[0].rstrip(" \t"))
    elif kind == "content" and not is_quoted:
        following = NEXT_PAIR.search(text[start:])
        end = start + len(text[start:][: following.start() if following else None].rstrip(SPACE + (",;&" if following else "")))
    else:
        is_word = True
        end = word_end(text, start, start)
    return Value(start, end, is_word) if start < end else None


def word_end(text: str, start: int, least: int) -> int:
    """Where the word ends that goes on from `start` to `least` at least."""
    rest = re.split(f"[{SPACE}&\"']", text[least:])[0]
    return start + len((text[start:least] + rest).rstrip(",;.)}]>\\"))


def quoted_end(text: str, start: int, quote: str, backslashes: int) -> int:
    """The end of a quoted value that was opened with so many backslashes before its quote."""
    for found in re.finditer(rf"(?P<before>\\*){quote}", text[start:]):
        before = len(found["before"])
        if before % 2 == 0 if backslashes == 0 else before <= backslashes:
            return start + found.start()
    return len(text)


def bracket_end(text: str, start: int) -> int:
    """Where the bracket at `start` is closed."""
    depth = 0
    for found in re.finditer(
        r"(?s)\\.?|\"(?:[^\"\\]|\\.)*(?:\"|\Z|\\\Z)|'(?:[^'\\]|\\.)*(?:'|\Z|\\\Z)|[\[\](){}]", text[start:]
    ):
        depth += {"[": 1, "{": 1, "(": 1, "]": -1, "}": -1, ")": -1}.get(found[0], 0)
        if depth == 0:
            return start + found.start()
    return len(text)
