from uuid import UUID

from penstock.domain.fairness import Lane, RoundRobin
from penstock.domain.ids import AccountId, CampaignId, TenantId
from penstock.domain.room import LONGEST_REFUSAL_S, Room


def lane(tenant: int, account: str = "account") -> Lane:
    """A lane of that tenant."""
    return Lane(TenantId(tenant), CampaignId(UUID(int=tenant)), AccountId(account), 5000)


def test_a_tenant_fills_no_more_than_its_part() -> None:
    """With as many batches on their way as one tenant may have, others still have room, until it gives one back."""
    room = Room(2)
    for _ in range(2):
        room.take(lane(1))
    assert not room.has_room(lane(1, "other"), 0)
    assert room.has_room(lane(2), 0)
    room.give_back(lane(1))
    assert room.has_room(lane(1), 0)


def test_an_account_leaves_a_sender_for_others() -> None:
    """However many tenants send through one account, it does not take the last sender."""
    room = Room(2)
    for tenant in (1, 2, 3):
        room.take(lane(tenant))
    assert not room.has_room(lane(4), 0)
    assert room.has_room(lane(4, "other"), 0)


def test_a_refusal_concerns_whom_it_names() -> None:
    """A refusal of an account's scope leaves others alone, one of a tenant's too, and any other is everybody's."""
    for scope, has_room in (
        ("segments", (False, False, True)), ("account", (False, False, True)), ("tenant", (False, True, False)),
        ("global", (False, False, False)), ("redis", (False, False, False)),
    ):  # fmt: skip
        room = Room(2)
        room.refuse(lane(1), scope, 10.0, 0.1)
        same_tenant_elsewhere = lane(1, "other")
        assert tuple(room.has_room(one, 10.05) for one in (lane(1), lane(2), same_tenant_elsewhere)) == has_room
        assert room.has_room(lane(1), 10.1)


def test_claims_of_an_account_can_be_kept_apart() -> None:
    """While one is claimed its account has no room, whoever sends through it; other accounts have."""
    room = Room(2)
    room.begin_claim(lane(1))
    assert [room.has_room(one, 0) for one in (lane(1), lane(2), lane(1, "other"))] == [False, False, True]
    room.end_claim(lane(1))
    assert room.has_room(lane(2), 0)


def test_a_long_refusal_is_asked_again_soon() -> None:
    """However long the wait was said to be, the limit may have been raised meanwhile."""
    room = Room(2)
    room.refuse(lane(1), "segments", 10.0, 3600.0)
    assert room.free_in_s(10.0) == LONGEST_REFUSAL_S
    assert room.has_room(lane(1), 10.0 + LONGEST_REFUSAL_S)
    assert room.free_in_s(11.0) == float("inf")


def test_who_has_no_room_keeps_its_turn() -> None:
    """A tenant that is passed over is served first when there is room again, and the others went on meanwhile."""
    turns, room = RoundRobin(), Room(1)
    turns.offer([lane(1), lane(2), lane(3)])
    room.take(lane(1))
    served = [turns.pick(lambda one: room.has_room(one, 0)) for _ in range(4)]
    assert [one.tenant_id for one in served if one] == [2, 3, 2, 3]
    room.give_back(lane(1))
    assert turns.pick(lambda one: room.has_room(one, 0)) == lane(1)
    assert turns.pick(lambda _: False) is None


def test_a_refused_lane_keeps_its_turn() -> None:
    """Who was picked and refused is picked next, else a limit that frees itself in step with the turns would favour some."""
    turns = RoundRobin()
    turns.offer([lane(1), lane(2), lane(3)])
    chosen = turns.pick()
    assert chosen is not None
    turns.keep_turn(chosen)
    assert [turns.pick(), turns.pick()] == [lane(1), lane(2)]
    turns.drop(lane(3))
    turns.keep_turn(lane(3))
    assert turns.pick() == lane(1)
