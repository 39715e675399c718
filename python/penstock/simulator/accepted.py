"""Accepted requests, kept small: a million messages are some hundred entries here and their bodies in the journal.

An id carries its request's prefix and its position, so nothing is stored per message until its final state is drawn.
"""

from dataclasses import dataclass
from functools import lru_cache
from random import Random

from penstock.simulator import ulid
from penstock.simulator.fate import Fate, Finals, pick
from penstock.simulator.journal import Journal, SendKind
from penstock.simulator.plan import Plan
from penstock.simulator.wire import Message, read_messages

_PARSED_BODIES = 4  # neighbouring look-ups mostly ask for messages of the same few requests


@dataclass(slots=True, frozen=True)
class Slice:
    """Some positions of one request that reach their final state together, at `due` (Unix seconds)."""

    start: int
    stop: int
    due: float


@dataclass(slots=True, eq=False)
class Accepted:
    """One accepted request."""

    ordinal: int
    kind: SendKind
    prefix: str
    at: float
    count: int
    refused: frozenset[int]
    body: tuple[int, int]
    """Where the body lies in the journal: offset and length."""
    plan: Plan
    slices: tuple[Slice, ...]
    seed: int
    finals: Finals | None = None
    silent: frozenset[int] | None = None

    def ids(self, start: int = 0, stop: int | None = None) -> list[str]:
        """Return the ids of a range of positions, refused ones included."""
        stop = self.count if stop is None else stop
        prefix = self.prefix
        return [prefix + suffix for suffix in ulid.suffixes(stop)[start:stop]]

    def decide(self, fate: Fate) -> Finals:
        """Return the final states, drawn at the first call."""
        if self.finals is None:
            self.finals = (
                Finals(self.plan.final)
                if self.plan.final
                else fate.draw(Random(f"fate/{self.seed}/{self.ordinal}"), self.count)
            )
        return self.finals

    def unreported(self) -> frozenset[int]:
        """Return the positions that are never reported, drawn at the first call."""
        if self.silent is None:
            chance = Random(f"silent/{self.seed}/{self.ordinal}")
            self.silent = frozenset(pick(chance, self.count, self.plan.silent))
        return self.silent

    def slice_of(self, position: int) -> Slice:
        """Return the slice a position is in."""
        return self.slices[position // self.plan.array]


def cut_slices(plan: Plan, *, at: float, count: int, chance: Random) -> tuple[Slice, ...]:
    """Part a request into slices, each with its own due time around the plan's delay."""
    low, high = plan.delay_s - plan.jitter_s, plan.delay_s + plan.jitter_s
    return tuple(
        Slice(start, min(start + plan.array, count), at + max(0.0, chance.uniform(low, high)))
        for start in range(0, count, plan.array)
    )


class AcceptedRequests:
    """Finds messages again by id; their contents lie in the journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._by_prefix: dict[str, Accepted] = {}
        self._parse = lru_cache(maxsize=_PARSED_BODIES)(self._read)

    def add(self, accepted: Accepted) -> None:
        """Remember a request."""
        self._by_prefix[accepted.prefix] = accepted

    def find(self, message_id: str) -> tuple[Accepted, int] | None:
        """Return the request and position an id stands for; None if it was never issued."""
        parts = ulid.split(message_id)
        accepted = self._by_prefix.get(parts[0]) if parts else None
        if accepted is None or parts is None or parts[1] >= accepted.count or parts[1] in accepted.refused:
            return None
        return accepted, parts[1]

    def message(self, accepted: Accepted, position: int) -> Message:
        """Return what was asked to be sent."""
        return self._parse(accepted.kind, *accepted.body)[position]

    def some_id(self) -> str | None:
        """Return the id of the first message ever accepted."""
        for accepted in self._by_prefix.values():
            return accepted.ids(0, 1)[0]
        return None

    def _read(self, kind: SendKind, start: int, length: int) -> list[Message]:
        return read_messages(kind, self._journal.body(start, length))
