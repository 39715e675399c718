"""The packed payload: its bytes for ever, against the vector and the reference, and how it is refused."""

import hashlib
import json
import struct
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock._core import CoreError, EncodedBatch, PayloadError, Template, encode_batch, find_numbers
from tests.reference import payload as reference
from tests.unit.core.vectors import FOLDER

GOLDEN: dict[str, Any] = json.loads((FOLDER / "payload_v1.json").read_text(encoding="utf-8"))
TEXT = 'Hi {a}, "x"\n{{}}{b}'
MAX_SEQ = 2**31 - 1


def encode(payload: bytes, first_seq: int, last_seq: int, text: str = TEXT, **settings: Any) -> EncodedBatch:
    """A body with bounds that hold everything."""
    settings = {"traffic_account_id": 'a"c', "sender": "Ex\\"} | settings
    return encode_batch(
        payload, Template(text), first_seq=first_seq, last_seq=last_seq, max_messages=1 << 40, max_segments=1 << 40,
        max_bytes=1 << 40, **settings,
    )  # fmt: skip


def sealed(payload: bytes) -> bytes:
    """The payload with the check sum that its bytes need."""
    return payload[:12] + struct.pack("<I", zlib.crc32(payload[:12] + payload[16:])) + payload[16:]


texts = st.text(st.characters(codec="utf-8"), max_size=200)
messages = st.lists(
    st.builds(reference.Message, st.integers(1, 10**15 - 1), st.integers(1, 255), st.lists(texts, min_size=2, max_size=2)),
    min_size=1,
    max_size=6,
)


def test_version_1_is_read_for_ever() -> None:
    """The payload in the vectors reads and renders to the bytes that it was written for."""
    payload, first_seq = bytes.fromhex(GOLDEN["payload"]), GOLDEN["first_seq"]
    found = [reference.Message(**message) for message in GOLDEN["messages"]]
    assert reference.unpack(payload) == (first_seq, found)
    batch = encode(
        payload, first_seq, first_seq + len(found) - 1, GOLDEN["template"],
        traffic_account_id=GOLDEN["traffic_account_id"], sender=GOLDEN["sender"],
    )  # fmt: skip
    assert batch.body.decode() == GOLDEN["body"]
    assert batch.digest.hex() == GOLDEN["digest"] == hashlib.sha256(batch.body).hexdigest()
    assert batch.segments == sum(message.segments for message in found)
    assert find_numbers(payload, [found[2].number]) == [first_seq + 2]


def test_later_versions_are_refused() -> None:
    """A payload of a later release is not guessed at, and the error says what it is."""
    with pytest.raises(PayloadError, match="version 2, which a later release wrote; this one reads up to version 1"):
        find_numbers(bytes.fromhex(GOLDEN["of_a_later_version"]), [])
    with pytest.raises(PayloadError, match="version 0, which no release wrote"):
        find_numbers(b"\0" + bytes.fromhex(GOLDEN["payload"])[1:], [])


@given(messages, st.integers(0, 1000))
def test_reference(sent: list[reference.Message], first_seq: int) -> None:
    """The core renders any payload as the reference does."""
    payload = reference.pack(first_seq, sent)
    batch = encode(payload, first_seq, first_seq + len(sent) - 1)
    assert batch.body == reference.encode(sent, TEXT, traffic_account_id='a"c', sender="Ex\\")
    assert batch.messages == len(sent)
    numbers = [message.number for message in sent]
    assert find_numbers(payload, numbers[:1]) == [first_seq + i for i, found in enumerate(numbers) if found == numbers[0]]


@given(messages, st.data())
def test_hostile_bytes(sent: list[reference.Message], data: st.DataObject) -> None:
    """Bytes that someone changed and gave a right check sum give a body or a PayloadError, and nothing else."""
    changed = bytearray(reference.pack(5, sent))
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(1, len(changed) - 1))] = data.draw(st.sampled_from([0, 1, 5, 0x7F, 0x80, 0xFF]))
    hostile = sealed(bytes(changed[: data.draw(st.integers(16, len(changed)))]))
    last_seq = data.draw(st.sampled_from([5, 5 + len(sent) - 1, MAX_SEQ, 2**32 - 1]))
    for use in (lambda: find_numbers(hostile, [1]), lambda: encode(hostile, 5, last_seq)):
        try:
            use()
        except PayloadError:
            continue


@pytest.mark.parametrize("number", [0, -1, 10**15, -(2**63)])
def test_numbers_that_are_none(number: int) -> None:
    """A number that no phone can have is damage, whatever the check sum says."""
    with pytest.raises(PayloadError, match="a number is none"):
        find_numbers(reference.pack(0, [reference.Message(number, 1, [])]), [])
    highest = reference.pack(0, [reference.Message(10**15 - 1, 1, [])])
    assert find_numbers(highest, [10**15 - 1]) == [0]


def test_last_sequence_number() -> None:
    """The last sequence number that the store can hold is rendered; a payload that goes beyond it is damage."""
    one = [reference.Message(4915100000001, 1, ["a", "b"])]
    assert encode(reference.pack(MAX_SEQ, one), MAX_SEQ, MAX_SEQ).messages == 1
    with pytest.raises(PayloadError, match="no writer writes"):
        find_numbers(reference.pack(MAX_SEQ, one * 2), [])


def test_values_of_another_template() -> None:
    """More values than any template takes are refused, not read."""
    many = reference.pack(0, [reference.Message(4915100000001, 1, ["x"] * 40_000)])
    with pytest.raises(CoreError, match="40000 values per message and the template takes 2"):
        encode(many, 0, 0)
