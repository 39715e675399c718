"""Phone numbers against the vectors and phonenumbers."""

import json
from typing import Any

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock._core import NUMBER_METADATA_VERSION, CoreError, Number, number_zones, parse_number
from tests.reference import numbers as reference
from tests.unit.core.number_corpus import FORMS, corpus, example_numbers
from tests.unit.core.parsing import numbers, parse
from tests.unit.core.vectors import cases

CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


def core(text: str, region: str | None) -> int | None:
    """The core's verdict on one number."""
    found = parse_number(text, region)
    return found.e164 if found else None


def facts(number: Number) -> reference.Facts:
    """What the core knows of a number."""
    return reference.Facts(number.region, number.calling_code, number.kind, number.is_valid, number.time_zones)


def agreed(text: str, region: str | None) -> Number | None:
    """What the core reads, after holding it and what is known of it against the reference."""
    found, expected = parse_number(text, region), reference.read(text, region)
    if found is None or expected is None:
        assert (found, expected) == (None, None), (text, region)
        return None
    assert found.text == f"+{reference.digits(expected)}", (text, region)
    assert facts(found) == reference.facts(expected), (text, region)
    return found


def prefixes() -> list[tuple[int, str]]:
    """Calling codes and what their main region strips from national numbers."""
    metadata = phonenumbers.PhoneMetadata
    found = []
    for code in CODES:
        region = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code][0]
        entry = metadata.metadata_for_region_or_calling_code(code, region)
        if entry is not None and entry.national_prefix_for_parsing:
            found.append((code, str(entry.national_prefix_for_parsing)))
    return found


def test_the_reference_has_the_same_metadata() -> None:
    """The release that the core names is the one it is compared with here."""
    assert phonenumbers.__version__ == NUMBER_METADATA_VERSION


@pytest.mark.parametrize("case", cases("numbers"), ids=lambda case: f"{case['text']} {case['region']}")
def test_vectors(case: dict[str, Any]) -> None:
    """Every vector is the number it says, with what is known of it, for the core and for the reference."""
    found, expected = parse_number(case["text"], case["region"]), reference.read(case["text"], case["region"])
    if found is None or expected is None:
        assert (found, expected) == (case["number"], case["number"])
        return
    assert (found.e164, found.text) == (case["number"], f"+{case['number']}")
    assert facts(found) == reference.facts(expected) == (*case["facts"][:4], tuple(case["facts"][4]))


def test_example_numbers() -> None:
    """The example numbers of every region and kind read the same in every form and are known for the same things."""
    seen = set()
    for region, number in example_numbers():
        for form in FORMS:
            text = phonenumbers.format_number(number, form)
            if found := agreed(text, region):
                seen.add(found.kind)
    assert seen | {"unknown"} == {*reference.KINDS.values()}


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 10))])
def test_mutated_numbers(seed: int) -> None:
    """Ten thousand careless spellings are read as the reference reads them, and what is read is known for the same things."""
    found = [number for text, region in corpus(seed, 10_000) if (number := agreed(text, region))]
    assert 3000 < len(found) < 7000
    by_zones = number_zones([number.e164 for number in found])
    assert {zones: [found[place].time_zones for place in places] for zones, places in by_zones.items()} == {
        zones: [zones] * len(places) for zones, places in by_zones.items()
    }
    assert sorted(place for places in by_zones.values() for place in places) == list(range(len(found)))


@settings(max_examples=300)
@given(st.sampled_from(CODES), st.text("0123456789", min_size=1, max_size=14))
def test_strict_numbers(code: int, national: str) -> None:
    """Plus and digits are read as phonenumbers reads them, on the fast path and off it."""
    text = f"+{code}{national}"
    assert core(text, None) == reference.read_number(text, None)


@settings(max_examples=300)
@given(st.data())
def test_national_prefixes(data: st.DataObject) -> None:
    """A national prefix behind the calling code, whatever its pattern, is treated as phonenumbers treats it."""
    code, pattern = data.draw(st.sampled_from(prefixes()))
    prefix = data.draw(st.from_regex(f"(?:{pattern})", fullmatch=True, alphabet="0123456789"))
    rest = data.draw(st.text("0123456789", max_size=9))
    text = f"+{code}{prefix}{rest}"
    assert core(text, None) == reference.read_number(text, None)


@settings(max_examples=300)
@given(st.sampled_from([*REGIONS, None]), st.text("0123456789+ -()./x", max_size=20))
def test_written_numbers(region: str | None, text: str) -> None:
    """Numbers as people write them are read as phonenumbers reads them, alone and in a file of recipients."""
    found = reference.read_number(text, region)
    assert core(text, region) == found
    assert numbers(parse(json.dumps([text])[1:-1].encode(), "ndjson", region=region)) == ([found] if found else [])


def test_numbers_are_values() -> None:
    """A number is equal to the same number however it was written, and its representation does not give it away."""
    one, other = parse_number("+49 151 00000001"), parse_number("0151-00000001", "de")
    assert one == other
    assert len({one, other, parse_number("+4915100000002")}) == 2
    assert repr(one) == "Number(+49…)"


@pytest.mark.parametrize("region", ["", "D", "DEU", "001", "ZZ", "4 "])
def test_unknown_regions(region: str) -> None:
    """What is no region of the metadata is refused by name."""
    with pytest.raises(CoreError, match="is not a region"):
        parse_number("0151 00000001", region)
