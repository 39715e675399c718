from hypothesis import given
from hypothesis import strategies as st

from penstock.domain.counter import RECEIVED, imbalance, skipped_counter, skipped_total
from penstock.domain.message import MessageState, SkipReason

COUNTERS = [*MessageState, *map(skipped_counter, SkipReason)]


@given(st.dictionaries(st.sampled_from(COUNTERS), st.integers(0, 10**9)), st.integers(-5, 5))
def test_imbalance_is_what_is_missing(counts: dict[str, int], error: int) -> None:
    """Received minus everything accounted for is 0 exactly when the books balance."""
    assert imbalance({**counts, RECEIVED: sum(counts.values()) + error}) == error


@given(st.lists(st.sampled_from([(a, b) for a in MessageState for b in MessageState])))
def test_moves_between_states_keep_the_balance(moves: list[tuple[MessageState, MessageState]]) -> None:
    """Whatever moves from one state to another, received stays accounted for."""
    counts = {RECEIVED: 3, "queued": 2, "skipped_duplicate": 1}
    for source, target in moves:
        counts[source] = counts.get(source, 0) - 1
        counts[target] = counts.get(target, 0) + 1
    assert imbalance(counts) == 0


def test_skipped_is_counted_by_reason() -> None:
    """The total of skipped rows is the sum over the reasons and nothing else."""
    counts = {skipped_counter(reason): 2 for reason in SkipReason}
    assert skipped_total({**counts, RECEIVED: 100, "queued": 5}) == 2 * len(SkipReason)
    assert imbalance({}) == 0
