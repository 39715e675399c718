from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.domain.evidence import Seen
from penstock.domain.order import SAMPLES, Mapping, compare, pick, spread
from penstock.domain.report import Report

NUMBER = 4915100000001


@given(st.integers(1, 5000), st.randoms(use_true_random=False))
def test_samples_are_distinct_positions_of_the_batch(messages: int, chance: Random) -> None:
    """Two positions, or the only one, all within the batch and in order."""
    positions = pick(messages, chance.random)
    assert len(set(positions)) == len(positions) == min(SAMPLES, messages)
    assert positions == sorted(positions)
    assert all(0 <= position < messages for position in positions)


@given(st.lists(st.binary(max_size=8).filter(lambda line: b"\n" not in line), max_size=60), st.integers(1, 20))
def test_lines_are_taken_from_all_over(lines: list[bytes], most: int) -> None:
    """At most so many, whole and in order; all of them where there are few of one length, the first one always."""
    taken = spread(b"".join(line + b"\n" for line in lines), most)
    assert len(taken) <= most
    rest = iter(lines)
    assert all(line in rest for line in taken)
    assert taken[:1] == lines[:1]
    assert len(spread(b"1234\n" * len(lines), most)) == min(len(lines), most)


def test_every_pair_is_as_likely() -> None:
    """No position of a batch is looked at less than the others: the end of an answer may be what is out of order."""
    chance = Random(1)  # noqa: S311 - the same numbers at every run
    pairs = Counter(tuple(pick(4, chance.random)) for _ in range(6000))
    assert len(pairs) == 6
    assert min(pairs.values()) > 800


@pytest.mark.parametrize(
    ("numbers", "mapping"),
    [
        ({NUMBER}, Mapping.CONFIRMED),
        ({NUMBER, 30555}, Mapping.CONFIRMED),
        ({NUMBER + 1}, Mapping.CONTRADICTED),
        ({NUMBER + 1, 30555}, Mapping.CONTRADICTED),
        ({30555}, Mapping.UNPROVEN),
        (set(), Mapping.UNPROVEN),
    ],
)
def test_what_a_sample_shows(numbers: set[int], mapping: Mapping) -> None:
    """The number is among those that take part, or another of the batch is, or nobody whom we know."""
    report = Report("01KC0000000000000000000001", "Sent", None, None)
    shown = Seen(report=report, accepted_ms=None, numbers=frozenset(numbers), text=None, reference=None)
    assert compare(shown, NUMBER, [NUMBER, NUMBER + 1]) is mapping
