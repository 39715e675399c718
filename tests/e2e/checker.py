"""What must be true of a campaign's messages whatever happened on the way; pure.

Three witnesses are held against one another: what the gateway promised its client, what the provider's own journal says was
put on the wire, and what the gateway's database says. It is written from the rules alone and imports nothing of the gateway.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

MEANINGS = {"Delivered": "delivered", "Failure": "undelivered", "Expired": "expired"}
"""The provider's final word → the state it must become."""
FINALS = frozenset({"delivered", "undelivered", "expired", "rejected", "canceled"})
STATES = FINALS | {"queued", "unknown", "sent"}
PROVABLE = frozenset({"unknown", "resent", "not_sent"})
"""Ends of an attempt of which a single message may be known better."""
RANKS = {"queued": 0, "unknown": 1, "sent": 2} | dict.fromkeys(FINALS, 3)
UNSENT = frozenset({"queued", "rejected", "canceled"})
"""States that say that the provider never took the message."""


@dataclass(frozen=True)
class Message:
    """A row of the gateway's messages."""

    campaign: str
    seq: int
    number: int
    state: str
    provider_id: str | None = None


@dataclass(frozen=True)
class Span:
    """A batch or an attempt: a range of sequence numbers, and how it ended."""

    campaign: str
    first: int
    last: int
    state: str


@dataclass(frozen=True)
class Books:
    """What the gateway's database says."""

    messages: Sequence[Message] = ()
    batches: Sequence[Span] = ()
    attempts: Sequence[Span] = ()
    counters: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Wire:
    """What the provider's journal says: (id, number) of everything accepted, and the final word about each id."""

    accepted: Sequence[tuple[str, int]] = ()
    finals: Mapping[str, str] = field(default_factory=dict)


def check(
    promised: Collection[int], wire: Wire, books: Books, *, is_settled: bool = True, earlier: Wire | None = None,
    asked: Collection[int] = (),
) -> list[str]:  # fmt: skip
    """Every rule that is broken, one line each; none is what every test wants.

    `promised` are the numbers that the gateway accepted, each in one campaign. Once everything `is_settled`, nothing may be on
    its way any more; before, a message may also be in a batch that is being sent. While the gateway works the books must have
    been read between two readings of the journal, of which `earlier` is the first; `asked` are numbers that it may have
    accepted without having said so.
    """
    return [
        *_lost(promised, books),
        *_sent_twice(wire),
        *_strangers({*promised, *asked}, wire),
        *_misplaced(books, is_settled=is_settled),
        *_wrong_ids(wire, books),
        *_denied(earlier or wire, books, is_settled=is_settled),
        *_wrong_states(wire, books),
        *_wrong_counters(books),
        *_torn_batches(books),
    ]


def regressions(before: Books, after: Books) -> list[str]:
    """Messages that moved down in rank, or left a final state, between two readings of the books.

    Only what was unknown may be queued again: when a late word proves that it was not accepted.
    """
    then = {(message.campaign, message.seq): message.state for message in before.messages}
    wrong: Counter[tuple[str, str]] = Counter()
    for message in after.messages:
        was = then.get((message.campaign, message.seq), message.state)
        is_proven = (was, message.state) == ("unknown", "queued")
        if was != message.state and not is_proven and RANKS[message.state] <= RANKS[was]:
            wrong[was, message.state] += 1
    return [f"ranks: {n} messages went from {was} to {state}" for (was, state), n in wrong.items()]


def _lost(promised: Collection[int], books: Books) -> Iterator[str]:
    stored = Counter(message.number for message in books.messages)
    if lost := sum(1 for number in promised if not stored[number]):
        yield f"lost: {lost} accepted recipients do not exist"
    if repeated := sum(1 for number in promised if stored[number] > 1):
        yield f"repeated: {repeated} accepted recipients exist more than once"


def _sent_twice(wire: Wire) -> Iterator[str]:
    sends = Counter(number for _, number in wire.accepted)
    if twice := sum(1 for n in sends.values() if n > 1):
        yield f"twice: {twice} numbers were put on the wire more than once"


def _strangers(asked: Collection[int], wire: Wire) -> Iterator[str]:
    if strangers := {number for _, number in wire.accepted} - set(asked):
        yield f"strangers: {len(strangers)} numbers were put on the wire that nobody asked for"


def _misplaced(books: Books, *, is_settled: bool) -> Iterator[str]:
    """Where a message stands must follow from where its batch and its attempts stand."""
    batches = _by_message(books.batches)
    attempts = _by_message(books.attempts)
    allowed = {"queued": {"pending", "dead"}, "unknown": {"unknown"}, "sent": {"settled"}}
    # Whatever is left out of a batch stays in it, wherever that goes: also what was proven by itself to be sent.
    left_out = {"pending", "sending", "dead", "unknown", "settled"}
    allowed["canceled"] = left_out
    wrong: Counter[tuple[str, str]] = Counter()
    for message in books.messages:
        place = (message.campaign, message.seq)
        batch = batches[place][0] if batches[place] else "nothing"
        is_moving = not is_settled and message.state == "queued" and batch == "sending"
        is_proven = message.provider_id is not None and bool(PROVABLE & set(attempts[place])) and batch in left_out
        if not is_moving and not is_proven and batch not in allowed.get(message.state, {"settled"}):
            wrong[message.state, batch] += 1
        if message.state == "unknown" and "unknown" not in attempts[place]:
            wrong[message.state, "a batch without an unknown attempt"] += 1
        if message.state not in STATES:
            wrong[message.state, "any batch"] += 1
    for (state, batch), n in wrong.items():
        yield f"misplaced: {n} messages are {state} in {batch}"
    if is_settled and (left := sum(1 for attempt in books.attempts if attempt.state == "open")):
        yield f"open: {left} attempts have no end"


def _wrong_ids(wire: Wire, books: Books) -> Iterator[str]:
    """An id that the gateway keeps is one that the provider gave to that very number."""
    numbers = dict(wire.accepted)
    wrong = sum(1 for m in books.messages if m.provider_id is not None and numbers.get(m.provider_id) != m.number)
    if wrong:
        yield f"ids: {wrong} messages carry an id that was not given to their number"
    without = sum(1 for m in books.messages if m.state in ("sent", "delivered", "undelivered") and m.provider_id is None)
    if without:
        yield f"ids: {without} messages count as sent and carry no id"


def _denied(wire: Wire, books: Books, *, is_settled: bool) -> Iterator[str]:
    """What the provider accepted may not count as unsent: it would be sent again, or never be paid for."""
    sent = {number for _, number in wire.accepted}
    batches = _by_message(books.batches)
    denied: Counter[str] = Counter()
    for message in books.messages:
        is_moving = not is_settled and message.state == "queued" and "sending" in batches[message.campaign, message.seq]
        if message.state in UNSENT and message.number in sent and not is_moving:
            denied[message.state] += 1
    for state, n in denied.items():
        yield f"denied: {n} messages are {state} although they were put on the wire"


def _wrong_states(wire: Wire, books: Books) -> Iterator[str]:
    """A message with an id is `sent` until it is what the provider's final word says, and nothing else."""
    wrong: Counter[tuple[str, str]] = Counter()
    for message in books.messages:
        if message.provider_id is None or message.state == "sent":
            continue
        said = wire.finals.get(message.provider_id, "nothing")
        if MEANINGS.get(said) != message.state:
            wrong[message.state, said] += 1
    for (state, said), n in wrong.items():
        yield f"states: {n} messages are {state} where the provider said {said}"


def _wrong_counters(books: Books) -> Iterator[str]:
    recounts: dict[str, Counter[str]] = defaultdict(Counter)
    for message in books.messages:
        recounts[message.campaign][message.state] += 1
    for campaign, counters in books.counters.items():
        recount = recounts[campaign]
        for state in sorted(STATES):
            if counters.get(state, 0) != recount[state]:
                yield f"counters: {counters.get(state, 0)} {state} are counted, {recount[state]} are there"
        skipped = sum(n for name, n in counters.items() if name.startswith("skipped_"))
        if counters.get("received", 0) != skipped + recount.total():
            yield f"balance: {counters.get('received', 0)} received, {skipped + recount.total()} accounted for"
    if uncounted := recounts.keys() - books.counters.keys():
        yield f"counters: {len(uncounted)} campaigns have no books"


def _torn_batches(books: Books) -> Iterator[str]:
    """Batches are cut and halved, but every message stays in exactly one."""
    batches = _by_message(books.batches)
    homes = Counter(len(batches[message.campaign, message.seq]) for message in books.messages)
    for n, messages in sorted(homes.items()):
        if n != 1:
            yield f"torn: {messages} messages are in {n} batches"


def _by_message(spans: Sequence[Span]) -> dict[tuple[str, int], list[str]]:
    """(campaign, seq) → the states of the spans that cover it."""
    found: dict[tuple[str, int], list[str]] = defaultdict(list)
    for span in spans:
        for seq in range(span.first, span.last + 1):
            found[span.campaign, seq].append(span.state)
    return found
