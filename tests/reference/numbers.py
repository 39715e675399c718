"""Phone numbers by phonenumbers, under the core's rule of what is acceptable."""

from typing import NamedTuple

import phonenumbers
from phonenumbers import PhoneNumberType, ValidationResult

from tests.reference.time_zones import time_zones

KINDS = {
    PhoneNumberType.FIXED_LINE: "fixed_line",
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "fixed_line_or_mobile",
    PhoneNumberType.TOLL_FREE: "toll_free",
    PhoneNumberType.PREMIUM_RATE: "premium_rate",
    PhoneNumberType.SHARED_COST: "shared_cost",
    PhoneNumberType.VOIP: "voip",
    PhoneNumberType.PERSONAL_NUMBER: "personal_number",
    PhoneNumberType.PAGER: "pager",
    PhoneNumberType.UAN: "uan",
    PhoneNumberType.VOICEMAIL: "voicemail",
    PhoneNumberType.UNKNOWN: "unknown",
}


class Facts(NamedTuple):
    """What is known of a number."""

    region: str | None
    calling_code: int
    kind: str
    is_valid: bool
    time_zones: tuple[str, ...]


def facts(number: phonenumbers.PhoneNumber) -> Facts:
    """What phonenumbers says of a number."""
    region = phonenumbers.region_code_for_number(number)
    return Facts(
        region if region != phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY else None,
        number.country_code,
        KINDS[phonenumbers.number_type(number)],
        phonenumbers.is_valid_number(number),
        time_zones(number),
    )


def digits(number: phonenumbers.PhoneNumber) -> str:
    """The digits of its E.164 form."""
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))[1:]


def read_number(text: str, region: str | None) -> int | None:
    """The digits of the E.164 form of a possible number, as one integer."""
    number = read(text, region)
    return int(digits(number)) if number else None


def read(text: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    """A possible number of at most 15 digits, written without letters and without an extension."""
    text = text.strip()
    if len(text.encode()) > 64 or any(character.isalpha() for character in text):
        return None
    if region is None and text.startswith("00"):
        text = "+" + text[2:]
    number = _parse(text, region)
    if number is None:
        return None
    if text[:1].isascii() and text[:1].isdecimal() and not _is_mobile(number):
        number = _without_plus(text, number) or number
    if number.national_number == 0 or (number.number_of_leading_zeros or 0) >= 10:
        return None
    if number.extension or not _is_possible(number) or len(digits(number)) > 15:
        return None
    return number


def _parse(text: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None


def _is_possible(number: phonenumbers.PhoneNumber) -> bool:
    return bool(phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE)


def _is_mobile(number: phonenumbers.PhoneNumber) -> bool:
    return phonenumbers.number_type(number) in {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}


def _without_plus(text: str, read: phonenumbers.PhoneNumber) -> phonenumbers.PhoneNumber | None:
    number = _parse(f"+{text}", None)
    if number is None or number.country_code != read.country_code or not _is_possible(number):
        return None
    return number if _is_mobile(number) or not phonenumbers.is_valid_number(read) else None
