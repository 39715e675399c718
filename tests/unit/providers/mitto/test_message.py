"""What a look-up came to, in every form that was seen or may be."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.domain.evidence import Seen
from penstock.domain.look_up import Absent, Obscured, Sight
from penstock.domain.ulid import accepted_ms
from penstock.providers.mitto.message import REFUSED_WAIT_S, read_message
from penstock.providers.port import Answered, Disconnected, Unsent

ID = "01KC0000000000000000000001"
NUMBER = 4915100000001
NOW = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
MESSAGE: dict[str, Any] = {
    "messageId": ID,
    "text": "Hello",
    "sender": {"id": "0b6f2c9e-0000-4000-8000-000000000001", "name": "Account", "messagingAppIdentifier": "Penstock"},
    "conversation": {"id": "c", "participants": [{"id": "p", "name": None, "messagingAppIdentifier": f"+{NUMBER}"}]},
    "createdAt": "2026-01-05T10:00:00.1234567Z",
    "updatedAt": "2026-01-05T10:00:06.1234567Z",
    "deliveryStatus": "Delivered",
    "description": None,
    "requestInfo": {"sms": {"sender": "Penstock", "text": "Hello"}},
    "reference": None,
}


def read(document: object, provider_id: str = ID) -> Sight:
    """Read a complete answer."""
    return read_message(Answered(200, None, json.dumps(document).encode()), provider_id, now=NOW)


def seen(**changes: object) -> Seen:
    """What is seen of the usual message with other members; `...` takes one away."""
    sight = read({name: value for name, value in (MESSAGE | changes).items() if value is not ...})
    assert isinstance(sight, Seen)
    return sight


def test_the_whole_message() -> None:
    """Number, text, status, time and accept time are read."""
    found = seen(reference="ours")
    assert (found.numbers, found.text, found.reference) == ({NUMBER}, "Hello", "ours")
    assert (found.report.status, found.report.error) == ("Delivered", None)
    assert found.report.at_us == int(datetime(2026, 1, 5, 10, 0, 6, 123456, UTC).timestamp() * 1_000_000)
    assert found.accepted_ms == accepted_ms(ID)


@pytest.mark.parametrize(
    "members",
    [
        {"conversation": {"participants": [f"+{NUMBER}"]}},
        {"conversation": {"participants": [{"name": str(NUMBER)}, {"name": "Account"}]}},
        {"conversation": None, "destination": f"+{NUMBER}"},
        {"conversation": ..., "to": str(NUMBER)},
        {"conversation": "odd", "receiver": f" {NUMBER} "},
    ],
)
def test_wherever_the_recipient_is_named(members: dict[str, object]) -> None:
    """As a participant in any form, or by itself, with a plus or without."""
    assert seen(**members).numbers == {NUMBER}


@pytest.mark.parametrize(
    "members",
    [
        {"conversation": ...},
        {"conversation": {"participants": "x"}},
        {"conversation": {"participants": [None, 7, {"name": 7}]}},
    ],
)
def test_nobody_is_named(members: dict[str, object]) -> None:
    """Then there is no number, and the message is seen all the same."""
    assert seen(**members).numbers == frozenset()


def test_the_text_is_that_of_the_request() -> None:
    """What the provider made of it counts only where it does not say what was asked for."""
    assert seen(text="Hello (changed)").text == "Hello"
    assert seen(requestInfo={"sms": None}).text == "Hello"
    assert seen(requestInfo=[], text=7).text is None


def test_the_accept_time_of_an_opaque_id() -> None:
    """An id that is no ULID has the time that the message names, or none."""
    document = MESSAGE | {"messageId": "opaque"}
    named = read(document, "opaque")
    assert isinstance(named, Seen)
    assert named.accepted_ms == int(datetime(2026, 1, 5, 10, 0, 0, 123456, UTC).timestamp() * 1000)
    unnamed = read(document | {"createdAt": "yesterday"}, "opaque")
    assert isinstance(unnamed, Seen)
    assert unnamed.accepted_ms is None


@pytest.mark.parametrize(
    ("status", "retry_after", "sight"),
    [
        (404, None, Absent()),
        (429, "3", Obscured("http_429", 5.0)),
        (429, "30", Obscured("http_429", 30.0)),
        (429, "99999999", Obscured("http_429", 300.0)),
        (429, "soon", Obscured("http_429", 5.0)),
        (401, None, Obscured("http_401", REFUSED_WAIT_S)),
        (403, None, Obscured("http_403", REFUSED_WAIT_S)),
        (400, None, Obscured("http_400")),
        (301, None, Obscured("http_301")),
        (500, None, Obscured("http_500")),
        (503, "3", Obscured("http_503")),
    ],
)
def test_other_answers(status: int, retry_after: str | None, sight: Sight) -> None:
    """Only 404 speaks of the message; an answer of the limit or of the key asks for a pause."""
    assert read_message(Answered(status, retry_after, b'{"messageId":"x"}'), ID, now=NOW) == sight


@pytest.mark.parametrize("reply", [Disconnected("timeout"), Unsent("dns")])
def test_no_answer(reply: Disconnected | Unsent) -> None:
    """It says nothing about the message."""
    assert read_message(reply, ID, now=NOW) == Obscured(reply.reason)


@pytest.mark.parametrize("document", [None, [], [MESSAGE], {}, {"messageId": None}, MESSAGE | {"messageId": "another"}, "x"])
def test_another_message_is_none(document: object) -> None:
    """What is no message, or one with another id, is not read as this one."""
    assert read(document) == Obscured("unreadable")


@given(st.binary(max_size=200))
def test_any_bytes(body: bytes) -> None:
    """Nothing that may come raises."""
    assert read_message(Answered(200, None, body), ID, now=NOW) == Obscured("unreadable")
