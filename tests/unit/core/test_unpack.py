"""Rows out of a payload: what went in comes out, and goes in again."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock._core import PayloadError, Template, payload_rows
from tests.reference import unpack
from tests.unit.core.parsing import parse

TEXT = "Hi {name} {phone}"
TEMPLATE = Template(TEXT)
VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=200).filter(str.strip)


def packed(values: list[str], first_seq: int = 0) -> bytes:
    """A chunk of messages, one for each value; the text's `{phone}` is a value like any other."""
    rows = [{"+": f"+49151{index:08d}", "name": value, "phone": "p"} for index, value in enumerate(values)]
    body = "\n".join(map(json.dumps, rows)).encode()
    (chunk,) = parse(body, "ndjson", TEXT, first_seq=first_seq, max_parts=255, phone_column="+")
    return chunk.payload


@given(st.lists(VALUES, min_size=1, max_size=6), st.integers(0, 1000), st.data())
def test_rows_are_what_the_payload_holds(values: list[str], first_seq: int, data: st.DataObject) -> None:
    """Any selection in any order is what the reference reads out of the bytes."""
    payload = packed(values, first_seq)
    seqs = data.draw(st.lists(st.integers(first_seq, first_seq + len(values) - 1)))
    rows = [json.loads(line) for line in payload_rows(payload, TEMPLATE, seqs, "+").split(b"\n")[:-1]]
    assert rows == unpack.payload_rows(payload, TEMPLATE.names, seqs, "+")


@given(st.lists(VALUES, min_size=1, max_size=6))
def test_rows_taken_in_again_make_the_same_payload(values: list[str]) -> None:
    """Unpacked and uploaded once more, the messages are byte for byte the same."""
    payload = packed(values)
    rows = payload_rows(payload, TEMPLATE, list(range(len(values))), "+")
    (again,) = parse(rows, "ndjson", TEXT, max_parts=255, phone_column="+")
    assert again.payload == payload


def test_what_the_payload_does_not_hold_is_refused() -> None:
    """A foreign sequence number, another template and damaged bytes are errors, never rows."""
    payload = packed(["Ann"], first_seq=5)
    for seq in (0, 4, 6):
        with pytest.raises(PayloadError):
            payload_rows(payload, TEMPLATE, [seq], "+")
    with pytest.raises(PayloadError):
        payload_rows(payload, Template("{name}"), [5], "+")
    with pytest.raises(PayloadError):
        payload_rows(payload[:-1] + b"x", TEMPLATE, [5], "+")


def test_longest_is_the_most_segments_of_a_chunk() -> None:
    """The longest message of the chunk counts, and an empty chunk has none."""
    body = b"phone,name\n+4915100000000,a\n+4915100000001," + b"a" * 161 + b"\n"
    assert [chunk.longest for chunk in parse(body, "csv", "{name}")] == [2]
    assert [chunk.longest for chunk in parse(b"phone,name\nx,y\n", "csv", "{name}")] == [0]
