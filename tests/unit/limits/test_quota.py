"""The window's arithmetic."""

from hypothesis import given
from hypothesis import strategies as st

from penstock.limits.quota import BUCKETS, SLOTS, Quota, Window

LIMIT = 20


@given(window_us=st.integers(1, 10**10))
def test_buckets_cover_the_window(window_us: int) -> None:
    """The buckets are never shorter than the window, and longer by at most a microsecond each."""
    quota = Quota.per(1, window_us)
    assert window_us <= BUCKETS * quota.width_us < window_us + BUCKETS


@given(
    window_us=st.integers(50, 5000),
    traffic=st.lists(st.tuples(st.integers(0, 3000), st.integers(1, LIMIT)), max_size=80),
)
def test_no_window_holds_more_than_the_limit(window_us: int, traffic: list[tuple[int, int]]) -> None:
    """Taking whenever it is free, at any times, never puts more than the limit into any window."""
    quota, window, now = Quota.per(LIMIT, window_us), Window(), 10**9
    taken: list[tuple[int, int]] = []
    for step, amount in traffic:
        now += step
        window.roll(now // quota.width_us)
        if window.wait_us(quota, amount, now) == 0:
            window.take(amount)
            taken.append((now, amount))
    for at, _ in taken:
        assert sum(amount for when, amount in taken if at <= when < at + window_us) <= LIMIT


@given(
    traffic=st.lists(st.tuples(st.integers(0, 500), st.integers(1, LIMIT)), min_size=1, max_size=40),
    least=st.integers(1, LIMIT),
)
def test_the_wait_is_the_shortest_that_works(traffic: list[tuple[int, int]], least: int) -> None:
    """After the wait the units are free, and a microsecond earlier they are not."""
    quota, window, now = Quota.per(LIMIT, 1000), Window(), 10**9
    for step, amount in traffic:
        now += step
        window.roll(now // quota.width_us)
        window.take(min(amount, LIMIT - window.total))
    wait = window.wait_us(quota, least, now)
    if wait:
        window.roll((now + wait - 1) // quota.width_us)
        assert window.total + least > LIMIT
        window.roll((now + wait) // quota.width_us)
    assert window.total + least <= LIMIT


def test_a_window_of_the_future_is_forgotten() -> None:
    """What was counted under a later time than now belongs to a clock that is gone."""
    window = Window()
    window.roll(1000)
    window.take(5)
    window.roll(999)
    assert window.total == 0


def test_the_total_is_the_sum_of_the_slots() -> None:
    """Rolling on keeps the running total equal to what still counts."""
    window = Window()
    for bucket in range(0, 10 * SLOTS, 7):
        window.roll(bucket)
        window.take(bucket % 5)
        assert window.total == sum(window.slots)
