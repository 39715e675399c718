"""The bytes of delivery reports in every shape seen in public clients of Mitto's APIs. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson

from penstock.simulator.settings import ReportKeys, ReportShape

_KEYS: dict[ReportKeys, tuple[str, str, str, str]] = {
    "messaging": ("messageId", "deliveryStatus", "updatedAt", "description"),
    "fallback": ("id", "status", "timestamp", "error"),
    "classic": ("msgid", "status", "sendtime", "errorcode"),
}


@dataclass(slots=True, frozen=True)
class Report:
    """One delivery report."""

    message_id: str
    status: str
    at: str
    description: str | None = None
    reference: str | None = None
    recipient: str | None = None


@dataclass(slots=True, frozen=True)
class Call:
    """One HTTP request that carries reports: `count` of them."""

    count: int
    body: bytes = b""
    content_type: str | None = None
    query: str = ""


def write_calls(reports: Sequence[Report], shape: ReportShape, keys: ReportKeys, *, odd: bool) -> list[Call]:
    """Write the requests that carry these reports."""
    members = [_members(report, keys) | _recipient(report, shape, keys) for report in reports]
    if odd:
        members = [_distort(member, number, _KEYS[keys]) for number, member in enumerate(members)]
    if shape == "array":
        return [Call(len(members), orjson.dumps(members), "application/json")] if members else []
    if shape == "object":
        return [Call(1, orjson.dumps(member), "application/json") for member in members]
    pairs = [urlencode({key: "" if value is None else value for key, value in member.items()}) for member in members]
    if shape == "form":
        return [Call(1, text.encode(), "application/x-www-form-urlencoded") for text in pairs]
    return [Call(1, query=text) for text in pairs]


def _members(report: Report, keys: ReportKeys) -> dict[str, Any]:
    key_id, key_status, key_at, key_description = _KEYS[keys]
    member: dict[str, Any] = {key_id: report.message_id, key_status: report.status, key_at: report.at}
    if report.description is not None:
        member[key_description] = "438" if keys == "classic" else report.description
    if report.reference is not None:
        member["reference"] = report.reference
    return member


def _recipient(report: Report, shape: ReportShape, keys: ReportKeys) -> dict[str, Any]:
    """Whom it went to, where that is told: as a look-up shows it, in forms by the name that the classic templates have."""
    if report.recipient is None:
        return {}
    if keys == "classic" or shape in ("form", "query"):
        return {"receiver": report.recipient.removeprefix("+")}
    return {"conversation": {"participants": [{"messagingAppIdentifier": report.recipient}]}}


def _distort(member: dict[str, Any], number: int, keys: tuple[str, str, str, str]) -> dict[str, Any]:
    """Make one report odd; five ways in turn."""
    key_id, key_status, key_at, key_description = keys
    match number % 5:
        case 0:
            return member | {key_status: "Teleported"}
        case 1:
            return {key: value for key, value in member.items() if key not in (key_status, key_at)}
        case 2:
            return member | {key_status: 7, key_at: 1_767_607_200}
        case 3:
            return member | {key_description: "9" * 400, "errorcode": "9" * 40}
        case _:
            return member | {key_id: None, "extra": {"nested": [1, None]}}
