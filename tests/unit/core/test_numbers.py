"""Phone numbers against the vectors and phonenumberslite."""

import json
from typing import Any

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference.numbers import read_number
from tests.unit.core.parsing import numbers, parse
from tests.unit.core.vectors import cases

CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


def core(text: str, region: str | None) -> int | None:
    """The core's verdict on one number."""
    found = numbers(parse(json.dumps([text])[1:-1].encode(), "ndjson", region=region))
    return found[0] if found else None


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


@pytest.mark.parametrize("case", cases("numbers"), ids=lambda case: f"{case['text']} {case['region']}")
def test_vectors(case: dict[str, Any]) -> None:
    """Every vector is the number it says, for the core and for the reference."""
    assert core(case["text"], case["region"]) == case["number"]
    assert read_number(case["text"], case["region"]) == case["number"]


@pytest.mark.parametrize("region", REGIONS)
def test_example_numbers(region: str) -> None:
    """The example number of every region and kind reads the same in every form as with phonenumberslite."""
    for kind in range(11):
        number = phonenumbers.example_number_for_type(region, kind)
        if number is None:
            continue
        for form in range(3):
            text = phonenumbers.format_number(number, form)
            assert core(text, region) == read_number(text, region), text


@settings(max_examples=300)
@given(st.sampled_from(CODES), st.text("0123456789", min_size=1, max_size=14))
def test_strict_numbers(code: int, national: str) -> None:
    """Plus and digits are read as phonenumberslite reads them, on the fast path and off it."""
    text = f"+{code}{national}"
    assert core(text, None) == read_number(text, None)


@settings(max_examples=300)
@given(st.data())
def test_national_prefixes(data: st.DataObject) -> None:
    """A national prefix behind the calling code, whatever its pattern, is treated as phonenumberslite treats it."""
    code, pattern = data.draw(st.sampled_from(prefixes()))
    prefix = data.draw(st.from_regex(f"(?:{pattern})", fullmatch=True, alphabet="0123456789"))
    rest = data.draw(st.text("0123456789", max_size=9))
    text = f"+{code}{prefix}{rest}"
    assert core(text, None) == read_number(text, None)


@settings(max_examples=300)
@given(st.sampled_from([*REGIONS, None]), st.text("0123456789+ -()./x", max_size=20))
def test_written_numbers(region: str | None, text: str) -> None:
    """Numbers as people write them are read as phonenumberslite reads them."""
    assert core(text, region) == read_number(text, region)
