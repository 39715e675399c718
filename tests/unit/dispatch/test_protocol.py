"""Every order of everything that can happen to a batch: two workers, a death at every point, every answer, up to a depth."""

from collections import Counter, deque
from dataclasses import replace

import pytest

from penstock.domain.batch import TRANSITIONS, BatchEvent, BatchState
from penstock.domain.message import MessageState
from tests.unit.dispatch import protocol
from tests.unit.dispatch.protocol import ACCEPTED, UNKNOWN, Worker, World, first_world, settled, steps

UNSENT = {MessageState.QUEUED, MessageState.REJECTED, MessageState.CANCELED}
ENDS = {BatchState.SETTLED, BatchState.UNKNOWN, BatchState.DEAD}


def every_world(messages: int, workers: int, attempts: int) -> dict[World, tuple[World, str] | None]:
    """All that can be reached, each with the step that led to it first."""
    start = first_world(messages, workers)
    found: dict[World, tuple[World, str] | None] = {start: None}
    ahead = deque([start])
    while ahead:
        world = ahead.popleft()
        for name, after in steps(world, attempts):
            if after not in found:
                found[after] = (world, name)
                ahead.append(after)
    return found


def story(found: dict[World, tuple[World, str] | None], world: World) -> list[str]:
    """The steps to a world, for whoever has to understand a failure."""
    told: list[str] = []
    while (came := found[world]) is not None:
        world, name = came
        told.append(name)
    return told[::-1]


def broken_rules(world: World) -> list[str]:
    """What may not be, whatever happened."""
    broken = []
    if max(Counter(world.accepted).values(), default=0) > 1:
        broken.append("a message was put on the wire twice")
    for batch in world.batches:
        if batch.state is BatchState.PENDING and set(batch.messages) & set(world.accepted):
            broken.append("what was taken may be sent again")
        held = [attempt.state for number, attempt in enumerate(world.attempts) if number == batch.attempt]
        if (batch.state is BatchState.SENDING) != (held == ["open"]):
            broken.append("a batch is being sent without an open attempt, or the other way round")
    for message, state in enumerate(world.messages):
        # On its way, or its answer not recorded yet: then its batch is being sent, and it may still count as queued.
        is_moving = any(batch.state is BatchState.SENDING and message in batch.messages for batch in world.batches)
        if message in world.accepted and state in UNSENT and not is_moving:
            broken.append(f"a message that was taken is {state}")
        if message not in world.accepted and state in (MessageState.SENT, MessageState.DELIVERED):
            broken.append(f"a message that was not taken is {state}")
    return broken


def healed(world: World) -> World:
    """Faults end: workers start again, spools are replayed, leases lapse, and what is pending is sent."""
    world = replace(world, workers=(Worker(),) * len(world.workers))
    for number, outcome in sorted(world.spool):
        world = settled(world, number, outcome)
    for number, attempt in enumerate(world.attempts):
        if attempt.state == "open":
            world = settled(world, number, UNKNOWN)
    world = replace(world, spool=frozenset(), doubtful=frozenset())
    limit = len(world.attempts) + len(world.messages)
    while (claim := next((after for name, after in steps(world, limit) if name == "claim"), None)) is not None:
        sent = next(after for name, after in steps(claim, limit) if name == f"{ACCEPTED}, taken")
        number = len(sent.attempts) - 1
        world = replace(settled(sent, number, ACCEPTED), workers=(Worker(),) * len(world.workers))
    return world


def explore(messages: int, workers: int, attempts: int) -> None:
    """Fail at the first world that breaks a rule, or from which something does not come to an end."""
    found = every_world(messages, workers, attempts)
    assert len(found) > 100
    for world in found:
        assert broken_rules(world) == [], story(found, world)
        end = healed(world)
        assert broken_rules(end) == [], story(found, world)
        assert {batch.state for batch in end.batches} <= ENDS, story(found, world)
        assert all(attempt.state != "open" for attempt in end.attempts)


DEEPER = [pytest.param(2, 2, 3, marks=pytest.mark.slow), pytest.param(1, 2, 4, marks=pytest.mark.slow)]


@pytest.mark.parametrize(("messages", "workers", "attempts"), [(1, 2, 3), (1, 3, 3), (2, 1, 3), *DEEPER])
def test_nothing_goes_out_twice_or_is_stuck(messages: int, workers: int, attempts: int) -> None:
    """In every world that can be reached the rules hold, and from each of them everything comes to an end."""
    explore(messages, workers, attempts)


SPOILED = {
    "what is unknown is claimed": {(BatchState.UNKNOWN, BatchEvent.CLAIM): BatchState.SENDING},
    "what is being sent is claimed": {(BatchState.SENDING, BatchEvent.CLAIM): BatchState.SENDING},
    "what is lost track of is queued": {(BatchState.SENDING, BatchEvent.LOSE_TRACK): BatchState.PENDING},
    "what is refused stays where it is": {(BatchState.SENDING, BatchEvent.HAND_BACK): BatchState.SENDING},
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_broken_protocol_is_found(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """With one wrong line in the table of transitions the exploration fails."""
    table = {**TRANSITIONS, **SPOILED[name]}
    monkeypatch.setattr(protocol, "next_state", lambda state, event: table.get((state, event)))
    with pytest.raises(AssertionError):
        explore(1, 2, 2)
