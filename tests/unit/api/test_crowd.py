"""Who is counted together, and when one more is too many."""

import pytest

from penstock.api.crowd import Crowd, party_of


@pytest.mark.parametrize(
    ("peername", "party"),
    [
        (("192.0.2.7", 4711), "192.0.2.7"), (("::ffff:192.0.2.7", 4711, 0, 0), "192.0.2.7"),
        (("2001:db8:1:2:3::4", 4711, 0, 0), "2001:db8:1:2::/64"), (("fe80::1%eth0", 1, 0, 0), "fe80::/64"),
        ("", ""), (None, ""),
    ],
)  # fmt: skip
def test_connections_are_counted_by_whose_they_are(peername: object, party: str) -> None:
    """An address without its port; of IPv6 the /64."""
    assert party_of(peername) == party


def test_one_address_leaves_room_for_others() -> None:
    """Each address has its share, all together the whole, and a place that is left is free again."""
    crowd = Crowd(most=3, most_of_one=2)
    assert [crowd.enter("a") for _ in range(3)] == [None, None, "address"]
    assert [crowd.enter(other) for other in "bcd"] == [None, "full", "full"]
    crowd.leave("a")
    assert crowd.enter("c") is None
    assert crowd.size == 3


def test_who_has_left_is_forgotten() -> None:
    """Nothing is kept of an address without connections."""
    crowd = Crowd(most=1, most_of_one=1)
    for i in range(1000):
        assert crowd.enter(str(i)) is None
        crowd.leave(str(i))
    assert not crowd._inside
