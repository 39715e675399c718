"""Whether the provider's answer is in the order of the request: its items name nobody, so what is shown later is compared."""

from collections.abc import Callable, Collection
from enum import StrEnum
from typing import Final

from penstock.domain.evidence import Seen

SAMPLES: Final = 2
"""Messages of a batch that are compared. An answer in any other order shows with one already, unless just a few are swapped."""


class Mapping(StrEnum):
    """What is known of the order of one answer."""

    SAMPLED = "sampled"
    """Samples of it wait for their look-up."""
    CONFIRMED = "confirmed"
    CONTRADICTED = "contradicted"
    """An id of it belongs to another number: reports about this batch move other messages than they mean."""
    UNPROVEN = "unproven"
    """The provider did not show whom the samples went to."""


def spread(lines: bytes, most: int) -> list[bytes]:
    """At most so many of the lines (each ended by a line feed), from all over them: those of one batch often come together."""
    starts = {lines.rfind(b"\n", 0, len(lines) * step // most) + 1 for step in range(most if lines else 0)}
    return [lines[start : lines.find(b"\n", start)] for start in sorted(starts)]


def pick(messages: int, random: Callable[[], float]) -> list[int]:
    """The positions of the samples among so many messages, ascending; `random` gives numbers in [0, 1)."""
    positions: set[int] = set()
    for taken in range(min(SAMPLES, messages)):
        position = int(random() * (messages - taken))
        # Of what is left: everything at or behind a taken position moves up by one.
        for other in sorted(positions):
            position += position >= other
        positions.add(position)
    return sorted(positions)


def compare(seen: Seen, number: int, batch: Collection[int]) -> Mapping:
    """What one sample shows, for a message that went to `number` by the books; `batch`: numbers of its request that are shown.

    In another order an id shows another recipient of the same request. A number that is none of them is something else (a form
    that we do not know, somebody who takes part beside the recipient), and no reason to stop an account.
    """
    if number in seen.numbers:
        return Mapping.CONFIRMED
    return Mapping.CONTRADICTED if seen.numbers.intersection(batch) else Mapping.UNPROVEN
