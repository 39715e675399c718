import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.domain.ulid import accepted_ms, first_id
from penstock.simulator import ulid

MILLISECONDS = st.integers(0, (1 << 48) - 1)


@given(MILLISECONDS, st.integers(0, (1 << 60) - 1))
def test_the_accept_time_is_read_from_an_id(ms: int, chance: int) -> None:
    """An id made by somebody else's code, of a time and of chance, gives the time back."""
    assert accepted_ms(ulid.encode(ms, 10) + ulid.encode(chance, 12) + "0000") == ms


@given(MILLISECONDS, st.integers(0, (1 << 80) - 1))
def test_ids_of_a_span_lie_between_two_first_ids(ms: int, chance: int) -> None:
    """An id sorts at or behind the first of its own millisecond, and before the first of the next."""
    made = ulid.encode(ms, 10) + ulid.encode(chance, 16)
    assert first_id(ms) <= made
    assert made < first_id(ms + 1) or ms == (1 << 48) - 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "01KC000000000000000000000",
        "01kc0000000000000000000001",
        "3f0c1a5e-0000-4000-8000-000000000001",
        "81KC0000000000000000000001",
    ],
)
def test_other_ids_have_no_time(text: str) -> None:
    """What is no ULID has no accept time: too short, in small letters, a GUID, past the last millisecond."""
    assert accepted_ms(text) is None
