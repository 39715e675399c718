"""Who may use which part of the limits, while processes come and go and Redis with them."""

import pytest

from penstock.limits.quota import Quota
from penstock.limits.shares import FRESH_S, WHOLE, Peer, Portion, Shares
from tests.contract.positions import fullest_window
from tests.unit.limits.world import WINDOW_US, play

SPAN_S = 1.0
LIMIT = 120


@pytest.mark.parametrize("seed", range(40))
def test_never_over_the_limit(seed: int) -> None:
    """Whatever the processes see late, wherever the window lies, it never holds more than the limit."""
    world = play(seed, LIMIT, 60)
    assert fullest_window(world.grants, WINDOW_US) <= LIMIT
    assert sum(amount for _, amount in world.grants) > 10 * LIMIT


class Process:
    """Shares on a clock set by hand, with a heartbeat of the test's."""

    def __init__(self, *peers: Peer) -> None:
        self.shares = Shares(SPAN_S)
        self.now = 100.0
        self.peers = list(peers)
        self.beat()

    def beat(self) -> int:
        """Announce and look; what was announced."""
        parts = self.shares.to_announce(self.now)
        self.shares.see(self.now, self.now, parts, self.peers)
        return parts

    def step(self, seconds: float) -> None:
        """Let time pass, beating all the while."""
        until = self.now + seconds
        while self.now < until - 1e-9:
            self.now = min(until, self.now + 0.1)
            self.beat()

    @property
    def portion(self) -> Portion | None:
        """What may be used now."""
        return self.shares.portion(self.now)


def lost(*peers: Peer) -> Process:
    """A process that has lived for a while and has just lost Redis."""
    process = Process(*peers)
    process.step(FRESH_S)
    process.shares.lose()
    return process


def test_a_share_is_used_when_no_older_view_can_be() -> None:
    """It is announced at once, and used when views without it are too old and what was granted on them counts no more."""
    process = lost(Peer("other", 0))
    assert process.beat() == 4
    process.step(FRESH_S + SPAN_S - 0.05)
    assert process.portion is None
    process.step(0.1)
    assert process.portion == Portion(4)


def test_nobody_waits_for_views_that_nobody_has() -> None:
    """Where everybody else keeps a share already, or nobody else is there, one empty window is enough."""
    for process, parts in ((lost(), 2), (lost(Peer("other", 4)), 4)):
        process.beat()
        process.step(SPAN_S - 0.05)
        assert process.portion is None
        process.step(0.1)
        assert process.portion == Portion(parts)


def test_a_newcomer_among_local_processes_waits_until_it_is_known() -> None:
    """Others may still count without it: it uses a share only when they cannot."""
    process = Process(Peer("other", 2))
    process.shares.lose()
    process.step(FRESH_S + SPAN_S - 0.05)
    assert process.portion is None
    process.step(0.1)
    assert process.portion == Portion(4)


def test_a_share_shrinks_at_once_and_is_told_later() -> None:
    """When another process appears less is used from that moment; the row says so when what was used counts no more."""
    process = lost()
    process.step(2 * SPAN_S)
    assert process.portion == Portion(2)
    process.peers.append(Peer("new", 0))
    assert (process.beat(), process.portion) == (2, Portion(4))
    process.step(SPAN_S - 0.05)
    assert process.beat() == 2
    process.step(0.1)
    assert process.beat() == 4


def test_a_share_grows_as_carefully_as_it_began() -> None:
    """When another process is gone for good the larger share is told first, and used when everybody knows."""
    process = lost(Peer("other", 0))
    process.step(2 * FRESH_S)
    assert process.portion == Portion(4)
    process.peers.clear()
    process.step(FRESH_S + SPAN_S - 0.1)
    assert process.beat() == 4
    process.step(0.3)
    assert (process.beat(), process.portion) == (2, Portion(4))
    process.step(SPAN_S + 0.1)
    assert process.portion == Portion(2)


def test_the_shared_windows_are_entered_after_the_share_has_ceased_to_count() -> None:
    """Back at Redis nothing is used for one span, and the row keeps the share as long."""
    process = lost()
    process.step(2 * SPAN_S)
    assert process.portion == Portion(2)
    process.shares.regain(process.now)
    assert (process.beat(), process.portion) == (2, None)
    process.step(SPAN_S - 0.05)
    assert (process.beat(), process.portion) == (2, None)
    process.step(0.1)
    assert (process.beat(), process.portion) == (0, WHOLE)


def test_what_others_keep_is_left_out_also_when_their_row_is_gone() -> None:
    """A row that vanishes, as after a jump of the database's clock, counts until nothing sent on it can count any more."""
    process = Process(Peer("a", 8), Peer("b", 8), Peer("c", 0))
    assert process.portion == Portion(reserved=(8, 8))
    process.peers.pop(0)
    process.step(process.shares.ttl_s - 0.1)
    assert process.portion == Portion(reserved=(8, 8))
    process.step(0.3)
    assert process.portion == Portion(reserved=(8,))


def test_after_a_gap_a_process_is_new() -> None:
    """Who could not beat for long may have been forgotten by the others: its share begins anew."""
    process = lost()
    process.step(2 * SPAN_S)
    process.now += FRESH_S
    assert process.portion is None
    process.beat()
    assert process.portion is None
    process.step(FRESH_S + SPAN_S + 0.1)
    assert process.portion == Portion(2)


def test_portions_of_a_quota_add_up_to_no_more_than_it() -> None:
    """Shares are rounded down, and what is left to the shared windows is what they really are."""
    quota = Quota(50, 20)
    assert Portion(4).of(quota) == Quota(12, 20)
    assert Portion(reserved=(4, 4)).of(quota) == Quota(26, 20)
    assert Portion(8).of(Quota(3, 20)).limit == 0
    assert Portion(reserved=(1, 2)).of(quota).limit == 0
    assert WHOLE.of(quota) is quota
