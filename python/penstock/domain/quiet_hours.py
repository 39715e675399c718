"""When nothing may be sent to a recipient: some hours of every day, and some days from midnight to midnight.

Both are read off the wall clocks where the recipient may be. So summer time moves them as it moves people: an hour that comes
twice is quiet twice, and hours that end in one that is left out end where it was left out. No I/O: time zones are handed in.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final, Literal, get_args

from msgspec import Struct, field

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

WEEKDAYS: Final[tuple[Weekday, ...]] = get_args(Weekday)
_MINUTE: Final = timedelta(minutes=1)
_DAY: Final = timedelta(days=1)
_DAYS_AHEAD: Final = 15
"""Six quiet days, and a seventh whose one allowed hour summer time leaves out: then the week behind it has one."""


class QuietHours(Struct, frozen=True, kw_only=True):
    """From `start` on and before `end`, by hours and minutes as 21:00; over midnight where the end is the earlier."""

    start: str = field(name="from")
    end: str = field(name="to")
    days: tuple[Weekday, ...] = ()
    """Quiet as a whole."""

    @property
    def is_possible(self) -> bool:
        """Whether they leave any time at all."""
        return self.start != self.end and len(set(self.days)) < len(WEEKDAYS)


def is_quiet(instant: datetime, zone: tzinfo, hours: QuietHours) -> bool:
    """Whether the clock of that zone says so."""
    local = instant.astimezone(zone)
    if WEEKDAYS[local.weekday()] in hours.days:
        return True
    now = f"{local:%H:%M}"
    if hours.start < hours.end:
        return hours.start <= now < hours.end
    return now >= hours.start or now < hours.end


def next_allowed(now: datetime, zones: Sequence[tzinfo], hours: QuietHours) -> datetime:
    """`now`, or the first instant behind it that is quiet in none of the zones.

    Zones may be so far apart that there is none: then it is the first instant of two weeks that is quiet in the fewest, because
    a message that waits for ever helps nobody.
    """
    best, fewest = now, _count_quiet(now, zones, hours)
    if fewest == 0:
        return now
    for instant in _changes(now, zones, hours):
        quiet = _count_quiet(instant, zones, hours)
        if quiet < fewest:
            best, fewest = instant, quiet
        if fewest == 0:
            break
    return best


def allowed_until(now: datetime, zones: Sequence[tzinfo], hours: QuietHours) -> datetime:
    """The first instant behind `now`, at which messages are allowed, at which it is quiet in more of the zones."""
    quiet = _count_quiet(now, zones, hours)
    changes = _changes(now, zones, hours)
    return next((instant for instant in changes if _count_quiet(instant, zones, hours) > quiet), now + _DAYS_AHEAD * _DAY)


def same_clocks(zones: Mapping[str, tzinfo], since: datetime, days: int = 400) -> dict[str, str]:
    """For the name of each zone the first name, in order, of a zone whose clock is the same on all these days.

    Zones that agree for more than a year have the same rules, but for a law that nobody has written yet. The stations in
    Antarctica, which change theirs as they like, stand for no other.
    """
    instants = [since + number * _DAY for number in range(days)]
    first: dict[tuple[object, ...], str] = {}
    found = {}
    for name in sorted(zones, key=lambda name: (name.startswith("Antarctica/"), name)):
        clock = tuple(_offsets(zones[name], instants))
        found[name] = first.setdefault(clock, name)
    return found


def _count_quiet(instant: datetime, zones: Sequence[tzinfo], hours: QuietHours) -> int:
    return sum(is_quiet(instant, zone, hours) for zone in zones)


def _changes(now: datetime, zones: Sequence[tzinfo], hours: QuietHours) -> list[datetime]:
    """Every instant of the next two weeks at which a zone may begin or end to be quiet, in order."""
    found = set[datetime]()
    for zone in zones:
        first = now.astimezone(zone).date() - _DAY
        for number in range(_DAYS_AHEAD + 1):
            found.update(_changes_of_day(first + number * _DAY, zone, hours))
    return sorted(instant for instant in found if instant > now)


def _changes_of_day(day: date, zone: tzinfo, hours: QuietHours) -> Iterator[datetime]:
    """What the clock shows twice counts twice; and a clock that is set may leave out what it should have shown."""
    for shown in ("00:00", hours.start, hours.end):
        for fold in (0, 1):
            yield datetime.combine(day, time.fromisoformat(shown), zone).replace(fold=fold).astimezone(UTC)
    begin = datetime.combine(day, time(), zone).astimezone(UTC)
    yield from _clock_changes(zone, begin, begin + _DAY)


def _clock_changes(zone: tzinfo, begin: datetime, end: datetime) -> Iterator[datetime]:
    """The minute within a day at which the clock is set, if it is."""
    before = begin.astimezone(zone).utcoffset()
    if before == end.astimezone(zone).utcoffset():
        return
    while end - begin > _MINUTE:
        middle = begin + (end - begin) // 2 // _MINUTE * _MINUTE
        if middle.astimezone(zone).utcoffset() == before:
            begin = middle
        else:
            end = middle
    yield end


def _offsets(zone: tzinfo, instants: Sequence[datetime]) -> Iterator[object]:
    """What the clock is set to, and when it is set."""
    offset = instants[0].astimezone(zone).utcoffset()
    yield offset
    for instant in instants:
        now = instant.astimezone(zone).utcoffset()
        if now != offset:
            yield from _clock_changes(zone, instant - _DAY, instant)
            yield now
        offset = now
