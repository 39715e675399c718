from hypothesis import given
from hypothesis import strategies as st

from penstock.domain.budget import Budget


@given(st.integers(1, 20), st.lists(st.tuples(st.floats(0, 0.7), st.integers(0, 30)), max_size=60))
def test_never_more_than_the_budget_in_any_second(per_s: int, steps: list[tuple[float, int]]) -> None:
    """Whenever and however much is wanted: no second, wherever it begins, has more questions than were allowed."""
    now, asked = 100.0, []
    budget = Budget(per_s, now)
    for pause, want in steps:
        now += pause
        asked += [now] * budget.take(want, now)
    assert all(sum(start <= at < start + 1 for at in asked) <= per_s for start in asked)


def test_it_begins_used_up_and_is_used_in_full() -> None:
    """Whoever asked before may have used it; a second later all of it is there, and never more than is wanted is taken."""
    budget = Budget(10, 0.0)
    assert budget.take(10, 0.99) == 0
    assert (budget.take(3, 1.0), budget.take(20, 1.5), budget.take(20, 1.9)) == (3, 7, 0)
    assert budget.take(20, 2.0) == 3
