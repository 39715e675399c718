from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.domain.ids import CampaignId, message_id, parse_message_id, uuid7

MS = st.integers(0, (1 << 48) - 1)
RANDOM = st.binary(min_size=10, max_size=10)


@given(unix_ms=MS, random=RANDOM)
def test_uuid7_has_the_bits_of_the_standard(unix_ms: int, random: bytes) -> None:
    """Version 7, RFC variant, the time in the first 48 bits and every other bit random."""
    made = uuid7(unix_ms, random)
    assert made.version == 7
    assert made.variant == "specified in RFC 4122"
    assert made.int >> 80 == unix_ms
    free = (1 << 80) - 1 & ~(0xF << 76) & ~(0x3 << 62)
    assert made.int & free == int.from_bytes(random, "big") & free


@given(first=MS, second=MS, random=RANDOM, other=RANDOM)
def test_uuid7_sorts_by_time(first: int, second: int, random: bytes, other: bytes) -> None:
    """An earlier millisecond gives a smaller id, as integer, text and bytes: partitions rely on it."""
    a, b = sorted([first, second])
    if a < b:
        assert uuid7(a, random) < uuid7(b, other)
        assert uuid7(a, random).bytes < uuid7(b, other).bytes


@given(campaign=st.uuids(), seq=st.integers(0, 999_999_999))
def test_message_id_comes_back(campaign: UUID, seq: int) -> None:
    """What a message is called in public leads back to it."""
    assert parse_message_id(message_id(CampaignId(campaign), seq)) == (campaign, seq)


@pytest.mark.parametrize(
    "text",
    ["", "-", "1", "g" * 32 + "-1", "0" * 32, "0" * 32 + "-", "0" * 31 + "-1", "0" * 32 + "--1", "0" * 32 + "-1234567890",
     "0" * 32 + "-²", "0" * 32 + "-1 ", "0" * 32 + "-١", str(UUID(int=0)) + "-1"],
)  # fmt: skip
def test_what_is_no_message_id_is_none(text: str) -> None:
    """A text that cannot be a message id is told apart without an error."""
    assert parse_message_id(text) is None


@given(st.text())
def test_foreign_text_never_raises(text: str) -> None:
    """Whatever a caller writes into the path, it is an id or it is not."""
    found = parse_message_id(text)
    assert found is None or isinstance(found[0], UUID)
