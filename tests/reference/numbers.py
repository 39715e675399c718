"""Phone numbers by phonenumberslite, under the core's rule of what is acceptable."""

import phonenumbers
from phonenumbers import PhoneNumberType, ValidationResult


def read_number(text: str, region: str | None) -> int | None:
    """The digits of the E.164 form of a possible number."""
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
    if number.extension or not _is_possible(number):
        return None
    digits = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]
    return int(digits) if len(digits) <= 15 else None


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
