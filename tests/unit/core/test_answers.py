"""Bulk answers against the vectors and the reference."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock._core import BulkAnswer, read_bulk_answer
from tests.reference import bulk_answer as reference
from tests.unit.core.vectors import cases

scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.text("a\0 é0", max_size=3))
errors = st.one_of(
    scalars, st.lists(scalars, max_size=2), st.fixed_dictionaries({}, optional={"message": scalars, "code": scalars})
)
elements = st.one_of(
    scalars,
    st.fixed_dictionaries({}, optional={"messageId": scalars, "error": errors, "errors": errors, "to": scalars}),
    st.fixed_dictionaries({"messageId": st.sampled_from("abcdefgh")}),
)
answers = st.fixed_dictionaries(
    {}, optional={"bulkId": scalars, "messages": st.one_of(scalars, st.lists(elements, max_size=6)), "other": errors}
)


def columns(answer: BulkAnswer) -> tuple[object, ...]:
    """Everything an answer says."""
    return (answer.reason, answer.bulk_id, answer.positions, answer.ids, answer.refused)


@pytest.mark.parametrize("case", cases("bulk_answer"), ids=lambda case: case["name"])
def test_vectors(case: dict[str, Any]) -> None:
    """Every vector reads as written."""
    answer = read_bulk_answer(case["body"].encode(), case["expected"])
    refused = [(position, text) for position, text in case["refused"]]
    assert columns(answer) == (case["reason"], case["bulk_id"], case["positions"], case["ids"], refused)


@given(answers, st.integers(0, 6))
def test_reference(answer: Any, expected: int) -> None:
    """The core reads any answer as the reference does."""
    body = json.dumps(answer).encode()
    assert columns(read_bulk_answer(body, expected)) == reference.read_bulk_answer(body, expected)


@given(st.binary(max_size=60), st.integers(0, 3))
def test_foreign_bytes(body: bytes, expected: int) -> None:
    """No bytes at all make it raise."""
    read_bulk_answer(body, expected)


def test_depth() -> None:
    """JSON nested 128 deep is read, one level more is none, and a tower of brackets is not feared."""
    for deep, reason in ((127, None), (128, "not_json"), (200_000, "not_json")):
        body = b'{"x":' + b"[" * deep + b"]" * deep + b',"messages":[{"messageId":"1"}]}'
        assert read_bulk_answer(body, 1).reason == reason
    for deep, refused in ((125, [(0, "7")]), (126, [])):
        body = b'{"messages":[{"error":' + b"[" * deep + b"7" + b"]" * deep + b"}]}"
        assert read_bulk_answer(body, 1).refused == refused
        assert reference.read_bulk_answer(body, 1).refused == refused
    assert read_bulk_answer(b"[" * 200_000, 1).reason == "not_json"


def test_lone_surrogates() -> None:
    """Half a surrogate pair is no id; in a name or elsewhere it does no harm."""
    elements = rb'{"\ud800":1,"messageId":"a"},{"messageId":"\ud800"},{"messageId":"\ud83d\ude00"}'
    body = rb'{"\ud800":1,"x":"\udc00","messages":[' + elements + b"]}"
    answer = read_bulk_answer(body, 3)
    assert columns(answer) == ("missing_id", None, [0, 2], ["a", "😀"], [])
    assert columns(answer) == reference.read_bulk_answer(body, 3)


@given(
    st.lists(st.tuples(st.sampled_from(['{"a":1,', '{"a":2,', '{ "a":1,']), st.text('ab"\\é', max_size=3)), max_size=8),
    st.sampled_from(["}", ',"error":"x"}', ',"messageId":"y"}', ',"messageId":7}', " }"]),
)
def test_elements_that_look_alike(elements: list[tuple[str, str]], tail: str) -> None:
    """Elements that differ in the id only, or nearly so, are read like any others."""
    texts = [f'{head}"messageId":{json.dumps(found, ensure_ascii=False)}{tail}' for head, found in elements]
    body = f'{{"messages":[{",".join(texts)}]}}'.encode()
    assert columns(read_bulk_answer(body, len(texts))) == reference.read_bulk_answer(body, len(texts))


def test_long_texts() -> None:
    """An error is cut to 200 characters and an id over 200 is none."""
    body = json.dumps({"messages": [{"error": "é" * 300}, {"messageId": "a" * 201}]}).encode()
    answer = read_bulk_answer(body, 2)
    assert answer.refused == [(0, "é" * 200)]
    assert answer.reason == "missing_id"
    assert read_bulk_answer(json.dumps({"messages": [{"messageId": "é" * 200}]}).encode(), 1).ids == ["é" * 200]
    assert read_bulk_answer(json.dumps({"messages": [{"messageId": "é" * 201}]}).encode(), 1).ids == []
