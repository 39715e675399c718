"""What the redactor must do: every shape tried at every place, from left to right, the first that fits is masked.

A rule is called with the text, a place and the place where reading last began anew (the start, or the end of what was
masked). It returns the end of what it takes and what is shown instead, or None.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

from tests.reference.private_names import Names, kind_of, plain_name
from tests.reference.private_pairs import private_value, word_end

MASK = "***"
Found = tuple[int, str]
Rule = Callable[[str, int, int], Found | None]

WORD, URL_RUN, RUN = "A-Za-z0-9_", "A-Za-z0-9_-", "A-Za-z0-9_+/-"
WIDE = "\u0080-\u2025\u2027-\U0010ffff"  # all but the ellipsis of masked numbers
PREFIX = r"pk_|sk_|rk_|whsec_|shpat_|shpss_|gh[pousr]_|github_pat_|xox[abprs]-"
SEPARATOR = re.compile("[ \\-./()\u00a0\u2009\u202f\u2010-\u2013]{1,3}(?=[0-9])")
BLANK = re.compile("[ \u00a0\u2009\u202f]")
MOMENT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{1,2}:[0-9]{2})(?![0-9a-fA-F])")
LOCAL = f"A-Za-z0-9_.+%{WIDE}-"
EMAIL = re.compile(rf"[{LOCAL}]+?(?=(@|%40)[A-Za-z0-9{WIDE}-][A-Za-z0-9.{WIDE}-]*\.[A-Za-z{WIDE}])")
USERINFO = re.compile(r"""://(?:(?!\*\*\*)[^… \t\n\r\x0b\x0c/?#\\<>"'])+(?=@)""")
UUID = re.compile(rf"[0-9a-fA-F]{{8}}(-[0-9a-fA-F]{{4}}){{3}}-[0-9a-fA-F]{{12}}(?![{WORD}])")
MESSAGE_ID = re.compile(rf"01[0-9a-f]{{10}}7[0-9a-f]{{3}}[89ab][0-9a-f]{{15}}-[0-9]{{1,9}}(?![{WORD}])")
WEB_TOKEN = re.compile(rf"eyJ[{URL_RUN}]*\.[{URL_RUN}]+\.[{URL_RUN}]*")
KEY = re.compile(rf"({PREFIX})[{URL_RUN}]{{8,}}|A[KS]IA[A-Z0-9]{{16,}}")
CREDENTIAL = re.compile(r"(bearer|basic)[ \t]{1,8}(?P<credential>[A-Za-z0-9_+/.~=-]{8,})", re.IGNORECASE | re.ASCII)
TRUNK = re.compile(r"(?=[0-9]{2,8}(?![0-9]))0{1,2}[1-9][0-9]*")
TRUNK_DATE = re.compile(r"[0-9]{2}([-./])[0-9]{2}\1[0-9]{4}")
VERSION = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){2,3}(?!\.?[0-9])")
BRACKET = re.compile(r"\((0[0-9]{1,4}|[1-9][0-9]{1,3})(?=\))")
AMERICAN = re.compile(rf"(1[ .-])?[2-9][0-9]{{2}}([ .-])[2-9][0-9]{{2}}\2[0-9]{{4}}(?![{WORD}])")
HYPHENS = re.compile(rf"[0-9]{{1,4}}(-[0-9]{{1,8}}){{2,4}}(?![{WORD}-])")
DAY = re.compile(r"(19|20)[0-9]{2}([-./])[0-9]{2}\2[0-9]{2}")
CARD = re.compile(r"[2-6][0-9]*")


def redact_text(text: str, extra: Iterable[str] = ()) -> str:
    """The text with everything private masked."""
    rules = [_masked, _email, _escape, _pair(kind_of(extra)), _userinfo, *RULES]
    shown, place, fresh = [], 0, 0
    while place < len(text):
        found = next((found for rule in rules if (found := rule(text, place, fresh)) is not None), None)
        if found is None:
            shown.append(text[place])
            place += 1
        else:
            shown.append(found[1])
            place = fresh = found[0]
    return "".join(shown)


def redact_value(value: object, extra: Iterable[str] = ()) -> object:
    """A JSON value with private fields masked whole and every other text masked."""
    names = kind_of(extra)
    if isinstance(value, str):
        return redact_text(value, extra)
    if isinstance(value, list):
        return [redact_value(item, extra) for item in value]
    if isinstance(value, dict):
        return {redact_text(name, extra): MASK if names(name) else redact_value(item, extra) for name, item in value.items()}
    return value


def is_json(document: bytes) -> bool:
    """Whether these bytes are a JSON document."""

    def refuse(name: str) -> None:
        raise ValueError(name)

    try:
        json.loads(document.decode(), parse_constant=refuse, parse_int=str, parse_float=str)
    except ValueError:
        return False
    return not document.startswith(b"\xef\xbb\xbf")


def _begins(text: str, place: int, fresh: int, characters: str) -> bool:
    return place == fresh or not re.match(f"[{characters}]", text[place - 1])


def _masked(text: str, place: int, fresh: int) -> Found | None:
    found = re.compile(r"(?:\+|%2[Bb]|\()[0-9]{2}…[0-9]{2}").match(text, place)
    if found is None and _number_begins(text, place, fresh):
        found = re.compile("[0-9]{3}…[0-9]{2}").match(text, place)
    return found and (found.end(), found[0])


def _email(text: str, place: int, fresh: int) -> Found | None:
    found = EMAIL.match(text, place) if _begins(text, place, fresh, LOCAL) else None
    return found and (found.end(), found[0][0].strip("0123456789*") + MASK)


def _userinfo(text: str, place: int, _: int) -> Found | None:
    found = USERINFO.match(text, place)
    return found and (found.end(), "://" + MASK)


def _escape(text: str, place: int, fresh: int) -> Found | None:
    is_letter = place > fresh and re.fullmatch(r"\\[nrtbfv]", text[place - 1 : place + 1])
    return (place + 1, text[place]) if is_letter else None


def _pair(names: Names) -> Rule:
    def pair(text: str, place: int, fresh: int) -> Found | None:
        value = private_value(names, text, fresh, place) if text[place] in "=:" else None
        if value is None:
            return None
        # Numbers and credentials have blanks within.
        shapes = [rule(text, value.start, value.start) for rule in (_credential, _card, _plus, _bracket, _without_plus)]
        ends = [shape[0] for shape in shapes if shape and value.is_word]
        end = word_end(text, value.start, max(ends)) if ends else value.end
        return end, text[place : value.start] + MASK

    return pair


def _id(text: str, place: int, fresh: int) -> Found | None:
    found = UUID.match(text, place) or MESSAGE_ID.match(text, place) if _begins(text, place, fresh, WORD) else None
    return found and (found.end(), found[0])


def _token(text: str, place: int, fresh: int) -> Found | None:
    found = WEB_TOKEN.match(text, place) or KEY.match(text, place) if _begins(text, place, fresh, WORD) else None
    return found and (found.end(), MASK)


def _credential(text: str, place: int, fresh: int) -> Found | None:
    found = CREDENTIAL.match(text, place) if _begins(text, place, fresh, WORD) else None
    if found is None:
        return None
    word = found["credential"][:128]
    is_word = not re.search("[0-9=+]", word) and not (re.search("[A-Z]", word[1:]) and re.search("[a-z]", word))
    if found[1].lower() == "basic" and is_word:
        return None
    return found.end(), text[place : found.start("credential")] + MASK


def _mixed(text: str, place: int, fresh: int) -> Found | None:
    for alphabet in (RUN, URL_RUN):
        begins = _begins(text, place, fresh, alphabet) or (alphabet == URL_RUN and _begins(text, place, fresh, WORD))
        found = re.compile(f"[{alphabet}]{{40,}}").match(text, place) if begins else None
        if found is not None and _is_varied(found[0][:40]):
            padding = re.compile("={0,2}").match(text, found.end())
            return padding and (padding.end(), MASK)
    return None


def _is_varied(run: str) -> bool:
    kinds = ["d" if c.isdigit() else "u" if c.isupper() else "l" for c in run if c not in "+/_-"]
    changes = sum(one != other for one, other in pairwise(kinds))
    is_varied = changes * 2 >= len(kinds) if run[0] == "/" else changes * 5 >= len(kinds) * 2
    return is_varied and kinds.count("u") >= 3 and kinds.count("l") >= 3 and kinds.count("d") >= 1


def _hexadecimal(text: str, place: int, fresh: int) -> Found | None:
    begins = _begins(text, place, fresh, "0-9a-fA-F")
    found = re.compile("[0-9a-fA-F]{32,}").match(text, place) if begins else None
    return found and (found.end(), MASK)


def _card(text: str, place: int, fresh: int) -> Found | None:
    if not CARD.match(text, place) or not _begins(text, place, fresh, WORD + "."):
        return None
    for parting in " -":
        ends = [
            found.end()
            for groups in range(5)
            if (found := re.compile(rf"(?:[0-9]{{4,7}}{parting}){{{groups}}}[0-9]+(?![{WORD}])").match(text, place))
            and 13 <= len(found[0].replace(parting, "")) <= 19
            and passes_luhn(found[0].replace(parting, ""))
        ]
        if ends:
            return max(ends), MASK
    return None


def passes_luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others."""
    values = [int(digit) * (1 + index % 2) for index, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in values) % 10 == 0


def _plus(text: str, place: int, _: int) -> Found | None:
    sign = re.compile(r"(\+|%2[Bb])(?=[1-9])").match(text, place)
    if sign is None:
        return None
    end = _groups_end(text, sign.end(), has_plus=True)
    digits = re.sub("[^0-9]", "", text[sign.end() : end])
    return (end, f"{sign[0]}{digits[:2]}…{digits[-2:]}") if len(digits) >= 7 else None


def _bracket(text: str, place: int, _: int) -> Found | None:
    area = BRACKET.match(text, place)
    if area is None:
        return None
    end = _groups_end(text, place + 1)
    digits = re.sub("[^0-9]", "", text[place:end])
    is_number = end > area.end() and len(digits) >= (9 if area[1][0] == "0" else 10) and _ends(text, end)
    return (end, f"({digits[:2]}…{digits[-2:]}") if is_number else None


def _without_plus(text: str, place: int, fresh: int) -> Found | None:
    if not _number_begins(text, place, fresh):
        return None
    for shape in (_trunk, _american, _hyphens):
        end = shape(text, place)
        if end is not None:
            digits = re.sub("[^0-9]", "", text[place:end])
            return end, f"{digits[:3]}…{digits[-2:]}"
    return None


def _number_begins(text: str, place: int, fresh: int) -> bool:
    is_in_time = re.fullmatch("[0-9]:", text[max(place - 2, fresh) : place])
    return place == fresh or (_begins(text, place, fresh, WORD + ".-") and not is_in_time)


def _trunk(text: str, place: int) -> int | None:
    first = TRUNK.match(text, place)
    if first is None or TRUNK_DATE.match(text, place) or VERSION.match(text, place):
        return None
    end = _groups_end(text, place)
    is_number = end > first.end() and len(re.sub("[^0-9]", "", text[place:end])) >= 9 and _ends(text, end)
    return end if is_number else None


def _american(text: str, place: int) -> int | None:
    found = AMERICAN.match(text, place)
    return found and found.end()


def _hyphens(text: str, place: int) -> int | None:
    found = HYPHENS.match(text, place)
    if found is None or DAY.match(text, place):
        return None
    is_number = 10 <= len(found[0].replace("-", "")) <= 15 and len(found[0].rpartition("-")[2]) >= 3
    return found.end() if is_number else None


def _groups_end(text: str, start: int, *, has_plus: bool = False) -> int:
    """The end of the groups of digits that may belong to one number."""
    end, total, count = start, 0, 0
    for group, parting, following in _groups(text, start):
        end, total, count = group.end(), total + len(group[0]), count + 1
        blank, has_slash = BLANK.search(parting), "/" in parting
        if has_slash and not has_plus and count > 1:
            break
        if blank and MOMENT.match(text, end + len(parting)):
            break
        if has_plus and text[start] == "1" and total >= 11:
            break
        if following and not has_plus and not _ends(text, end + len(parting) + len(following)):
            break
        if total >= 10 and ((blank and len(group[0]) >= 7) or total + len(following) > 15):
            break
    return end


def _groups(text: str, start: int) -> Iterator[tuple[re.Match[str], str, str]]:
    """Each group of digits with what parts it from the next one, and the next one; the last with nothing."""
    digits = re.compile("[0-9]+")
    group = digits.match(text, start)
    while group is not None:
        parting = SEPARATOR.match(text, group.end())
        if parting is None or re.search(r"\." + BLANK.pattern, parting[0]):
            yield group, "", ""
            return
        following = digits.match(text, parting.end())
        yield group, parting[0], following[0] if following else ""
        group = following


def _ends(text: str, place: int) -> bool:
    return re.match(f"[{WORD}]", text[place : place + 1]) is None


RULES: list[Rule] = [_id, _token, _credential, _mixed, _hexadecimal, _card, _plus, _bracket, _without_plus]
__all__ = ["MASK", "is_json", "plain_name", "redact_text", "redact_value"]
