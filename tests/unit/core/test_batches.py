"""Bulk bodies: their bytes, bounds and payloads."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock._core import CODEC_VERSION, CoreError, EncodedBatch, PayloadError, Template, encode_batch, find_numbers
from tests.unit.core.parsing import parse

TEXT = 'Hi {name}, "x"\n{{}}'
BIG = 1 << 40
# The characters of Unicode's White_Space; Python strips four separators more.
SPACES = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"


def payload(names: list[str], first_seq: int = 0, **settings: Any) -> bytes:
    """One chunk's payload, one message for each name."""
    rows = [{"phone": f"+49151{index:08d}", "name": name} for index, name in enumerate(names)]
    chunks = parse("\n".join(map(json.dumps, rows)).encode(), "ndjson", TEXT, first_seq=first_seq, max_parts=255, **settings)
    return chunks[0].payload


def encode(packed: bytes, first_seq: int, last_seq: int, **bounds: Any) -> EncodedBatch:
    """A body with bounds that hold everything unless told."""
    settings = {"max_messages": BIG, "max_segments": BIG, "max_bytes": BIG, "traffic_account_id": 'a"c', "sender": "Ex\\"}
    settings |= bounds
    return encode_batch(packed, Template(TEXT), first_seq=first_seq, last_seq=last_seq, **settings)


def seqs(batch: EncodedBatch, first_seq: int = 0) -> list[int]:
    """Sequence numbers in the order of the body, by the numbers that `payload` gave them."""
    found = json.loads(batch.body)["messages"]
    assert batch.messages == len(found)
    return [first_seq + int(message["destination"].removeprefix("+49151")) for message in found]


names = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1).filter(str.strip), min_size=1, max_size=6
)


@given(names, st.integers(0, 1000))
def test_body(sent: list[str], first_seq: int) -> None:
    """The body is the JSON that the provider expects, in compact form, and its digest is of those bytes."""
    batch = encode(payload(sent, first_seq), first_seq, first_seq + len(sent) - 1)
    expected = {
        "messages": [
            {
                "trafficAccountId": 'a"c',
                "destination": f"+49151{index:08d}",
                "sms": {"text": f'Hi {json.loads(json.dumps(name))}, "x"\n{{}}', "sender": "Ex\\"},
            }
            for index, name in enumerate(_trimmed(sent))
        ]
    }
    assert json.loads(batch.body) == expected
    assert batch.digest == hashlib.sha256(batch.body).digest()
    assert seqs(batch, first_seq) == list(range(first_seq, first_seq + len(sent)))


def test_references() -> None:
    """Where a reference is asked for, each message has it with its own sequence number, and all else is as without."""
    packed = payload(["Ann", "Bob", "Cid"], 7)
    without = json.loads(encode(packed, 7, 9).body)["messages"]
    batch = encode(packed, 7, 9, reference='c"-')
    assert json.loads(batch.body)["messages"] == [
        {**message, "reference": f'c"-{seq}'} for seq, message in enumerate(without, 7)
    ]
    assert batch.digest == hashlib.sha256(batch.body).digest()


def _trimmed(sent: list[str]) -> list[str]:
    return [name.strip(SPACES) for name in sent]


@given(
    st.lists(st.text('a"\\\n\x01é😀', min_size=1, max_size=20).filter(str.strip), min_size=1, max_size=20),
    st.integers(150, 900),
)
def test_chunk_bytes(sent: list[str], chunk_bytes: int) -> None:
    """A chunk's body fits its bound to the byte: one more message would not have fitted."""
    rows = [{"phone": f"+49151{index:08d}", "name": name} for index, name in enumerate(sent)]
    data = "\n".join(map(json.dumps, rows)).encode()
    chunks = parse(data, "ndjson", TEXT, chunk_bytes=chunk_bytes, traffic_account_id='a"c', sender="Ex\\")
    sizes = [encode(chunk.payload, chunk.first_seq, chunk.first_seq + chunk.messages - 1) for chunk in chunks]
    assert sum(batch.messages for batch in sizes) == len(sent)
    for index, batch in enumerate(sizes):
        assert len(batch.body) <= chunk_bytes or batch.messages == 1
        if index + 1 < len(sizes):
            following = chunks[index + 1]
            first = encode(following.payload, following.first_seq, following.first_seq)
            both = len(batch.body) + len(first.body) - len('{"messages":[]}') + 1
            assert both > chunk_bytes


def test_bounds() -> None:
    """Each bound ends a body, what is left out is passed over, and one message always goes."""
    packed = payload(["a", "b", "c" * 200, "d"], 10)
    assert seqs(encode(packed, 10, 13, max_messages=2), 10) == [10, 11]
    assert seqs(encode(packed, 10, 13, max_segments=3), 10) == [10, 11]
    assert seqs(encode(packed, 10, 13, max_segments=4), 10) == [10, 11, 12]
    size = len(encode(packed, 10, 11).body)
    assert seqs(encode(packed, 10, 13, max_bytes=size), 10) == [10, 11]
    assert seqs(encode(packed, 10, 13, max_bytes=size - 1), 10) == [10]
    one = encode(packed, 12, 13, max_messages=0, max_segments=0, max_bytes=0)
    assert (seqs(one, 10), one.segments, one.last_seq) == ([12], 2, 12)


def test_what_is_left() -> None:
    """The segments behind a cut are counted exactly, without those left out."""
    packed = payload(["a", "b", "c" * 200, "d" * 400, "e"], 10)
    assert encode(packed, 10, 14, max_messages=2).left_segments == 2 + 3 + 1
    assert encode(packed, 10, 14, max_messages=2, excluded=bytes([0b01000])).left_segments == 2 + 1
    assert encode(packed, 10, 12, max_messages=2).left_segments == 2
    assert encode(packed, 10, 14).left_segments == 0


def test_excluded() -> None:
    """Excluded messages are covered but not sent, also those directly behind the last one that fits."""
    packed = payload(["a", "b", "c", "d"])
    batch = encode(packed, 0, 3, excluded=bytes([0b0110]), max_messages=1)
    assert (seqs(batch), batch.last_seq) == ([0], 2)
    nobody = encode(packed, 1, 2, excluded=bytes([0b0110]))
    assert (nobody.body, nobody.messages, nobody.last_seq) == (b'{"messages":[]}', 0, 2)
    with pytest.raises(CoreError, match="bitmap"):
        encode(packed, 0, 3, excluded=b"")


@pytest.mark.parametrize(("first_seq", "last_seq"), [(9, 10), (10, 12), (11, 10)])
def test_range(first_seq: int, last_seq: int) -> None:
    """A range outside the payload is refused."""
    with pytest.raises(PayloadError, match="holds the messages from 10 to before 12"):
        encode(payload(["a", "b"], 10), first_seq, last_seq)


def test_other_template() -> None:
    """A template with another number of names is refused."""
    with pytest.raises(PayloadError, match="1 values per message and the template takes 0"):
        encode_batch(
            payload(["a"]), Template("x"), traffic_account_id="", sender="", first_seq=0, last_seq=0,
            max_messages=1, max_segments=1, max_bytes=1,
        )  # fmt: skip


@given(st.data())
def test_damage(data: st.DataObject) -> None:
    """Any changed byte or cut of a payload is noticed."""
    packed = payload(["Anna", "Ελένη"])
    at = data.draw(st.integers(0, len(packed) - 1))
    changed = packed[:at] + bytes([packed[at] ^ data.draw(st.integers(1, 255))]) + packed[at + 1 :]
    for bad in (changed, packed[:at]):
        with pytest.raises(PayloadError):
            encode(bad, 0, 1)


def test_version() -> None:
    """The first byte of a payload is the codec version, and another one is named in the refusal."""
    packed = payload(["a"])
    assert packed[0] == CODEC_VERSION
    with pytest.raises(PayloadError, match="version 9"):
        find_numbers(b"\x09" + packed[1:], [])


def test_same_bytes_for_ever() -> None:
    """This codec version's payload and body never change."""
    packed = payload(["Anna", "Ελένη"], 3)
    assert hashlib.sha256(packed).hexdigest() == "7c69f39ce10e45a564b6b3a731ec946c25ed135a27bd2a396542302a1ad41e99"
    assert encode(packed, 3, 4).digest.hex() == "d25232d0b6fbc2064f9cca6c6c6151f678cb2e9778743d307a70942c5da3393f"


def test_find_numbers() -> None:
    """Numbers are found by their sequence numbers, unknown ones are not."""
    packed = payload(["a", "b", "c"], 5)
    assert find_numbers(packed, [4915100000002, 1, 4915100000000]) == [5, 7]
    assert find_numbers(packed, []) == []
