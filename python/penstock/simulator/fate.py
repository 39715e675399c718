"""What becomes of accepted messages: the final state of each, drawn from the seed.

Pure. One status is far more frequent than the others, so only the exceptions are drawn: the gaps between them.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random


@dataclass(slots=True, frozen=True)
class Finals:
    """The final states of one request: the usual one, but for some positions."""

    usual: str
    others: Mapping[int, str] = field(default_factory=dict)

    def at(self, position: int) -> str:
        """Return the final state of one message."""
        return self.others.get(position, self.usual)


class Fate:
    """Draws final states by weight."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        ranked = sorted((name for name in weights if weights[name] > 0), key=lambda name: -weights[name])
        if not ranked:
            raise ValueError("the weights of the final states add up to nothing")
        self.usual, *self._others = ranked
        self._weights = [weights[name] for name in self._others]
        self._share = sum(self._weights) / sum(weights.values())

    def draw(self, chance: Random, count: int) -> Finals:
        """Return the final states of `count` messages."""
        positions = pick(chance, count, self._share)
        return Finals(self.usual, {position: chance.choices(self._others, self._weights)[0] for position in positions})


def pick(chance: Random, count: int, share: float) -> Iterator[int]:
    """Pick each of `count` positions with the same probability, at a cost that grows only with how many are picked."""
    if share >= 1:
        yield from range(count)
    if not 0 < share < 1:
        return
    scale = 1 / math.log1p(-share)
    position = -1
    while True:
        position += 1 + int(math.log(1 - chance.random()) * scale)
        if position >= count:
            return
        yield position
