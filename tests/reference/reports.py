"""Delivery reports as JSON, read with the json and datetime modules."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from tests.reference.loose import clean, error_text, is_id, scalar

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SANE = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
SHAPE = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:([Zz])|([+-])([01]\d|2[0-3]):?([0-5]\d))?",
    re.ASCII,
)


class Reports(NamedTuple):
    """What the core answers, without the raw lines."""

    ids: list[str]
    statuses: list[str]
    times_us: list[int | None]
    errors: list[str | None]
    unreadable: int


def read_reports(items: list[object]) -> Reports:
    """Columns of the items that carry an id."""
    reports = Reports([], [], [], [], 0)
    unreadable = 0
    for item in items:
        found = _first(item, ("messageId", "msgid", "id", "Id", "_id"), _id) if isinstance(item, dict) else None
        if found is None:
            unreadable += 1
            continue
        reports.ids.append(found)
        reports.statuses.append(clean(_first(item, ("deliveryStatus", "status"), _status) or "", 64))
        names = ("updatedAt", "sendtimestamp", "sendtime", "timestamp", "createdAt")
        reports.times_us.append(_first(item, names, lambda value: read_moment(scalar(value) or "")))
        reports.errors.append(_first(item, ("errorcode", "description", "error"), error_text))
    return reports._replace(unreadable=unreadable)


def read_moment(text: str) -> int | None:
    """Microseconds of Unix time, for times a message can have."""
    text = text.strip()
    try:
        moment = _iso(text) if text[4:5] == "-" else _seconds(text)
    except (ValueError, OverflowError):
        return None
    if moment is None or not SANE[0] <= moment < SANE[1]:
        return None
    return (moment - EPOCH) // timedelta(microseconds=1)


def _iso(text: str) -> datetime | None:
    match = SHAPE.fullmatch(text)
    if match is None:
        return None
    date, clock, fraction, _, sign, hours, minutes = match.groups()
    moment = datetime.fromisoformat(f"{date}T{clock}+00:00") + _micros(fraction)
    east = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    return moment + east if sign == "-" else moment - east


def _seconds(text: str) -> datetime | None:
    match = re.fullmatch(r"(\d{1,12})(?:\.(\d{1,9}))?", text, re.ASCII)
    return EPOCH + timedelta(seconds=int(match[1])) + _micros(match[2]) if match else None


def _micros(fraction: str | None) -> timedelta:
    return timedelta(microseconds=int((fraction or "0").ljust(9, "0")) // 1000)


def _id(value: object) -> str | None:
    text = (scalar(value) or "").strip()
    return text if is_id(text) else None


def _status(value: object) -> str | None:
    return (scalar(value) or "").strip() or None


def _first(item: dict[str, object], names: tuple[str, ...], read: Any) -> Any:
    folded = {key.lower(): value for key, value in item.items()}
    candidates = [item[name] for name in names if name in item]
    candidates += [folded[name.lower()] for name in names if name.lower() in folded]
    return next((found for value in candidates if (found := read(value)) is not None), None)
