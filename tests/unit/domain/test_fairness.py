from collections import Counter
from itertools import pairwise
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from penstock.domain.fairness import QUANTUM_SEGMENTS, Lane, RoundRobin
from penstock.domain.ids import AccountId, CampaignId, TenantId

MOST = 50_000
"""The most segments a batch of this test has."""


def lane(tenant: int, campaign: int = 0, segments: int = 5000) -> Lane:
    """A lane; campaigns are numbered within their tenant."""
    return Lane(TenantId(tenant), CampaignId(UUID(int=tenant * 1000 + campaign)), AccountId("account"), segments)


def serve(turns: RoundRobin, times: int) -> list[Lane]:
    """Who is served, spending what the lane says."""
    served = []
    for _ in range(times):
        chosen = turns.pick()
        assert chosen is not None
        turns.spend(chosen.tenant_id, chosen.segments)
        served.append(chosen)
    return served


@given(sizes=st.lists(st.integers(1, MOST), min_size=2, max_size=5), times=st.integers(1, 200))
def test_equal_tenants_get_equal_segments(sizes: list[int], times: int) -> None:
    """A tenant with work at all times is never ahead of another such tenant by more than a turn of each."""
    turns = RoundRobin()
    turns.offer(lane(tenant, segments=max(size, QUANTUM_SEGMENTS)) for tenant, size in enumerate(sizes))
    got: Counter[int] = Counter(dict.fromkeys(range(len(sizes)), 0))
    for chosen in serve(turns, times):
        got[chosen.tenant_id] += chosen.segments
    assert max(got.values()) - min(got.values()) <= MOST + QUANTUM_SEGMENTS


@given(campaigns=st.integers(1, 50), segments=st.integers(1, MOST), times=st.integers(2, 100))
def test_a_huge_tenant_delays_nobody_by_more_than_a_turn(campaigns: int, segments: int, times: int) -> None:
    """However many and however large the campaigns of one tenant are, another waits for at most one batch of them."""
    turns = RoundRobin()
    turns.offer([*(lane(1, number, segments) for number in range(campaigns)), lane(2, segments=1)])
    served = [chosen.tenant_id for chosen in serve(turns, times)]
    assert (1, 1) not in list(pairwise(served))


def test_a_newcomer_is_served_within_one_round() -> None:
    """A tenant that appears while others are busy waits for at most one turn of each of them."""
    turns = RoundRobin()
    turns.offer(lane(tenant) for tenant in range(5))
    serve(turns, 7)
    turns.offer(lane(tenant) for tenant in range(6))
    assert 5 in {chosen.tenant_id for chosen in serve(turns, 6)}


def test_campaigns_of_one_tenant_take_turns() -> None:
    """Within a tenant every campaign is served as often as any other."""
    turns = RoundRobin()
    turns.offer(lane(1, number) for number in range(3))
    assert set(Counter(chosen.campaign_id for chosen in serve(turns, 9)).values()) == {3}


def test_credit_is_not_saved_up() -> None:
    """Many small turns earn at most one turn's worth of credit: no burst afterwards."""
    turns = RoundRobin()
    turns.offer([lane(1), lane(2)])
    for _ in range(100):
        turns.spend(TenantId(1), 1)
    turns.spend(TenantId(1), 4 * QUANTUM_SEGMENTS)
    served = [chosen.tenant_id for chosen in serve(turns, 4)]
    assert served.count(TenantId(1)) <= 2


@given(debt=st.integers(0, 10_000_000))
def test_pick_always_ends(debt: int) -> None:
    """Even when everybody is deep in debt somebody is picked."""
    turns = RoundRobin()
    turns.offer([lane(1), lane(2)])
    for tenant in (1, 2):
        turns.spend(TenantId(tenant), debt)
    assert turns.pick() is not None


@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("offer"), st.sets(st.tuples(st.integers(0, 3), st.integers(0, 2)))),
            st.tuples(st.just("drop"), st.tuples(st.integers(0, 3), st.integers(0, 2))),
            st.tuples(st.just("serve"), st.integers(1, MOST)),
        )
    )
)
def test_only_what_is_due_is_picked(steps: list[tuple[str, object]]) -> None:
    """After any order of offers, drops and turns, exactly the lanes offered and not dropped can be picked."""
    turns, due = RoundRobin(), set()
    for kind, what in steps:
        if kind == "offer":
            due = {lane(*pair) for pair in what}  # type: ignore[attr-defined]
            turns.offer(sorted(due, key=lambda item: item.campaign_id))
        elif kind == "drop":
            turns.drop(lane(*what))  # type: ignore[misc]
            due.discard(lane(*what))  # type: ignore[misc]
        elif (chosen := turns.pick()) is not None:
            turns.spend(chosen.tenant_id, what)  # type: ignore[arg-type]
            assert chosen in due
        assert (turns.pick() is None) == (not due)


def test_nothing_due_is_none() -> None:
    """An empty table has no turn, and dropping from it is harmless."""
    turns = RoundRobin()
    turns.drop(lane(1))
    turns.spend(TenantId(1), 5)
    assert turns.pick() is None
