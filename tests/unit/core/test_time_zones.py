"""Time zones of numbers against the sources of their table."""

from pathlib import Path
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import timezone
from phonenumbers.tzdata import TIMEZONE_DATA

from penstock._core import number_zones, parse_number
from tests.reference import time_zones as reference

TABLE = Path(__file__).parents[3] / "rust/core/data/time_zones.txt"
NORTH_AMERICA = sorted(prefix for prefix in TIMEZONE_DATA if prefix.startswith("1") and len(prefix) > 1)


def test_the_table_is_what_its_sources_say() -> None:
    """The committed table is what the reference makes of libphonenumber and the tz database today."""
    lines = TABLE.read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == list(reference.table())
    assert reference.HEADER.splitlines() == [line for line in lines if line.startswith("#")]


def test_every_zone_can_be_loaded() -> None:
    """Every name in the table is one that Python finds in the tz database, and every region of the metadata has one."""
    rows = [line.split(" ") for line in TABLE.read_text().splitlines() if not line.startswith("#")]
    assert all(ZoneInfo(name).key == name for zones, *_ in rows for name in zones.split(","))
    assert {key for _, *keys in rows for key in keys if key.isalpha()} == phonenumbers.SUPPORTED_REGIONS


def test_numbers_of_north_america_are_where_libphonenumber_says() -> None:
    """A number with a place behind every prefix of the map has exactly the map's zones: there no zone is replaced."""
    compared = 0
    for prefix in NORTH_AMERICA:
        found = parse_number(f"+{prefix:2<11}")
        if found and found.kind == "fixed_line_or_mobile":
            compared += 1
            assert found.time_zones == timezone.time_zones_for_number(phonenumbers.parse(found.text)), prefix
    assert compared > 1500


@pytest.mark.parametrize(
    ("digits", "zone"),
    [
        (50588000000, "Managua"),
        (213551000000, "Algiers"),
        (21112345678, "Juba"),
        (35699000000, "Malta"),
        (353851000000, "Dublin"),
    ],
)
def test_no_country_has_its_neighbours_clock(digits: int, zone: str) -> None:
    """A country with one zone has its own, also where libphonenumber names another country's."""
    (names,) = number_zones([digits])
    assert [name.rpartition("/")[2] for name in names] == [zone]


@given(st.lists(st.one_of(st.integers(1, 10**15), st.sampled_from([4915100000001, 12025550100, 16505550100])), max_size=50))
def test_groups_hold_every_number_once(numbers: list[int]) -> None:
    """Grouping keeps every position, in order, under the zones of its number; what is no number has none."""
    groups = number_zones(numbers)
    assert sorted(place for places in groups.values() for place in places) == list(range(len(numbers)))
    for zones, places in groups.items():
        assert places == sorted(places)
        for place in places:
            found = parse_number(f"+{numbers[place]}")
            assert found is None or found.e164 != numbers[place] or found.time_zones == zones


@pytest.mark.parametrize("digits", [0, -4915100000001, 999123456789, 80012345678, 2**63 - 1])
def test_what_is_of_no_country_has_no_zone(digits: int) -> None:
    """Numbers without a country, and what is no number, are in the group of no zones."""
    assert number_zones([digits]) == {(): [0]}
