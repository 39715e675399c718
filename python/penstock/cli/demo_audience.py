"""The demo's recipients: a CSV file as a marketing team would export it, and what must become of it."""

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

TEXT: Final = "{greeting} {name}, your code {code} is waiting for you."
HEADER: Final = "name;phone;code;greeting\n"

# Clearly synthetic numbers, counted upwards: a prefix and how many digits follow it.
_RANGES: Final = (("+49151", 8), ("+3069", 8), ("+337", 8))
_PEOPLE: Final = (
    ("Hello", "Ada"),
    ("Hello", "Grace"),
    ("Γειά σου", "Ελένη"),
    ("Hello", "Linus"),
    ("Hi 👋", "Zoë"),
    ("Hello", 'Bob "B"'),
)
_BROKEN: Final = ("not a number", "+12", "0000", "+4915")


class Expected(NamedTuple):
    """What the file must come to."""

    recipients: frozenset[int]
    """Numbers that must be sent to, once each."""
    opt_outs: frozenset[int]
    """Numbers that must not be sent to."""
    skipped: Counter[str]


def write_audience(path: Path, rows: int, seed: int = 1) -> Expected:
    """Write `rows` data rows; about four in a hundred are invalid, repeated, opted out or lack a value."""
    recipients: set[int] = set()
    opt_outs: set[int] = set()
    skipped: Counter[str] = Counter()
    with path.open("w", encoding="utf-8") as file:
        file.write("\ufeff" + HEADER)
        for number, kind, line in _rows(rows, random.Random(seed)):  # noqa: S311 - a repeatable file is the point
            file.write(line)
            if kind == "ok":
                recipients.add(number)
            else:
                skipped[kind] += 1
            if kind == "opted_out":
                opt_outs.add(number)
    return Expected(frozenset(recipients), frozenset(opt_outs), skipped)


def _rows(rows: int, dice: random.Random) -> Iterator[tuple[int, str, str]]:
    """(number, what must become of it, the line), in file order."""
    last_good = 0
    for index in range(rows):
        prefix, digits = _RANGES[index % len(_RANGES)]
        phone = f"{prefix}{index // len(_RANGES):0{digits}d}"
        greeting, name = dice.choice(_PEOPLE)
        kind = _kind(dice.random(), has_earlier=last_good > 0)
        number = int(phone)
        match kind:
            case "invalid_number":
                phone = dice.choice(_BROKEN)
            case "duplicate":
                phone = f"+{last_good}"
            case "missing_value":
                name = ""
            case "ok":
                last_good = number
        quoted = name.replace('"', '""')
        yield number, kind, f'"{quoted}";{phone};{index:06d};{greeting}\n'


def _kind(share: float, *, has_earlier: bool) -> str:
    if share < 0.01:  # noqa: PLR2004 - one in a hundred each
        return "invalid_number"
    if share < 0.02:  # noqa: PLR2004
        return "duplicate" if has_earlier else "ok"
    if share < 0.03:  # noqa: PLR2004
        return "opted_out"
    return "missing_value" if share < 0.032 else "ok"  # noqa: PLR2004
