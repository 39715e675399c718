"""Phone numbers by phonenumberslite, under the core's rule of what is acceptable."""

import phonenumbers
from phonenumbers import ValidationResult


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
    if text[:1].isdecimal() and not phonenumbers.is_valid_number(number):
        international = _parse(f"+{text}", None)
        if international and international.country_code == number.country_code and _is_possible(international):
            number = international
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
