import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.domain.campaign import TRANSITIONS, CampaignEvent, CampaignState, next_state

ENDS = {CampaignState.COMPLETED, CampaignState.CANCELED, CampaignState.FAILED}
TABLE = {
    ("draft", "schedule"): "scheduled",
    ("draft", "send"): "sending",
    ("draft", "cancel"): "canceled",
    ("scheduled", "send"): "sending",
    ("scheduled", "cancel"): "canceled",
    ("scheduled", "pause"): "paused",
    ("paused", "schedule"): "scheduled",
    ("sending", "pause"): "paused",
    ("sending", "complete"): "completed",
    ("sending", "cancel"): "canceled",
    ("sending", "fail"): "failed",
    ("paused", "resume"): "sending",
    ("paused", "cancel"): "canceled",
}


@pytest.mark.parametrize("state", CampaignState)
@pytest.mark.parametrize("event", CampaignEvent)
def test_every_pair_of_state_and_event_is_decided(state: CampaignState, event: CampaignEvent) -> None:
    """A campaign moves exactly as this table says, and not at all otherwise."""
    assert next_state(state, event) == TABLE.get((state, event))


def test_nothing_leaves_an_end() -> None:
    """A campaign that ended never moves again."""
    assert not [state for state, _ in TRANSITIONS if state in ENDS]


def test_every_state_can_be_reached_and_left() -> None:
    """From the draft every state can be reached, and from every state an end."""
    reached = {CampaignState.DRAFT}
    for _ in CampaignState:
        reached |= {to for (state, _), to in TRANSITIONS.items() if state in reached}
    assert reached == set(CampaignState)
    assert {state for state, _ in TRANSITIONS} == set(CampaignState) - ENDS


@given(events=st.lists(st.sampled_from(CampaignEvent)))
def test_any_order_of_events_keeps_the_rules(events: list[CampaignEvent]) -> None:
    """Whatever happens, an ended campaign stays ended, and nothing is sent before it was told to or while it is paused."""
    state, started = CampaignState.DRAFT, False
    for event in events:
        after = next_state(state, event) or state
        started = started or event in {CampaignEvent.SEND, CampaignEvent.SCHEDULE}
        assert state not in ENDS or after is state
        assert after is not CampaignState.SENDING or started
        assert after is not CampaignState.COMPLETED or state in {CampaignState.SENDING, CampaignState.COMPLETED}
        state = after
