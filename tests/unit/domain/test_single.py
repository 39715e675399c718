from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from penstock.domain.ids import AccountId
from penstock.domain.single import Single, arrange

START = datetime(2030, 1, 1, tzinfo=UTC)
DUE = st.sampled_from([None, START, START + timedelta(hours=1)])


def single(number: int, due_at: datetime | None) -> Single:
    """A message."""
    return Single(account_id=AccountId("account"), sender="Penstock", number=number, text="Hi", segments=1, due_at=due_at)


@given(wanted=st.lists(st.tuples(st.integers(1, 4), DUE), max_size=30))
def test_chunks_hold_a_number_once_and_have_one_time(wanted: list[tuple[int, datetime | None]]) -> None:
    """Every message is in one chunk, those of a number in the order given, and there are no more chunks than needed."""
    messages = [single(*one) for one in wanted]
    chunks = arrange(messages)
    assert sorted(position for chunk in chunks for position in chunk) == list(range(len(messages)))
    for chunk in chunks:
        assert len({messages[position].number for position in chunk}) == len(chunk)
        assert len({messages[position].due_at for position in chunk}) == 1
    in_order = [position for chunk in chunks for position in chunk]
    for one in set(wanted):
        places = [position for position in in_order if wanted[position] == one]
        assert places == sorted(places)
    most: dict[datetime | None, int] = {}
    for (_, due_at), n in Counter(wanted).items():
        most[due_at] = max(n, most.get(due_at, 0))
    assert len(chunks) == sum(most.values())


def test_routes_part_what_waits_from_what_goes_at_once() -> None:
    """And accounts and senders."""
    assert single(1, None).route != single(1, START).route
    assert single(1, START).route == single(2, START + timedelta(days=1)).route
