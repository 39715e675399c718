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


def test_deep_nesting() -> None:
    """A tower of brackets is neither followed nor feared."""
    tower = b"[" * 200_000
    assert read_bulk_answer(tower, 1).reason == "not_json"
    body = b'{"x":' + tower + b"]" * 200_000 + b',"messages":[{"messageId":"1"}]}'
    assert read_bulk_answer(body, 1).ids == ["1"]
    nested = b'{"messages":[{"error":' + tower + b"1" + b"]" * 200_000 + b"}]}"
    assert read_bulk_answer(nested, 1).refused[0][0] == 0


def test_long_texts() -> None:
    """An error is cut to 200 characters and an id over 200 is none."""
    body = json.dumps({"messages": [{"error": "é" * 300}, {"messageId": "a" * 201}]}).encode()
    answer = read_bulk_answer(body, 2)
    assert answer.refused == [(0, "é" * 200)]
    assert answer.reason == "missing_id"
