"""The protocol of sending as a small world: batches, attempts, workers, a provider and a spool; every step that can happen.

States and moves are the product's own tables (domain/batch.py, domain/message.py, and what settle.py makes of an attempt's
state); what is written here is only who may do what when. One step is one transaction, one call, or one death.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from penstock.dispatch.settle import _WAS
from penstock.domain.batch import BatchEvent, BatchState, next_state
from penstock.domain.message import RANK, MessageState, advance

Messages = tuple[int, ...]

ACCEPTED = "accepted"
UNKNOWN = "unknown"
REFUSED = "refused"
SPLIT = "split"
NOT_SENT = "not_sent"
THROTTLED = "throttled"
HELD = "held"
COMPLETE = {ACCEPTED, REFUSED, SPLIT, THROTTLED, HELD}
"""Outcomes that are read from a complete answer, which is spooled; to the others there is none."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some messages, and which attempt holds them."""

    messages: Messages
    state: BatchState = BatchState.PENDING
    attempt: int | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One intended call. `open`, `unknown`, or closed."""

    batch: int
    messages: Messages
    state: str = "open"


@dataclass(frozen=True, slots=True, order=True)
class Worker:
    """One sender: what it holds in memory, which its death takes away."""

    step: str = "idle"
    attempt: int = -1
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class World:
    """Everything at one moment."""

    batches: tuple[Batch, ...]
    messages: tuple[MessageState, ...]
    workers: tuple[Worker, ...]
    attempts: tuple[Attempt, ...] = ()
    spool: frozenset[tuple[int, str]] = frozenset()
    accepted: Messages = ()
    """What the provider took, as often as it did."""
    doubtful: frozenset[int] = frozenset()
    """Claims whose COMMIT was never confirmed: their worker will not send them, and looks for them."""


def first_world(messages: int, workers: int) -> World:
    """One batch, nothing done."""
    everything = tuple(range(messages))
    return World((Batch(everything),), (MessageState.QUEUED,) * messages, (Worker(),) * workers)


def steps(world: World, most_attempts: int) -> Iterator[tuple[str, World]]:
    """Everything that can happen next, with its name."""
    for place in {worker: place for place, worker in enumerate(world.workers)}.values():  # equal workers do equal things
        yield from _steps_of(world, place, most_attempts)
    for number, attempt in enumerate(world.attempts):
        if attempt.state == "open":
            yield "lapse", settled(world, number, UNKNOWN)
    for number, outcome in world.spool:
        yield "replay", replace(settled(world, number, outcome), spool=world.spool - {(number, outcome)})
    for number in world.doubtful:
        yield "find the claim", replace(settled(world, number, NOT_SENT), doubtful=world.doubtful - {number})
    for message, state in enumerate(world.messages):
        if state is MessageState.SENT:
            yield "report", _moved(world, (message,), MessageState.SENT, MessageState.DELIVERED)
    for number, batch in enumerate(world.batches):
        if (dead := next_state(batch.state, BatchEvent.GIVE_UP)) is not None:
            yield "give up", _with_batch(world, number, replace(batch, state=dead))


def _steps_of(world: World, place: int, most_attempts: int) -> Iterator[tuple[str, World]]:
    worker = world.workers[place]
    if worker.step == "idle":
        if len(world.attempts) < most_attempts:
            yield from _claims(world, place)
        return
    # Wherever it dies, what it held in memory is gone.
    yield "die", _with_worker(world, place, Worker())
    if worker.step == "claimed":
        yield "hand back", _with_worker(settled(world, worker.attempt, NOT_SENT), place, Worker())
        yield from _calls(world, place)
    elif worker.step == "answered" and worker.outcome in COMPLETE:
        spooled = replace(world, spool=world.spool | {(worker.attempt, worker.outcome)})
        yield "spool", _with_worker(spooled, place, replace(worker, step="spooled"))
    elif worker.step in ("answered", "spooled"):
        yield "settle", _with_worker(settled(world, worker.attempt, worker.outcome), place, replace(worker, step="settled"))
    elif worker.step == "settled":
        left = world.spool - {(worker.attempt, worker.outcome)}
        yield "drop the answer", _with_worker(replace(world, spool=left), place, Worker())


def _claims(world: World, place: int) -> Iterator[tuple[str, World]]:
    """The transaction commits and the worker knows it; or it commits and nobody says so."""
    for number, batch in enumerate(world.batches):
        sending = next_state(batch.state, BatchEvent.CLAIM)
        if sending is None:
            continue
        attempt = len(world.attempts)
        claimed = _with_batch(world, number, replace(batch, state=sending, attempt=attempt))
        claimed = replace(claimed, attempts=(*world.attempts, Attempt(number, batch.messages)))
        yield "claim", _with_worker(claimed, place, Worker("claimed", attempt))
        yield "claim, unconfirmed", replace(claimed, doubtful=world.doubtful | {attempt})


def _calls(world: World, place: int) -> Iterator[tuple[str, World]]:
    """Whatever a provider may do with a request, and whatever may come back of it."""
    worker = world.workers[place]
    messages = world.attempts[worker.attempt].messages
    took = replace(world, accepted=tuple(sorted((*world.accepted, *messages))))
    for outcome in (ACCEPTED, UNKNOWN):
        yield f"{outcome}, taken", _with_worker(took, place, replace(worker, step="answered", outcome=outcome))
    refusal = SPLIT if len(messages) > 1 else REFUSED
    for outcome in (NOT_SENT, THROTTLED, HELD, refusal, UNKNOWN):
        yield f"{outcome}, not taken", _with_worker(world, place, replace(worker, step="answered", outcome=outcome))


def settled(world: World, number: int, outcome: str) -> World:
    """The transaction that records an outcome; nothing, if that attempt's is on record already."""
    attempt = world.attempts[number]
    was = _WAS.get(attempt.state)
    if was is None or (outcome == UNKNOWN and was is MessageState.UNKNOWN):
        return world
    batch = world.batches[attempt.batch]
    assert batch.attempt == number, "an attempt that is not on record is the one that holds its batch"
    after = next_state(batch.state, _event(outcome))
    assert after is not None, f"{batch.state} cannot take {outcome}"
    becomes = {ACCEPTED: MessageState.SENT, UNKNOWN: MessageState.UNKNOWN, REFUSED: MessageState.REJECTED}
    world = _moved(world, attempt.messages, was, becomes.get(outcome, MessageState.QUEUED))
    closed = replace(attempt, state=UNKNOWN if outcome == UNKNOWN else outcome)
    attempts = (*world.attempts[:number], closed, *world.attempts[number + 1 :])
    world = replace(_with_batch(world, attempt.batch, replace(batch, state=after)), attempts=attempts)
    return _halved(world, attempt.batch) if outcome == SPLIT else world


def _event(outcome: str) -> BatchEvent:
    if outcome in (ACCEPTED, REFUSED):
        return BatchEvent.ANSWERED
    return BatchEvent.LOSE_TRACK if outcome == UNKNOWN else BatchEvent.HAND_BACK


def _halved(world: World, number: int) -> World:
    batch = world.batches[number]
    middle = len(batch.messages) // 2
    lower, upper = Batch(batch.messages[:middle]), Batch(batch.messages[middle:])
    return replace(world, batches=(*world.batches[:number], lower, *world.batches[number + 1 :], upper))


def _moved(world: World, messages: Messages, was: MessageState, becomes: MessageState) -> World:
    """Those in state `was` move: up by the ranks, and down only from `unknown` to `queued`, on proof."""
    states = list(world.messages)
    for message in messages:
        if states[message] is was:
            is_undone = (was, becomes) == (MessageState.UNKNOWN, MessageState.QUEUED)
            assert is_undone or RANK[becomes] >= RANK[was]
            states[message] = becomes if is_undone else advance(was, becomes)
    return replace(world, messages=tuple(states))


def _with_batch(world: World, number: int, batch: Batch) -> World:
    return replace(world, batches=(*world.batches[:number], batch, *world.batches[number + 1 :]))


def _with_worker(world: World, place: int, worker: Worker) -> World:
    workers = (*world.workers[:place], worker, *world.workers[place + 1 :])
    return replace(world, workers=tuple(sorted(workers)))
