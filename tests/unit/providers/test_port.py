"""Answers on disk."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.providers.port import Answered, pack_reply, unpack_reply


@given(status=st.integers(100, 599), retry_after=st.none() | st.text(), body=st.binary())
def test_an_answer_survives_packing(status: int, retry_after: str | None, body: bytes) -> None:
    """What was packed is what is unpacked."""
    answer = Answered(status, retry_after, body)
    assert unpack_reply(pack_reply(answer)) == answer


def test_damage_is_noticed() -> None:
    """A cut or foreign record raises and never becomes another answer."""
    packed = pack_reply(Answered(200, "soon", b"body"))
    for damaged in (packed[:-1], b"", b"\xc1", packed[1:], packed.replace(b"soon", b"so\xffn")):
        with pytest.raises(msgspec.DecodeError):
            unpack_reply(damaged)
