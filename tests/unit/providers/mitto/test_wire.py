"""The table of outcomes."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.domain.outcome import Accepted, Held, NotSent, Outcome, Refused, Split, Throttled, Unknown
from penstock.providers.mitto.wire import judge
from penstock.providers.port import Answered, Disconnected, Reply, Unsent

NOW = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
ACCOUNT = "0b6f2c9e-5a41-4d0e-9a8b-1f2e3d4c5b6a"
ACCOUNT_FAULT = b'{"errors":{"trafficAccountId":["not available"]}}'
NUMBER = "4915100000000"


def judged(reply: Reply, expected: int = 2) -> Outcome:
    """Judge with the usual account and time."""
    return judge(reply, expected, ACCOUNT, now=NOW)


def answer(*elements: Any, status: int = 200) -> Answered:
    """Build a bulk answer."""
    return Answered(status, None, msgspec.json.encode({"bulkId": "b", "messages": elements}))


def one(message_id: str) -> dict[str, str]:
    """Build an accepted element."""
    return {"trafficAccountId": ACCOUNT, "messageId": message_id}


@pytest.mark.parametrize(
    ("reply", "expected", "outcome"),
    [
        (Unsent("dns"), 2, NotSent("dns")),
        (Disconnected("timeout"), 2, Unknown("timeout")),
        (Answered(429, "3", b""), 2, Throttled(3.0)),
        (Answered(429, "soon", b""), 2, Throttled(None)),
        (Answered(429, "Mon, 05 Jan 2026 10:00:05 GMT", b""), 2, Throttled(5.0)),
        (Answered(401, None, b""), 2, Held("http_401")),
        (Answered(403, None, b""), 2, Held("http_403")),
        (Answered(404, None, b""), 2, Held("http_404")),
        (Answered(400, None, ACCOUNT_FAULT), 2, Held("http_400_account")),
        (Answered(400, None, ACCOUNT_FAULT), 1, Held("http_400_account")),
        (Answered(413, None, b""), 2, Split("http_413", is_size=True)),
        (Answered(413, None, b""), 1, Split("http_413", is_size=True)),
        (Answered(400, None, b""), 2, Split("http_400")),
        (Answered(422, None, b""), 2, Split("http_422")),
        (Answered(400, None, b""), 1, Refused("http_400")),
        (Answered(422, None, b""), 1, Refused("http_422")),
        *[(Answered(status, "3", b"{}"), 2, Unknown(f"http_{status}")) for status in (301, 302, 307, 308, 402, 405, 408, 409)],
        *[(Answered(status, "3", b"{}"), 1, Unknown(f"http_{status}")) for status in (425, 499, 500, 502, 503, 504, 599, 100)],
        (Answered(200, None, b""), 2, Unknown("answer_not_json")),
        (Answered(200, None, b"<html>"), 2, Unknown("answer_not_json")),
        (Answered(204, None, b""), 2, Unknown("answer_not_json")),
        (Answered(200, None, b'{"id":"A"}'), 1, Unknown("answer_no_messages")),
    ],
)
def test_table(reply: Reply, expected: int, outcome: Outcome) -> None:
    """Every row of the table."""
    assert judged(reply, expected) == outcome


def test_accepted_whole() -> None:
    """Every position has an id of its own."""
    assert judged(answer(one("A"), one("B"), status=202)) == Accepted([0, 1], ["A", "B"], [])


def test_accepted_in_part() -> None:
    """An element with an error and no id is refused by itself; numbers in the provider's words are masked."""
    outcome = judged(answer(one("A"), {"error": f"Invalid destination {NUMBER} or +{NUMBER}"}))
    assert isinstance(outcome, Accepted)
    assert (outcome.positions, outcome.ids) == ([0], ["A"])
    ((position, text),) = outcome.refused
    assert position == 1
    assert text.startswith("Invalid destination")
    assert NUMBER not in text


@pytest.mark.parametrize(
    ("reply", "reason", "hints"),
    [
        (answer(one("A")), "answer_length", ["A"]),
        (answer(one("A"), one("B"), one("C")), "answer_length", ["A", "B"]),
        (answer(one("A"), {"trafficAccountId": ACCOUNT}), "answer_missing_id", ["A"]),
        (answer(one("A"), one("A")), "answer_repeated_id", None),
    ],
)
def test_untrustworthy_positions(reply: Reply, reason: str, hints: list[str] | None) -> None:
    """Answers that do not account for every position are unknown; the ids in them are hints."""
    outcome = judged(reply)
    assert isinstance(outcome, Unknown)
    assert outcome.reason == reason
    if hints is not None:
        assert list(outcome.hints) == hints


elements = st.one_of(
    st.builds(one, st.sampled_from("ABC")), st.builds(lambda text: {"error": text}, st.text(max_size=5)),
    st.sampled_from([{}, None, 7, "x", {"messageId": None}, {"messageId": ""}, {"messageId": 5}]),
)  # fmt: skip
bodies = st.one_of(
    st.binary(max_size=200),
    st.lists(elements, max_size=4).map(lambda items: msgspec.json.encode({"messages": items})),
    st.lists(elements, max_size=4).map(lambda items: msgspec.json.encode({"messages": items})[:-1]),
)


@given(status=st.integers(100, 999), retry_after=st.none() | st.text(max_size=20), body=bodies, expected=st.integers(1, 4))
def test_any_answer(status: int, retry_after: str | None, body: bytes, expected: int) -> None:
    """No answer raises, and none is accepted unless it is a 2xx that accounts for every position."""
    outcome = judged(Answered(status, retry_after, body), expected)
    if isinstance(outcome, Accepted):
        assert 200 <= status < 300
        positions = [*outcome.positions, *(position for position, _ in outcome.refused)]
        assert sorted(positions) == list(range(expected))
        assert len(set(outcome.ids)) == len(outcome.ids) == len(outcome.positions)
        assert all(outcome.ids)


@given(
    status=st.sampled_from([400, 401, 413, 422, 500]), body=st.text(st.characters(codec="ascii", categories=["L"]), min_size=12)
)
def test_reasons_repeat_nothing(status: int, body: str) -> None:
    """What the provider wrote never stands in a reason."""
    outcome = judged(Answered(status, None, body.encode()), 1)
    assert isinstance(outcome, Held | Split | Refused | Unknown)
    assert body not in outcome.reason
