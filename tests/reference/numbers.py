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
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if number.national_number == 0 or (number.number_of_leading_zeros or 0) >= 10:
        return None
    if number.extension or phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return None
    digits = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]
    return int(digits) if len(digits) <= 15 else None
