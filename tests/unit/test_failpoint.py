import re
from pathlib import Path

import pytest

import penstock
from penstock import config, failpoint
from penstock.config import REAL_NEEDS, ConfigError
from penstock.failpoint import Point

SOURCES = [path for path in Path(penstock.__file__).parent.rglob("*.py") if path.name != "failpoint.py"]
REACHED = re.compile(r"failpoint\.reach\(Point\.([A-Z_]+)\)")


def test_every_point_is_in_one_place() -> None:
    """The points that are declared are those that the program reaches, each once."""
    reached = [name for path in SOURCES for name in REACHED.findall(path.read_text())]
    assert sorted(reached) == sorted(point.name for point in Point)


@pytest.mark.parametrize("text", ["", "nowhere:1", "send.after_claim", "send.after_claim:soon", "send.after_claim:1:dance"])
def test_a_wrong_text_is_refused(text: str) -> None:
    """A failpoint that could never strike is an error of whoever armed it."""
    with pytest.raises(ConfigError, match=failpoint.NAME):
        config.load({"PENSTOCK_MODE": "mock", failpoint.NAME: text})


def test_mock_mode_takes_one() -> None:
    """In mock mode it is accepted, and is none of the settings."""
    assert config.load({"PENSTOCK_MODE": "mock", failpoint.NAME: "send.after_claim:1"}) == config.load(
        {"PENSTOCK_MODE": "mock"}
    )


def test_real_mode_refuses_it() -> None:
    """Where real messages are sent, no process can be told to end itself."""
    real = dict.fromkeys(REAL_NEEDS, "123") | {"PENSTOCK_MODE": "real", "MITTO_MAX_SEGMENTS_PER_S": "unlimited"}
    config.load(real)
    with pytest.raises(ConfigError) as refused:
        config.load(real | {failpoint.NAME: "send.after_claim:1"})
    assert [problem.partition(":")[0] for problem in refused.value.problems] == [failpoint.NAME]


def test_points_cost_nothing_when_none_is_armed() -> None:
    """Every point is reached in a process that arms none, and nothing happens."""
    for point in Point:
        failpoint.reach(point)
