"""Delivery reports: five thousand in one list, and one a call as the provider usually sends them."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

import orjson

from bench.harness import Case
from penstock import _core
from tests.reference import loose
from tests.reference import reports as reference

REPORTS = 5_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


def cases() -> list[Case]:
    """Each way gives the four columns and the lines that are stored."""
    many = [_report(index) for index in range(REPORTS)]
    array, one = orjson.dumps(many), orjson.dumps(many[0])
    form = urlencode({"msgid": many[0]["messageId"], "status": "DELIVERED", "sendtimestamp": "1767607206", "errorcode": "0"})
    assert _columns(array, JSON)[:4] == list(_best_python(many)[:4])
    return [
        Case(
            name="5,000 reports in one list", items=REPORTS, unit="reports", size=len(array), at_least={"best Python": 2.0},
            ways={
                "core": lambda: _columns(array, JSON),
                "reference": lambda: _reference(array),
                "best Python": lambda: _best_python(orjson.loads(array)),
            },
        ),
        Case(
            name="one report as JSON", unit="reports", size=len(one), at_least={"best Python": 1.0},
            ways={
                "core": lambda: _columns(one, JSON),
                "reference": lambda: _reference(one),
                "best Python": lambda: _best_python([orjson.loads(one)]),
            },
        ),
        Case(
            name="one report as a form", unit="reports", size=len(form), at_least={"best Python": 1.0},
            ways={
                "core": lambda: _columns(form.encode(), FORM),
                "best Python": lambda: _best_python([dict(parse_qsl(form, keep_blank_values=True))]),
            },
        ),
    ]  # fmt: skip


def _report(index: int) -> dict[str, Any]:
    """The object that the provider's webhook is known to send, with a failure among ten."""
    failed = {"deliveryStatus": "Failure", "description": "unknown subscriber"}
    return {
        "messageId": f"01KC{index * 7_919:022d}",
        "deliveryStatus": "Delivered",
        "updatedAt": f"2026-01-05T10:{index // 60 % 60:02d}:{index % 60:02d}.123456Z",
        "createdAt": "2026-01-05T10:00:00.1234567Z",
        "trafficAccountId": "0b6f2c9e-5a41-4d0e-9a8b-1f2e3d4c5b6a",
        "messageParts": 1,
    } | (failed if index % 10 == 9 else {})


def _columns(data: bytes, content_type: str) -> list[object]:
    found = _core.read_reports(data, content_type)
    return [found.ids, found.statuses, found.times_us, found.errors, found.lines]


def _reference(data: bytes) -> object:
    loaded = loose.load(data)
    items = loaded if isinstance(loaded, list) else [loaded]
    return reference.read_reports(items), "\n".join(json.dumps(item) for item in items)


def _best_python(items: list[dict[str, Any]]) -> tuple[list[Any], ...]:
    """The usual names first, others only where those are absent; texts cut as they will be stored."""
    ids, statuses, times, errors = [], [], [], []
    for item in items:
        get = item.get
        ids.append(str(get("messageId") or get("msgid") or get("id") or get("Id") or get("_id")).strip()[:200])
        statuses.append(str(get("deliveryStatus") or get("status") or "").strip()[:64].replace("\0", "�"))
        times.append(_micros(get("updatedAt") or get("sendtimestamp") or get("sendtime") or get("timestamp")))
        error = get("errorcode") or get("description") or get("error")
        errors.append(None if error is None or error == "0" else str(error).strip()[:200].replace("\0", "�"))
    return ids, statuses, times, errors, [orjson.dumps(item) for item in items]


def _micros(text: str | None) -> int | None:
    if text is None:
        return None
    moment = datetime.fromtimestamp(int(text), UTC) if text.isdecimal() else datetime.fromisoformat(text)
    passed = moment - EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds
