from collections import Counter
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from penstock.domain.fairness import Lane
from penstock.domain.ids import AccountId, CampaignId, TenantId
from penstock.domain.urgent import MOST_SEGMENTS, UrgentLanes


def lane(tenant: int, campaign: int = 0, segments: int = 1) -> Lane:
    """A lane; campaigns are numbered within their tenant."""
    campaign_id = CampaignId(UUID(int=tenant * 1000 + campaign))
    return Lane(TenantId(tenant), campaign_id, AccountId("account"), segments, is_rolling=True)


def test_segments_add_up_while_a_lane_waits() -> None:
    """The permit must be for all that is there, and no larger than a batch."""
    lanes = UrgentLanes()
    for _ in range(3):
        lanes.announce(lane(1, segments=2))
    picked = lanes.pick()
    assert picked is not None
    assert picked.segments == 6
    lanes.release(picked, MOST_SEGMENTS)
    lanes.announce(lane(1, segments=2))
    again = lanes.pick()
    assert again is not None
    assert again.segments == MOST_SEGMENTS


def test_what_is_announced_before_the_claim_is_in_it() -> None:
    """It needs no second claim; what is announced after the claim began does."""
    lanes = UrgentLanes()
    lanes.announce(lane(1))
    picked = lanes.pick()
    assert picked is not None
    lanes.announce(lane(1, segments=7))
    lanes.begin(picked)
    lanes.release(picked, 0)
    assert lanes.pick() is None
    lanes.announce(lane(1))
    picked = lanes.pick()
    assert picked is not None
    lanes.begin(picked)
    lanes.announce(lane(1, segments=7))
    lanes.release(picked, 0)
    again = lanes.pick()
    assert again is not None
    assert again.segments == 7


def test_the_store_speaks_of_lanes_that_nobody_has() -> None:
    """What it says of a lane that is being claimed, or waits already, is old news."""
    lanes = UrgentLanes()
    lanes.announce(lane(1))
    lanes.announce(lane(2, segments=3))
    picked = lanes.pick()
    assert picked is not None
    lanes.offer([lane(1), lane(2, segments=50), lane(3)])
    lanes.release(picked, 0)
    rest = [lanes.pick(), lanes.pick(), lanes.pick()]
    assert [(one.tenant_id, one.segments) for one in rest if one] == [(2, 3), (3, 1)]


def test_a_held_lane_waits_for_the_store() -> None:
    """What is announced there costs nothing until the store has been read again."""
    lanes = UrgentLanes()
    lanes.announce(lane(1))
    picked = lanes.pick()
    assert picked is not None
    lanes.release(picked, 0)
    lanes.hold(picked)
    lanes.announce(lane(1))
    assert lanes.pick() is None
    lanes.offer([lane(1, segments=2)])
    again = lanes.pick()
    assert again is not None
    assert again.segments == 2


def test_tenants_take_turns() -> None:
    """However many lanes a tenant has, another waits for one of them at most."""
    lanes = UrgentLanes()
    for number in range(5):
        lanes.announce(lane(1, number))
    lanes.announce(lane(2))
    served = []
    while (picked := lanes.pick()) is not None:
        served.append(picked.tenant_id)
    assert served == [1, 2, 1, 1, 1, 1]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("announce"), st.integers(1, 3), st.integers(0, 2)), st.tuples(st.just("pick")),
        st.tuples(st.just("begin"), st.integers(0, 9)), st.tuples(st.just("release"), st.integers(0, 9), st.integers(0, 3)),
    ),
    max_size=60,
)  # fmt: skip


@given(steps=STEPS)
def test_nothing_is_forgotten_and_nothing_is_served_twice_at_once(steps: list[tuple[object, ...]]) -> None:
    """A lane is with one sender at most, and what was announced after its claim began is due in the end."""
    lanes, held, owed = UrgentLanes(), dict[UUID, Lane](), Counter[UUID]()
    for step in steps:
        match step:
            case ("announce", int(tenant), int(campaign)):
                lanes.announce(lane(tenant, campaign))
                owed[lane(tenant, campaign).campaign_id] += 1
            case ("pick",):
                if (picked := lanes.pick()) is not None:
                    assert picked.campaign_id not in held
                    held[picked.campaign_id] = picked
            case ("begin", int(which)) if held:
                chosen = list(held.values())[which % len(held)]
                lanes.begin(chosen)
                owed[chosen.campaign_id] = 0
            case ("release", int(which), int(left)) if held:
                chosen = held.pop(list(held)[which % len(held)])
                lanes.release(chosen, max(left, owed[chosen.campaign_id]))
    for chosen in list(held.values()):
        lanes.release(chosen, owed[chosen.campaign_id])
    due = set()
    while (picked := lanes.pick()) is not None:
        due.add(picked.campaign_id)
    assert due >= {campaign for campaign, n in owed.items() if n}
