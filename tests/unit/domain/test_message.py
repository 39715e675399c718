import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.domain.message import RANK, MessageState, SkipReason, advance, is_final

FINALS = {"delivered", "undelivered", "expired", "rejected", "canceled"}


def test_ranks_are_named() -> None:
    """The ranks are these; a new state has to be given one on purpose."""
    assert {"queued": 0, "unknown": 1, "sent": 2, **dict.fromkeys(FINALS, 3)} == RANK


def test_declared_order_follows_rank() -> None:
    """SQL compares the enum's values, so their order must be the order of ranks."""
    ranks = [RANK[state] for state in MessageState]
    assert ranks == sorted(ranks)


@pytest.mark.parametrize("state", MessageState)
def test_finals_are_named(state: MessageState) -> None:
    """Exactly the five ends are final."""
    assert is_final(state) == (state in FINALS)


@pytest.mark.parametrize("current", MessageState)
@pytest.mark.parametrize("reported", MessageState)
def test_advance_moves_up_or_not_at_all(current: MessageState, reported: MessageState) -> None:
    """A state is left only for a higher rank, and a final never."""
    after = advance(current, reported)
    assert after is (reported if RANK[reported] > RANK[current] else current)
    assert not is_final(current) or after is current


@given(heard=st.lists(st.sampled_from(MessageState)))
def test_hearing_it_all_again_changes_nothing(heard: list[MessageState]) -> None:
    """The first final wins, and a replay of everything heard changes nothing."""
    state = MessageState.QUEUED
    for word in heard:
        state = advance(state, word)
    finals = [word for word in heard if is_final(word)]
    assert not finals or state is finals[0]
    for word in heard:
        assert advance(state, word) is state


def test_skip_reasons_are_those_of_the_core() -> None:
    """The reasons are these seven, named as the core names them."""
    assert {reason.value for reason in SkipReason} == {
        "malformed", "invalid_number", "duplicate", "opted_out", "invalid_zone", "missing_value", "too_long", "country",
    }  # fmt: skip
