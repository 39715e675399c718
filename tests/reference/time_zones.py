"""Time zones of numbers, made from the sources that the core's table is made from.

`python -m tests.reference.time_zones > rust/core/data/time_zones.txt` writes that table. Two sources, each for what it
knows best. The tz database (package tzdata, `zone.tab`) says which zones a country has, and is right about every one of them.
libphonenumber's map of prefixes (package phonenumbers) says where in a country a number is, and for small countries often names
a neighbour's zone: Chicago for Nicaragua, Paris for Algeria, Nairobi for South Sudan.

- A country's zones are its rows of `zone.tab`, but of rows whose clocks agree from 2027 to 2036 only those that the map
  names, or else the first.
- Where the map names a zone that no country of the calling code has, the first of the code's zones with the same clock takes
  its place, or else with the same time on 1 January 2027 (Europe/Bucharest for Kaliningrad).
- Prefixes are listed for calling codes only where a country has several zones.
"""

import functools
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers
import tzdata
from phonenumbers import PhoneNumberFormat, PhoneNumberType
from phonenumbers.tzdata import TIMEZONE_DATA

ZONES = resources.files(tzdata) / "zoneinfo"
START, END = datetime(2027, 1, 1, tzinfo=UTC), datetime(2037, 1, 1, tzinfo=UTC)
LEFT_OUT = {"Asia/Urumqi", "Europe/Simferopol"}
"""China's law knows the time of Beijing only, and nobody in Crimea has a number of +380."""
NOT_IN_ISO_3166 = {"AC": "SH", "TA": "SH", "XK": "RS"}
"""Regions of libphonenumber that `zone.tab` does not know, and whose zones they have."""
REGIONS: dict[int, tuple[str, ...]] = phonenumbers.COUNTRY_CODE_TO_REGION_CODE

HEADER = f"""\
# Time zones of telephone numbers: the zones, then the countries that have them (ISO 3166) and the beginnings of numbers that
# are there (digits of E.164). Read by src/phone/time_zones.rs, made by tests/reference/time_zones.py, which says how, from
# - libphonenumber {phonenumbers.__version__}, resources/timezones (Apache License 2.0, the Libphonenumber Authors),
# - the tz database {tzdata.IANA_VERSION}, zone.tab (public domain).
"""


@functools.cache
def country_zones() -> dict[str, list[str]]:
    """All zones of every region of libphonenumber, as in `zone.tab`."""
    found = defaultdict(list)
    for line in (ZONES / "zone.tab").read_text().splitlines():
        if not line.startswith("#"):
            country, _, zone, *_ = line.split("\t")
            found[country] += [zone] if zone not in LEFT_OUT else []
    return {region: found[NOT_IN_ISO_3166.get(region, region)] for region in sorted(phonenumbers.SUPPORTED_REGIONS)}


@functools.cache
def clock(zone: str) -> tuple[Any, ...]:
    """All that a zone's clock does from START to END: the offset at first, and every change to the hour."""
    with (ZONES / zone).open("rb") as file:
        at = ZoneInfo.from_file(file)
    offset = START.astimezone(at).utcoffset()
    seen: list[Any] = [offset]
    for day in range((END - START).days):
        noon = START + timedelta(days=day)
        if (noon + timedelta(days=1)).astimezone(at).utcoffset() == offset:
            continue
        for hour in range(25):
            moment = noon + timedelta(hours=hour)
            if (new := moment.astimezone(at).utcoffset()) != offset:
                offset = new
                seen += [moment, offset]
    return tuple(seen)


def calling_code(digits: str) -> int:
    """The calling code that a number or a prefix begins with."""
    return next(code for length in (1, 2, 3) if (code := int(digits[:length])) in REGIONS)


@functools.cache
def own_zones(code: int, zone: str) -> frozenset[str]:
    """The zones of a calling code that are meant when the map names this one."""
    own = [own for region in REGIONS[code] for own in country_zones().get(region, [])]
    same_clock = [other for other in own if clock(other) == clock(zone)]
    same_new_year = [other for other in own if clock(other)[0] == clock(zone)[0]]
    return frozenset([zone] if zone in own else same_clock[:1] or same_new_year[:1])


@functools.cache
def prefixes() -> dict[str, frozenset[str]]:
    """The map of prefixes longer than a calling code, in zones of the code's own countries."""
    found = {}
    for prefix, zones in TIMEZONE_DATA.items():
        code = calling_code(prefix)
        if prefix != str(code) and all(own_zones(code, zone) for zone in zones):
            found[prefix] = frozenset[str]().union(*(own_zones(code, zone) for zone in zones))
    return found


@functools.cache
def region_zones() -> dict[str, frozenset[str]]:
    """The zones of each region, without those whose clock agrees with that of one kept."""
    named = defaultdict(set)
    for prefix, zones in TIMEZONE_DATA.items():
        for zone in zones:
            named[calling_code(prefix)] |= own_zones(calling_code(prefix), zone)
    found = {}
    for region, zones in country_zones().items():
        by_clock = defaultdict(list)
        for zone in zones:
            by_clock[clock(zone)].append(zone)
        names = named[phonenumbers.country_code_for_region(region)]
        found[region] = frozenset(
            zone for alike in by_clock.values() for zone in ([zone for zone in alike if zone in names] or alike[:1])
        )
    return found


def has_prefixes(code: int) -> bool:
    """Whether a country of this calling code has several zones."""
    return any(len(region_zones().get(region, ())) > 1 for region in REGIONS[code])


def time_zones(number: phonenumbers.PhoneNumber) -> tuple[str, ...]:
    """The zones in which this number may be, in order of their names."""
    region = phonenumbers.region_code_for_number(number) or REGIONS[number.country_code][0]
    kind = phonenumbers.number_type(number)
    found = None
    if _is_placed(kind, number.country_code) and has_prefixes(number.country_code):
        digits = phonenumbers.format_number(number, PhoneNumberFormat.E164)[1:]
        found = next((zones for end in range(len(digits), 1, -1) if (zones := prefixes().get(digits[:end]))), None)
    return tuple(sorted(found or region_zones().get(region, ())))


def _is_placed(kind: int, code: int) -> bool:
    """Whether the first digits of such a number say where it is. Those of mobile numbers in Indonesia do not."""
    if kind == PhoneNumberType.UNKNOWN:
        return True
    return phonenumbers.is_number_type_geographical(kind, code) and (kind, code) != (PhoneNumberType.MOBILE, 62)


def table() -> Iterator[str]:
    """The lines of the core's table. A prefix is left out where a shorter one says the same."""
    lines = defaultdict[frozenset[str], list[str]](list)
    for region, zones in region_zones().items():
        lines[zones].append(region)
    for prefix, zones in sorted(prefixes().items()):
        shorter = next((prefixes()[prefix[:end]] for end in range(len(prefix) - 1, 0, -1) if prefix[:end] in prefixes()), None)
        if has_prefixes(calling_code(prefix)) and zones != shorter:
            lines[zones].append(prefix)
    for zones in sorted(lines, key=sorted):
        yield " ".join([",".join(sorted(zones)), *lines[zones]])


if __name__ == "__main__":
    sys.stdout.write(HEADER + "\n".join(table()) + "\n")
