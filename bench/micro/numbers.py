"""Reading phone numbers: the core, the tests' reference, and phonenumbers called as its documentation shows."""

from collections import defaultdict

import phonenumbers
from phonenumbers import timezone

from bench.harness import Case
from penstock._core import RecipientParser as Parser
from penstock._core import Template, number_zones, parse_number
from tests.reference import numbers as reference

STRICT = [f"+{prefix}{number:08}" for number in range(250) for prefix in ("49151", "306900", "447700", "336000")]
NATIONAL = {"DE": "0151 {:08}", "US": "(650) 555-{:04}", "GB": "07700 9{:05}", "IT": "06 0{:07}"}


def by_library(text: str, region: str | None) -> str | None:
    """Parse, ask, format."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def reading(name: str, texts: list[str], region: str | None, least: float) -> Case:
    """One text after the other, each a call of its own."""
    return Case(
        name=f"1,000 numbers, {name}",
        ways={
            "core": lambda: [parse_number(text, region) for text in texts],
            "reference": lambda: [reference.read(text, region) for text in texts],
            "best Python": lambda: [by_library(text, region) for text in texts],
        },
        items=len(texts),
        unit="numbers",
        at_least={"reference": least, "best Python": least},
    )


def file() -> Case:
    """A file of nothing but numbers, to chunks ready to store."""
    data = b"phone\n" + "\n".join(STRICT).encode()

    def parse() -> object:
        parser = Parser("csv", Template("Hi"), traffic_account_id="account", sender="Sender")
        return [*parser.feed(data), *parser.finish()]

    return Case(
        name="1,000 numbers of a file, strict",
        ways={"core": parse, "best Python": lambda: [by_library(text, None) for text in data.decode().splitlines()[1:]]},
        items=len(STRICT),
        unit="numbers",
        size=len(data),
        at_least={"best Python": 30},
    )


def grouping() -> Case:
    """Numbers of five countries by their zones."""
    prefixes = ("49151", "1650555", "1202555", "5511900", "61412")
    numbers = [int(f"{prefix}{number:0{12 - len(prefix)}}"[:11]) for number in range(200) for prefix in prefixes]

    def by_map() -> object:
        groups = defaultdict(list)
        for place, number in enumerate(numbers):
            groups[timezone.time_zones_for_number(phonenumbers.parse(f"+{number}"))].append(place)
        return groups

    return Case(
        name="1,000 numbers by time zones",
        ways={"core": lambda: number_zones(numbers), "best Python": by_map},
        items=len(numbers),
        unit="numbers",
        at_least={"best Python": 20},
    )


def cases() -> list[Case]:
    """Strict numbers, national ones of four regions, a file, and the grouping."""
    national = [
        reading(f"national of {region}", [form.format(number) for number in range(1000)], region, 8)
        for region, form in NATIONAL.items()
    ]
    return [reading("strict", STRICT, None, 50), *national, file(), grouping()]
