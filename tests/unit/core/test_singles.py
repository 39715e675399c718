"""Single messages in the core, held against a plain reference."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock._core import CoreError, Joined, PayloadError, Template, encode_batch, join_payloads, pack_messages, read_numbers
from tests.reference import singles as reference
from tests.reference.numbers import read_number
from tests.reference.segments import segments
from tests.reference.singles import Message

TEXT = Template("{text}")
ACCOUNT, SENDER = 'acc"ount', "Penstock"
WIDE = 10**9

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=200)
messages = st.tuples(st.integers(4915100000000, 4915100000030), texts)
payloads = st.lists(st.lists(messages, min_size=1, max_size=4), min_size=1, max_size=8)


def pack(parts: Sequence[Sequence[Message]], first_seq: int = 0) -> list[bytes]:
    """Payloads one behind the other."""
    packed = []
    for part in parts:
        packed.append(pack_messages([number for number, _ in part], [text for _, text in part], first_seq))
        first_seq += len(part)
    return packed


def render(payload: bytes, n: int, first_seq: int = 0) -> bytes:
    """The body of a whole payload."""
    return encode_batch(
        payload, TEXT, traffic_account_id=ACCOUNT, sender=SENDER, first_seq=first_seq, last_seq=first_seq + n - 1,
        max_messages=WIDE, max_segments=WIDE, max_bytes=WIDE,
    ).body  # fmt: skip


def join(packed: Sequence[bytes], most: int = WIDE, parts: int = WIDE, size: int = WIDE) -> Joined:
    """As the claim does."""
    return join_payloads(
        packed, TEXT, traffic_account_id=ACCOUNT, sender=SENDER, max_messages=most, max_segments=parts, max_bytes=size
    )


@given(part=st.lists(messages, min_size=1, max_size=10), first_seq=st.integers(0, 1000))
def test_a_text_reaches_the_body_as_it_was_given(part: list[Message], first_seq: int) -> None:
    """White space, braces, quotes and control characters included."""
    (packed,) = pack([part], first_seq)
    sent = json.loads(render(packed, len(part), first_seq))["messages"]
    assert [(item["destination"], item["sms"]["text"]) for item in sent] == [(f"+{number}", text) for number, text in part]


@given(parts=payloads, most=st.integers(1, 30), segs=st.integers(1, 40), size=st.integers(100, 3000))
def test_joining_agrees_with_the_reference(parts: list[list[Message]], most: int, segs: int, size: int) -> None:
    """The same messages are joined, and rendered to the same bytes."""
    joined = join(pack(parts), most, segs, size)
    expected = reference.join(parts, ACCOUNT, SENDER, messages=most, parts=segs, size=size)
    assert joined.messages == len(expected)
    assert sum(map(len, parts[: joined.payloads])) == len(expected)
    assert joined.segments == sum(segments(text).parts for _, text in expected)
    assert json.loads(render(joined.payload, len(expected))) == json.loads(reference.body(expected, ACCOUNT, SENDER))
    assert joined.payload == pack([expected])[0]


def test_only_neighbours_are_joined() -> None:
    """A gap or a damaged payload ends the run, a damaged first one is an error."""
    first, second, third = pack([[(1, "a")], [(2, "b")], [(3, "c")]], 7)
    assert join([first, second, third]).payloads == 3
    assert join([first, third]).payloads == 1
    assert join([first, second[:-1], third]).payloads == 1
    with pytest.raises(PayloadError):
        join([second[:-1], third])
    with pytest.raises(CoreError):
        join([])


@given(st.lists(st.text("+0123456789 ()-a", max_size=18), max_size=5), st.sampled_from([None, "DE", "US"]))
def test_numbers_agree_with_the_reference(given_texts: list[str], region: str | None) -> None:
    """Each number is read as a recipients file would be."""
    assert read_numbers(given_texts, region) == [read_number(text, region) for text in given_texts]


def test_an_unknown_region_is_refused() -> None:
    """It would otherwise make every national number wrong."""
    with pytest.raises(CoreError, match="'XX' is not a region"):
        read_numbers(["1"], "XX")


def test_what_a_payload_cannot_hold_is_refused() -> None:
    """Lists of different lengths, and a text of more parts than a byte can count."""
    with pytest.raises(CoreError, match="1 numbers and 2 texts"):
        pack_messages([1], ["a", "b"], 0)
    with pytest.raises(CoreError, match="256 parts"):
        pack_messages([1], ["a" * 153 * 256], 0)
