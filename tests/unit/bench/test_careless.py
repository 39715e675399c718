from pathlib import Path

import penstock
from bench.careless import REACH


def test_every_failpoint_can_be_left_out() -> None:
    """Each place that reaches one is a line of its own, so that the bench without them is without all of them."""
    sources = [path.read_text() for path in Path(penstock.__file__).parent.rglob("*.py")]
    reached = sum(source.count("failpoint.reach(") for source in sources)
    assert reached > 20
    assert sum(len(REACH.findall(source)) for source in sources) == reached
