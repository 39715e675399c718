"""The canonical form of JSON against the vectors and the reference, and in linear time."""

import json
import random
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from penstock._core import CoreError, FormatError, canonical_json
from tests.reference import canonical as reference
from tests.unit.core.vectors import cases

MEGABYTE = 1_000_000
letters = st.text(st.sampled_from('ab"\\/\n\x00\x1f\x7fé€\ud7ff\ue000\uffff😀𐀀'), max_size=4)
keys = st.one_of(letters, st.text(max_size=12), st.sampled_from(["abcdefgh", "abcdefghi", "abcdefghij"]))
numbers = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, keys),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=6)),
    max_leaves=30,
)
# Pieces that together are often JSON, and often nearly.
words = b'{ } [ ] , : " "a" "b": "\\u0061": 1 -0.5e+3 01 true nul \\ \\u \\ud83d \\ude00'.split()
odd = [b" ", b"\n", b"\0", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xf0\x9f\x98\x80"]
pieces = st.sampled_from([*words, *odd])
hostile = st.one_of(st.binary(max_size=40), st.lists(pieces, max_size=14).map(b"".join))


def body_of(case: dict[str, Any]) -> bytes:
    """A vector's bytes."""
    return bytes.fromhex(case["body_hex"]) if "body_hex" in case else str(case["body"]).encode()


def shuffled(value: Any, source: random.Random) -> Any:
    """The same value with the members of every object in another order."""
    if isinstance(value, list):
        return [shuffled(inner, source) for inner in value]
    if isinstance(value, dict):
        pairs = list(value.items())
        source.shuffle(pairs)
        return {key: shuffled(inner, source) for key, inner in pairs}
    return value


def outcome(data: bytes, read: Any) -> bytes | None:
    """The canonical form, or None where it is refused."""
    try:
        return bytes(read(data))
    except (ValueError, RecursionError):
        return None


def seconds(data: bytes) -> float:
    """The quicker of three readings, refused or not."""
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        outcome(data, canonical_json)
        times.append(time.perf_counter() - begun)
    return min(times)


@pytest.mark.parametrize("case", cases("canonical"), ids=lambda case: case["name"])
def test_vectors(case: dict[str, Any]) -> None:
    """Every vector has its form, or none."""
    expected = case["canonical"]
    assert outcome(body_of(case), canonical_json) == (None if expected is None else expected.encode())


@pytest.mark.parametrize("case", cases("canonical"), ids=lambda case: case["name"])
def test_reference_agrees_with_the_vectors(case: dict[str, Any]) -> None:
    """The reference gives the same form, or none."""
    assert outcome(body_of(case), reference.canonical_json) == outcome(body_of(case), canonical_json)


@given(values, st.randoms(use_true_random=False), st.sampled_from([None, 1, "\t"]), st.booleans())
def test_the_same_said_otherwise(value: Any, source: random.Random, indent: Any, is_ascii: bool) -> None:  # noqa: FBT001
    """Order of keys, white space and escapes do not matter, and the form is that of the reference."""
    plain = json.dumps(value, separators=(",", ":")).encode()
    other = json.dumps(shuffled(value, source), indent=indent, ensure_ascii=is_ascii).encode()
    assert canonical_json(other) == canonical_json(plain) == reference.canonical_json(plain)


@given(values)
def test_nothing_is_lost(value: Any) -> None:
    """The form says what the body said, and is its own form."""
    form = canonical_json(json.dumps(value).encode())
    assert json.loads(form) == value
    assert canonical_json(form) == form


@given(hostile)
@example(b'{"\\u0061":1,"a":2}')
@example(b'[1\x00"')
def test_hostile_bytes(data: bytes) -> None:
    """Exactly the bytes that the reference accepts are accepted."""
    assert outcome(data, canonical_json) == outcome(data, reference.canonical_json)


@given(values, hostile, st.integers(0, 200))
def test_damaged_bodies(value: Any, foreign: bytes, place: int) -> None:
    """A body with foreign bytes in the middle is judged as by the reference."""
    body = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    damaged = body[:place] + foreign + body[place:]
    assert outcome(damaged, canonical_json) == outcome(damaged, reference.canonical_json)


def test_errors_say_why_and_quote_nothing() -> None:
    """The text names the flaw and its place, and none of the values."""
    with pytest.raises(FormatError, match="a key stands twice in one object, at byte 25") as caught:
        canonical_json(b'{"secret":"hush","secret": "hush"}')
    assert "secret" not in str(caught.value)
    assert "hush" not in str(caught.value)
    assert isinstance(caught.value, CoreError)


HOSTILE_SHAPES = {
    "open arrays": lambda n: b"[" * n,
    "open objects": lambda n: b'{"a":' * (n // 5),
    "arrays side by side": lambda n: b"[" + b"[]," * (n // 3) + b"[]]",
    "one string": lambda n: b'"' + b"x" * n + b'"',
    "one unclosed string": lambda n: b'"' + b"x" * n,
    "backslashes": lambda n: b'"' + b"\\" * n + b'"',
    "escapes": lambda n: b'"' + b"\\u00e9" * (n // 6) + b'"',
    "white space": lambda n: b"[" + b" " * n + b"]",
    "one number": lambda n: b"1" * n,
    "falling keys": lambda n: b"{" + b",".join(b'"%07d":1' % i for i in range(n // 12, 0, -1)) + b"}",
    "keys that begin alike": lambda n: b"{" + b",".join(b'"%s%05d":1' % (b"k" * 90, i) for i in range(n // 100, 0, -1)) + b"}",
    "escaped keys that begin alike": lambda n: (
        b"{" + b",".join(b'"\\u0001%s%05d":1' % (b"k" * 84, i) for i in range(n // 100, 0, -1)) + b"}"
    ),
    "few long keys": lambda n: b"{" + b",".join(b'"%s%d":1' % (b"k" * (n // 5), i) for i in range(4, 0, -1)) + b"}",
    "unordered at every level": lambda n: b'{"b":' * 63 + b'"' + b"x" * n + b'"' + b',"a":1}' * 63,
    "unordered towers side by side": lambda n: b"[" + b",".join([b'{"b":' * 60 + b"1" + b',"a":1}' * 60] * (n // 800)) + b"]",
    "ordered around unordered": lambda n: b"[" + b",".join([b'{"a":{"c":1,"b":2}}'] * (n // 20)) + b"]",
}


@pytest.mark.parametrize("shape", HOSTILE_SHAPES)
def test_time_is_linear(shape: str) -> None:
    """Eight times the bytes take about eight times as long, and a megabyte a fraction of a second."""
    small, large = HOSTILE_SHAPES[shape](MEGABYTE // 8), HOSTILE_SHAPES[shape](MEGABYTE)
    assert outcome(large[:4000], canonical_json) == outcome(large[:4000], reference.canonical_json)
    least, most = seconds(small), seconds(large)
    assert most < 0.5
    # Quadratic time would be a factor of 64; under 2 ms it is start-up and page faults that are measured.
    assert most < 0.002 or most < 32 * least
