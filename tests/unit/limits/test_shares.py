"""Who may use which part of the limits, while processes come and go and Redis with them."""

import pytest

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
