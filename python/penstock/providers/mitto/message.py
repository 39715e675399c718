"""What Mitto's answer to a look-up means: values → values, no sockets. Tolerant: the object's form is known from samples only.

The object is probably the one that reports carry, so its id, status, time and error are read as a report's are. Who it went to
stands among the participants of a conversation, beside others perhaps; its text stands in the echo of the request.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import msgspec

from penstock import _core
from penstock.domain.evidence import Seen
from penstock.domain.look_up import MAX_LOOK_UP_WAIT_S, Absent, Obscured, Sight
from penstock.domain.report import Report
from penstock.domain.ulid import accepted_ms
from penstock.providers.mitto.retry_after import parse_retry_after
from penstock.providers.port import Answered, Reply

REFUSED_WAIT_S: Final = 60.0
"""After a refused key or an unheeded limit the next question waits at least so long."""
_BUSY_WAIT_S: Final = 5.0

_NUMBER: Final = re.compile(r"\+?(\d{7,15})")
_RECIPIENTS: Final = ("destination", "to", "receiver", "recipient")
_IN_PARTICIPANT: Final = ("messagingAppIdentifier", "id", "name", "destination", "msisdn")


def read_message(reply: Reply, provider_id: str, *, now: datetime) -> Sight:
    """Say what a look-up of that id came to; never raises, and no reason repeats what was received."""
    if not isinstance(reply, Answered):
        return Obscured(reply.reason)
    match reply.status:
        case status if 200 <= status < 300:  # noqa: PLR2004 - every 2xx
            return _read(reply.body, provider_id) or Obscured("unreadable")
        case 404:
            return Absent()
        case 429:
            asked = parse_retry_after(reply.retry_after, now)
            return Obscured("http_429", min(MAX_LOOK_UP_WAIT_S, max(_BUSY_WAIT_S, asked or 0.0)))
        case 401 | 403:
            return Obscured(f"http_{reply.status}", REFUSED_WAIT_S)
        case status:
            return Obscured(f"http_{status}")


def _read(body: bytes, provider_id: str) -> Seen | None:
    """The message, or None if this is none or another one."""
    seen = read_shown(body)
    return seen if seen is not None and seen.report.provider_id == provider_id else None


def read_shown(body: bytes) -> Seen | None:
    """What one object shows, be it the answer to a look-up or a report; None if it is no message. Never raises."""
    try:
        document = msgspec.json.decode(body)
        found = _core.read_reports(body, "application/json")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, _core.FormatError):
        return None
    if not isinstance(document, dict) or len(found.ids) != 1:
        return None
    provider_id = found.ids[0]
    report = Report(provider_id, found.statuses[0], found.times_us[0], found.errors[0])
    return Seen(
        report=report,
        accepted_ms=accepted_ms(provider_id) or _created_ms(document),
        numbers=frozenset(_numbers(document)),
        text=_text(document),
        reference=_string(document.get("reference")),
    )


def _created_ms(document: dict[str, Any]) -> int | None:
    try:
        return int(msgspec.convert(document.get("createdAt"), datetime).timestamp() * 1000)
    except (msgspec.ValidationError, ValueError):
        return None


def _numbers(document: dict[str, Any]) -> Iterator[int]:
    """Whatever looks like a number where recipients are named."""
    conversation = document.get("conversation")
    participants = conversation.get("participants") if isinstance(conversation, dict) else None
    named = [document.get(name) for name in _RECIPIENTS]
    for one in participants if isinstance(participants, list) else []:
        named += [one.get(name) for name in _IN_PARTICIPANT] if isinstance(one, dict) else [one]
    for text in named:
        if isinstance(text, str) and (number := _NUMBER.fullmatch(text.strip())):
            yield int(number[1])


def _text(document: dict[str, Any]) -> str | None:
    """As it was asked for, before what the provider may have made of it."""
    asked = document.get("requestInfo")
    sms = asked.get("sms") if isinstance(asked, dict) else None
    return _string(sms.get("text") if isinstance(sms, dict) else None) or _string(document.get("text"))


def _string(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
