"""Bytes to values."""

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.api.bodies import decode
from penstock.api.schemas import NewCampaign, Numbers
from penstock.domain.errors import InvalidValueError, MalformedRequestError


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b'{"numbers":[1]}', "/numbers/0"),
        (b'{"numbers":["a",{}]}', "/numbers/1"),
        (b'{"numbers":[]}', "/numbers"),
        (b'{"numbers":["\\u0000"]}', "/numbers/0"),
        (b"[]", ""),
        (b"null", ""),
        (b"{}", ""),
    ],
)
def test_wrong_values_have_a_pointer(body: bytes, pointer: str) -> None:
    """The decoder's path becomes a JSON pointer."""
    with pytest.raises(InvalidValueError) as caught:
        decode(body, Numbers)
    assert caught.value.pointer == pointer


@pytest.mark.parametrize(
    ("name", "pointer"), [("x", "/x"), ("a/b", "/a~1b"), ("a~b", "/a~0b"), ("x" * 99, "/" + "x" * 64), ("`", "/`")]
)
def test_unknown_fields_have_a_pointer_too(name: str, pointer: str) -> None:
    """The name is escaped and cut."""
    body = msgspec.json.encode({"name": "n", "text": "t", name: 1})
    with pytest.raises(MalformedRequestError) as caught:
        decode(body, NewCampaign)
    assert caught.value.pointer == pointer


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_one_of_two_errors(body: bytes) -> None:
    """No foreign exception comes out."""
    check(body, NewCampaign)


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"a":' * 100_000, b'{"numbers":' + b"[" * 100_000, b'{"name":' + b"1" * 5000 + b"}"]
)
def test_hostile_bodies(body: bytes) -> None:
    """Deep nesting and long numbers are refused like anything else."""
    for kind in (NewCampaign, Numbers):
        check(body, kind)


def check(body: bytes, kind: Any) -> None:
    """Decode, and accept the two errors."""
    with suppress(MalformedRequestError, InvalidValueError):
        decode(body, kind)
