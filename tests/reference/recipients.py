"""Recipient files in CSV, read with the csv module, to the rows that become messages and those that do not."""

import csv
import re
from typing import NamedTuple

from tests.reference import numbers, segments, template

NUMBER_NAMES = ("phone", "to", "number", "msisdn", "mobile")


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
    names, pieces = template.compile_template(template_text)
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    reader = csv.reader(iter(lines), delimiter=delimiter, strict=True)
    header = [cell.strip().lower() for cell in next(reader)]
    number_column = header.index(next(name for name in NUMBER_NAMES if name in header))
    columns = [header.index(name) for name in names]
    outcome = Outcome([], [])
    seen: set[int] = set()
    before = reader.line_num
    for row in reader:
        line, raw, before = before + 1, "".join(lines[before : reader.line_num]), reader.line_num
        if not raw.strip(" \t\r\n"):
            continue
        cells = [cell.strip() for cell in row]
        too_few = len(cells) <= max([number_column, *columns])
        if too_few or any(cells[len(header) :]):
            outcome.skipped.append((line, "malformed"))
            continue
        values = [cells[column] for column in columns]
        number = numbers.read_number(cells[number_column], region)
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
