"""Recipient files, read with the csv and json modules, to the rows that become messages and those that do not."""

import csv
import json
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tests.reference import numbers, segments, template
from tests.reference.loose import Number, is_unicode, scalar

NUMBER_NAMES = ("phone", "to", "number", "msisdn", "mobile")
MOST_COLUMNS = 200
MOST_ROW_BYTES = 65_536


class Members(list[tuple[str, object]]):
    """A JSON object with all its members, also those of the same name."""


Cells = tuple[str, list[str]] | None
"""The number's text and the values, or None for what is malformed."""


class Message(NamedTuple):
    """An accepted row."""

    number: int
    segments: int
    values: list[str]


class Outcome(NamedTuple):
    """What becomes of a file."""

    messages: list[Message]
    skipped: list[tuple[int, str]]


def read_csv(
    text: str, template_text: str, *, delimiter: str, region: str | None, max_parts: int, opted_out: set[int]
) -> Outcome:
    """Rows in order, with the reasons in the promised order of the checks."""
    names, _ = template.compile_template(template_text)
    return _judge(_csv_rows(text, names, delimiter), template_text, region, max_parts, opted_out)


def read_ndjson(text: str, template_text: str, *, region: str | None, max_parts: int, opted_out: set[int]) -> Outcome:
    """Lines in order, the same way."""
    names, _ = template.compile_template(template_text)
    lines = ((line, raw) for line, raw in enumerate(text.split("\n"), 1) if raw.strip(" \t\r"))
    return _judge(((line, _item(raw, names)) for line, raw in lines), template_text, region, max_parts, opted_out)


def _csv_rows(text: str, names: list[str], delimiter: str) -> Iterator[tuple[int, Cells]]:
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    reader = csv.reader(iter(lines), delimiter=delimiter, strict=True)
    header = [cell.strip().lower() for cell in next(reader)]
    number_column = header.index(next(name for name in NUMBER_NAMES if name in header))
    columns = [header.index(name) for name in names]
    before = reader.line_num
    for row in reader:
        line, raw, before = before + 1, "".join(lines[before : reader.line_num]), reader.line_num
        if not raw.strip(" \t\r\n"):
            continue
        cells = [cell.strip() for cell in row]
        too_few = len(cells) <= max([number_column, *columns])
        is_bad = too_few or any(cells[len(header) :])
        yield line, None if is_bad else (cells[number_column], [cells[column] for column in columns])


def _item(raw: str, names: list[str]) -> Cells:
    """A bare number, or an object whose wanted members are each there once and no lists or objects."""
    try:
        item = json.loads(raw.strip("\ufeff \t\r"), object_pairs_hook=Members, parse_int=Number, parse_float=Number)
    except ValueError:
        return None
    if type(item) is str and is_unicode(item):
        return item.strip(), [""] * len(names)
    if not isinstance(item, Members) or len(item) > MOST_COLUMNS or len(raw.encode()) >= MOST_ROW_BYTES:
        return None
    found = [(name.strip().lower(), value) for name, value in item]
    wanted = [name for name, _ in found if name in {*NUMBER_NAMES, *names}]
    given = {name: value for name, value in found if value is not None}
    number_name = next((name for name in NUMBER_NAMES if name in given), None)
    if number_name is None or len(set(wanted)) < len(wanted):
        return None
    texts = [scalar(given.get(name, "")) for name in (number_name, *names)]
    sound = [text.strip() for text in texts if text is not None and "\0" not in text]
    return (sound[0], sound[1:]) if len(sound) == len(texts) else None


def _judge(
    rows: Iterable[tuple[int, Cells]], template_text: str, region: str | None, max_parts: int, opted_out: set[int]
) -> Outcome:
    _, pieces = template.compile_template(template_text)
    outcome = Outcome([], [])
    seen: set[int] = set()
    for line, cells in rows:
        if cells is None:
            outcome.skipped.append((line, "malformed"))
            continue
        number_text, values = cells
        number = numbers.read_number(number_text, region)
        parts = segments.segments(template.render(pieces, values)).parts
        checks = (
            ("invalid_number", number is None),
            ("duplicate", number in seen),
            ("opted_out", number in opted_out),
            ("missing_value", "" in values),
            ("too_long", parts > max_parts),
        )
        reason = next((name for name, holds in checks if holds), None)
        if reason is None and number is not None:
            seen.add(number)
            outcome.messages.append(Message(number, parts, values))
        else:
            outcome.skipped.append((line, str(reason)))
    return outcome
