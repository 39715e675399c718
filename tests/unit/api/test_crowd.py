"""Who is counted together, and when one more is too many."""

from penstock.api.address import PROXIES
from penstock.api.crowd import Crowd


def test_one_address_leaves_room_for_others() -> None:
    """Each address has its share, all together the whole, and a place that is left is free again."""
    crowd = Crowd(most=3, most_of_one=2)
    assert [crowd.enter("a") for _ in range(3)] == [None, None, "address"]
    assert [crowd.enter(other) for other in "bcd"] == [None, "full", "full"]
    crowd.leave("a")
    assert crowd.enter("c") is None
    assert crowd.size == 3


def test_proxies_bring_as_many_as_there_is_room_for() -> None:
    """The bound for one address is not for those through whom everybody comes; the one for all is."""
    crowd = Crowd(most=3, most_of_one=1)
    assert [crowd.enter(PROXIES) for _ in range(4)] == [None, None, None, "full"]


def test_who_has_left_is_forgotten() -> None:
    """Nothing is kept of an address without connections."""
    crowd = Crowd(most=1, most_of_one=1)
    for i in range(1000):
        assert crowd.enter(str(i)) is None
        crowd.leave(str(i))
    assert not crowd._inside
