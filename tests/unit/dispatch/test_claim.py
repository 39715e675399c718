import json

from hypothesis import given
from hypothesis import strategies as st

from penstock import _core
from penstock.dispatch.claim import mark
from penstock.domain.ids import AttemptId, BatchId
from penstock.store.attempts import Attempt
from tests.builders import ACCOUNT, SENDER, TEXT, new_id, number, parse_recipients, recipients_csv

POSITIONS = st.sets(st.integers(0, 40))


def bits(bitmap: bytes | None) -> set[int]:
    """Positions that are set, least significant bit first."""
    return {8 * i + bit for i, byte in enumerate(bitmap or b"") for bit in range(8) if byte >> bit & 1}


@given(earlier=POSITIONS, added=POSITIONS)
def test_marking_adds_positions(earlier: set[int], added: set[int]) -> None:
    """A bitmap holds exactly what was marked before and now, and stays absent while nothing is."""
    bitmap = mark(mark(None, sorted(earlier), 41), sorted(added), 41)
    assert bits(bitmap) == earlier | added
    assert len(bitmap or b"") == (6 if earlier | added else 0)


@given(left_out=st.sets(st.integers(0, 19)), first=st.integers(0, 19), length=st.integers(1, 20))
def test_an_attempt_names_the_same_messages_as_the_core(left_out: set[int], first: int, length: int) -> None:
    """The sequence numbers an attempt reconstructs are those whose numbers the core put into the body."""
    (chunk,) = parse_recipients(recipients_csv(20), first_seq=100)
    last = min(first + length - 1, 19)
    bitmap = mark(None, sorted(left_out), 20)
    encoded = _core.encode_batch(
        chunk.payload, _core.Template(TEXT), traffic_account_id=ACCOUNT, sender=SENDER, first_seq=100 + first,
        last_seq=100 + last, excluded=bitmap, max_messages=50, max_segments=1000, max_bytes=100_000,
    )  # fmt: skip
    attempt = Attempt(
        attempt_id=AttemptId(new_id()), tenant_id=1, campaign_id=new_id(), batch_id=BatchId(1), account_id=ACCOUNT,
        first_seq=100 + first, last_seq=100 + last, messages=encoded.messages, excluded=bitmap, chunk_first_seq=100,
    )  # fmt: skip
    included = [i for i in range(first, last + 1) if i not in left_out]
    assert attempt.seqs() == [100 + i for i in included]
    sent = [message["destination"] for message in json.loads(encoded.body)["messages"]]
    assert sent == [f"+{number(i)}" for i in included]
