"""What a campaign may look like, decided without waiting."""

import pytest

from penstock.domain.errors import InvalidValueError
from penstock.ingest.control import Plan, check_regions, check_sender, check_text


@pytest.mark.parametrize("sender", ["abc", "MITTO SMS", "Shop-24", "1a2", "A" * 11, "123", "4915100000000", "0" * 14, "a!~"])
def test_acceptable_senders(sender: str) -> None:
    """Names with a letter and plain digits pass."""
    check_sender(sender)


@pytest.mark.parametrize(
    "sender",
    ["", "ab", "12", "A" * 12, "1" * 15, "+49151", "---", "Ünï", "a\nb", "abc\n", " abc", "abc ", "12 34", "a\tb", "١٢٣٤"],
)
def test_senders_that_would_be_refused(sender: str) -> None:
    """Everything else is refused here, not by the provider after acceptance."""
    with pytest.raises(InvalidValueError) as caught:
        check_sender(sender)
    assert caught.value.pointer == "/from"


@pytest.mark.parametrize(
    ("text", "parts"), [("a" * 160, 1), ("a" * 306, 2), ("ü" * 160, 1), ("✓" * 70, 1), ("{name}", 1), ("{{x}}", 1)]
)
def test_texts_that_fit(text: str, parts: int) -> None:
    """A text without placeholders must fit; one with placeholders is judged for each recipient."""
    check_text(text, parts)


@pytest.mark.parametrize(("text", "parts"), [("a" * 161, 1), ("✓" * 71, 1), ("{", 10), ("}", 10), ("{}", 10), ("{a{b}}", 10)])
def test_texts_that_can_never_be_sent(text: str, parts: int) -> None:
    """A text that cannot be compiled, or is too long for every recipient, is refused at once."""
    with pytest.raises(InvalidValueError) as caught:
        check_text(text, parts)
    assert caught.value.pointer == "/text"


@pytest.mark.parametrize(
    ("region", "countries", "pointer"), [("XX", None, "/default_region"), (None, ["DE", "XX"], "/countries")]
)
def test_regions_must_exist(region: str | None, countries: list[str] | None, pointer: str) -> None:
    """A code that no numbering plan knows is refused, and the field is named."""
    check_regions(Plan(name="n", text="t", sender="Shop", default_region="DE", countries=["GR", "DE"]))
    with pytest.raises(InvalidValueError) as caught:
        check_regions(Plan(name="n", text="t", sender="Shop", default_region=region, countries=countries))
    assert caught.value.pointer == pointer
