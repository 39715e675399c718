import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.domain.batch import TRANSITIONS, BatchEvent, BatchState, next_state

TABLE = {
    ("pending", "claim"): "sending",
    ("pending", "leave_out"): "settled",
    ("pending", "give_up"): "dead",
    ("dead", "redrive"): "pending",
    ("dead", "leave_out"): "settled",
    ("sending", "answered"): "settled",
    ("sending", "hand_back"): "pending",
    ("sending", "lose_track"): "unknown",
    ("unknown", "answered"): "settled",
    ("unknown", "hand_back"): "pending",
    ("unknown", "resolve"): "settled",
    ("unknown", "send_again"): "pending",
}


@pytest.mark.parametrize("state", BatchState)
@pytest.mark.parametrize("event", BatchEvent)
def test_every_pair_of_state_and_event_is_decided(state: BatchState, event: BatchEvent) -> None:
    """A batch moves exactly as this table says, and not at all otherwise."""
    assert next_state(state, event) == TABLE.get((state, event))


def test_nothing_leaves_an_end() -> None:
    """A settled batch never moves again, and a dead one only by an operator's word."""
    assert not [state for state, _ in TRANSITIONS if state is BatchState.SETTLED]
    assert {event for state, event in TRANSITIONS if state is BatchState.DEAD} == {BatchEvent.REDRIVE, BatchEvent.LEAVE_OUT}


def test_only_a_pending_batch_is_claimed() -> None:
    """What is being sent, unknown or ended is never sent again."""
    assert [state for state, event in TRANSITIONS if event is BatchEvent.CLAIM] == [BatchState.PENDING]


@given(events=st.lists(st.sampled_from(BatchEvent)))
def test_a_batch_is_on_the_wire_again_only_after_proof_or_by_wish(events: list[BatchEvent]) -> None:
    """Between two claims of one batch there is a proof that nothing of the first was accepted, or somebody's explicit wish."""
    state, is_proven = BatchState.PENDING, True
    for event in events:
        after = next_state(state, event)
        if after is None:
            continue
        if event is BatchEvent.CLAIM:
            assert is_proven
        is_proven = event in (BatchEvent.HAND_BACK, BatchEvent.SEND_AGAIN) or (is_proven and event is not BatchEvent.CLAIM)
        assert state is not BatchState.SETTLED
        state = after
