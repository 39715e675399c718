from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.domain.quiet_hours import WEEKDAYS, QuietHours, allowed_until, is_quiet, next_allowed, same_clocks

NIGHT = QuietHours(start="21:00", end="08:00")
NAMES = sorted(available_timezones())
BERLIN, NEW_YORK, LOS_ANGELES = map(ZoneInfo, ("Europe/Berlin", "America/New_York", "America/Los_Angeles"))
FIRST, LAST = datetime(2026, 1, 1, tzinfo=UTC), datetime(2037, 1, 1, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
FAR = 16 * 24 * 60
"""Minutes behind which no allowed one may lie."""

instants = st.integers(0, int((LAST - FIRST) / MINUTE)).map(lambda minutes: FIRST + minutes * MINUTE)
walls = st.integers(0, 24 * 60 - 1).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")
rules = st.builds(
    QuietHours, start=walls, end=walls, days=st.lists(st.sampled_from(WEEKDAYS), unique=True, max_size=6).map(tuple)
).filter(lambda hours: hours.is_possible)


def utc(text: str) -> datetime:
    """An instant, as `2027-01-31 20:30`."""
    return datetime.fromisoformat(f"{text}+00:00")


@lru_cache
def clock_changes(name: str) -> list[datetime]:
    """Every minute of some years at which that zone's clock is set, found an hour at a time."""
    zone, found = ZoneInfo(name), []
    hours = [FIRST + number * timedelta(hours=1) for number in range(int((LAST - FIRST).days / 4) * 24)]
    for before, after in pairwise(hours):
        if before.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
            minutes = (before + number * MINUTE for number in range(1, 61))
            found.append(next(m for m in minutes if m.astimezone(zone).utcoffset() == after.astimezone(zone).utcoffset()))
    return found


def plain_next(now: datetime, zones: list[ZoneInfo], hours: QuietHours) -> datetime:
    """The next allowed minute, looked for minute by minute, of those behind the present one the first."""
    minutes = (now + number * MINUTE for number in range(FAR))
    return next(minute for minute in minutes if not any(is_quiet(minute, zone, hours) for zone in zones))


@pytest.mark.parametrize(
    ("now", "allowed"),
    [
        ("2027-01-29 19:59", "2027-01-29 19:59"),
        ("2027-01-29 20:00", "2027-01-30 07:00"),
        ("2027-01-30 06:59", "2027-01-30 07:00"),
        ("2027-01-30 07:00", "2027-01-30 07:00"),
        # The night in which Berlin goes to summer time, and the one in which it comes back.
        ("2027-03-27 22:00", "2027-03-28 06:00"),
        ("2027-10-30 22:00", "2027-10-31 07:00"),
    ],
)
def test_the_night_of_one_zone(now: str, allowed: str) -> None:
    """From nine in the evening, inclusive, to eight in the morning, exclusive, as the clock there says."""
    assert next_allowed(utc(now), [BERLIN], NIGHT) == utc(allowed)


def test_hours_within_a_day() -> None:
    """A rest at noon is one that does not go over midnight."""
    noon = QuietHours(start="12:00", end="14:30")
    assert next_allowed(utc("2027-01-29 11:00"), [BERLIN], noon) == utc("2027-01-29 13:30")
    assert next_allowed(utc("2027-01-29 23:00"), [BERLIN], noon) == utc("2027-01-29 23:00")


def test_whole_days() -> None:
    """A quiet Sunday is over with its last minute, and what is quiet behind it stays so."""
    quiet = QuietHours(start="21:00", end="08:00", days=("sun",))
    assert next_allowed(utc("2027-01-31 11:00"), [BERLIN], quiet) == utc("2027-02-01 07:00")
    assert next_allowed(utc("2027-01-30 21:00"), [BERLIN], quiet) == utc("2027-02-01 07:00")


def test_several_zones_are_allowed_together() -> None:
    """A number that may be in New York or Los Angeles is written to between eight in the west and nine in the east."""
    both = [NEW_YORK, LOS_ANGELES]
    assert next_allowed(utc("2027-01-29 13:30"), both, NIGHT) == utc("2027-01-29 16:00")
    assert next_allowed(utc("2027-01-30 02:00"), both, NIGHT) == utc("2027-01-30 16:00")
    assert allowed_until(utc("2027-01-29 16:00"), both, NIGHT) == utc("2027-01-30 02:00")


def test_zones_that_are_never_allowed_together() -> None:
    """Where the days of the zones never meet, it is the first time at which the fewest are quiet, and then it is allowed."""
    russia = [ZoneInfo(name) for name in ("Europe/Moscow", "Asia/Yekaterinburg", "Asia/Kamchatka")]
    short = QuietHours(start="17:00", end="10:00")
    found = next_allowed(utc("2027-01-29 20:00"), russia, short)
    assert found == utc("2027-01-30 07:00")
    assert [is_quiet(found, zone, short) for zone in russia] == [False, False, True]
    assert next_allowed(found, russia, short) == found


def test_an_hour_that_is_left_out() -> None:
    """Quiet time that would end in an hour that the clock leaves out ends where the clock is set."""
    assert next_allowed(utc("2027-03-28 00:30"), [BERLIN], QuietHours(start="23:00", end="02:30")) == utc("2027-03-28 01:00")


def test_an_hour_that_comes_twice() -> None:
    """What the clock shows twice is quiet twice, and allowed between if the clock says so."""
    late = QuietHours(start="02:30", end="08:00")
    assert not is_quiet(utc("2027-10-31 00:29"), BERLIN, late)
    assert next_allowed(utc("2027-10-31 00:30"), [BERLIN], late) == utc("2027-10-31 01:00")
    assert next_allowed(utc("2027-10-31 01:30"), [BERLIN], late) == utc("2027-10-31 07:00")


@given(instants, st.lists(st.sampled_from(NAMES), min_size=1, max_size=2), rules)
def test_it_is_the_first_minute_that_is_quiet_nowhere(now: datetime, names: list[str], hours: QuietHours) -> None:
    """Of any two zones, at any time, by any rule that leaves a common minute."""
    zones = [ZoneInfo(name) for name in names]
    found = next_allowed(now, zones, hours)
    if any(is_quiet(found, zone, hours) for zone in zones):
        minutes = (now + number * MINUTE for number in range(0, FAR, 7))
        assert all(any(is_quiet(minute, zone, hours) for zone in zones) for minute in minutes)
    else:
        assert found == plain_next(now, zones, hours)


@given(st.sampled_from(NAMES), st.data())
def test_it_holds_around_every_change_of_a_clock(name: str, data: st.DataObject) -> None:
    """An hour or two before and behind each change of a zone's clock, for hours that begin or end near what it shows then."""
    for change in clock_changes(name):
        now = change + data.draw(st.integers(-180, 120)) * MINUTE
        near = (change + data.draw(st.integers(-120, 120)) * MINUTE).astimezone(ZoneInfo(name))
        other = data.draw(walls.filter(lambda wall: wall != f"{near:%H:%M}"))  # noqa: B023 - drawn at once
        start, end = data.draw(st.permutations([f"{near:%H:%M}", other]))
        hours = QuietHours(start=start, end=end)
        assert next_allowed(now, [ZoneInfo(name)], hours) == plain_next(now, [ZoneInfo(name)], hours)


@given(instants, st.sampled_from(NAMES), rules)
def test_it_stays_allowed_until_it_is_not(now: datetime, name: str, hours: QuietHours) -> None:
    """The end of an allowed time is the first quiet minute behind it."""
    zone = ZoneInfo(name)
    begin = next_allowed(now, [zone], hours)
    end = allowed_until(begin, [zone], hours)
    assert is_quiet(end, zone, hours)
    assert not is_quiet(end - MINUTE, zone, hours)
    assert not any(is_quiet(begin + number * MINUTE, zone, hours) for number in range(0, int((end - begin) / MINUTE), 13))


def test_zones_with_one_clock_have_one_name() -> None:
    """The zones of Central Europe are one, those whose clocks differ in a minute of the year are not."""
    zones: dict[str, tzinfo] = {name: ZoneInfo(name) for name in NAMES}
    found = same_clocks(zones, utc("2026-11-26 00:00"))
    assert found["Europe/Berlin"] == found["Europe/Paris"] == found["Europe/Madrid"]
    assert len({found[name] for name in ("Europe/Berlin", "Africa/Lagos", "Africa/Casablanca", "Asia/Beirut", "UTC")}) == 5
    assert found["Europe/Athens"] != found["Asia/Beirut"]
    assert set(found) == set(zones)
    assert len(set(found.values())) < 80


@given(instants, st.sampled_from(NAMES))
def test_what_stands_for_a_clock_shows_its_time(instant: datetime, name: str) -> None:
    """At any minute of the time that was compared, a zone and the one that stands for it show the same."""
    start = utc("2026-11-26 00:00")
    at = start + (instant - FIRST) % (400 * DAY - DAY)
    zones: dict[str, tzinfo] = {one: ZoneInfo(one) for one in NAMES}
    stands_for = _clocks(start)[name]
    assert at.astimezone(zones[name]).utcoffset() == at.astimezone(zones[stands_for]).utcoffset()


@lru_cache
def _clocks(since: datetime) -> dict[str, str]:
    return same_clocks({name: ZoneInfo(name) for name in NAMES}, since)


@pytest.mark.parametrize(
    ("hours", "is_possible"),
    [
        (NIGHT, True),
        (QuietHours(start="08:00", end="08:00"), False),
        (QuietHours(start="21:00", end="08:00", days=WEEKDAYS), False),
        (QuietHours(start="21:00", end="08:00", days=WEEKDAYS[1:]), True),
    ],
)
def test_some_time_must_be_left(hours: QuietHours, *, is_possible: bool) -> None:
    """Hours that end when they begin say nothing, and a week without a day leaves none."""
    assert hours.is_possible is is_possible
