from random import Random
from typing import Any

import pytest

from penstock.simulator import ulid
from penstock.simulator.fate import Fate, pick
from penstock.simulator.moment import render_moment
from penstock.simulator.segments import count_segments


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 152 + "€" * 5, 2),
        ("[" * 77, 1),
        ("ж" * 70, 1),
        ("ж" * 71, 2),
        ("👋" * 35, 1),
        ("👋" * 36, 2),
        ("👋" * 67, 3),
        ("Ωμέγα", 1),
        ("`" * 71, 2),
    ],
)
def test_parts_are_counted_by_the_standard(text: str, parts: int) -> None:
    """Texts split at 160/153 septets or 70/67 units and never inside a character."""
    assert count_segments(text, text.encode()) == parts


def test_an_id_leads_back_to_its_request_and_position() -> None:
    """Splitting an id gives the prefix and the position it was made from; foreign texts give nothing."""
    prefix = ulid.make_prefix(1_767_607_200.123, 12345)
    suffixes = ulid.suffixes(2000)
    assert ulid.split(prefix + suffixes[1234]) == (prefix, 1234)
    assert ulid.split("short") is None
    assert ulid.split("U" * 26) is None
    assert sorted(suffixes[:2000]) == suffixes[:2000]


def test_moments_have_seven_digits() -> None:
    """An instant is written in UTC with seven fractional digits."""
    assert render_moment(1_767_607_200.5) == "2026-01-05T10:00:00.5000000Z"


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 0, 0), (0.03, 200, 400), (0.5, 4700, 5300), (1.0, 10_000, 10_000)])
def test_picking_keeps_to_its_share(share: float, low: int, high: int) -> None:
    """The number of picked positions follows the share, each position at most once and in range."""
    picked = list(pick(Random(1), 10_000, share))  # noqa: S311 - a seed makes it repeatable
    assert low <= len(picked) <= high
    assert picked == sorted(set(picked))
    assert all(0 <= position < 10_000 for position in picked)


def test_a_fate_without_weights_is_refused() -> None:
    """Weights that add up to nothing are an error at once."""
    weights: dict[str, Any] = {"Delivered": 0}
    with pytest.raises(ValueError, match="nothing"):
        Fate(weights)
