"""Segments against the vectors, the reference and smsutil."""

from typing import Any

import pytest
import smsutil
from hypothesis import given
from hypothesis import strategies as st

from penstock._core import Segments, segments, segments_many
from tests.reference import segments as reference
from tests.unit.core.vectors import cases

GSM = reference.DEFAULT + reference.EXTENSION
PLANE = [chr(code) for code in range(0x10000) if not 0xD800 <= code <= 0xDFFF]
texts = st.one_of(st.text(max_size=400), st.text(GSM, max_size=400), st.text("a€😀ж", min_size=60, max_size=500))


def told(found: Segments) -> tuple[str, int, int]:
    """What the reference says too."""
    return found.encoding, found.units, found.parts


@pytest.mark.parametrize("case", cases("segments"), ids=lambda case: case["name"])
def test_vectors(case: dict[str, Any]) -> None:
    """Every vector counts as written."""
    found = segments(case["text"] * case["times"] + case["tail"])
    assert (*told(found), found.forcing) == (case["encoding"], case["units"], case["parts"], case["forcing"])


@given(texts)
def test_reference(text: str) -> None:
    """The core counts and names what forces UCS-2 as the reference does."""
    found = segments(text)
    assert told(found) == reference.segments(text)
    assert found.forcing == reference.forcing(text)


@given(texts.filter(lambda text: text and "\x1b" not in text))
def test_smsutil(text: str) -> None:
    """The core counts parts as smsutil does, which takes the escape for a character."""
    found = segments(text)
    split = smsutil.split(text)
    assert found.parts == len(split.parts)
    assert (found.encoding == "GSM-7") == (split.encoding == "gsm0338")


def test_every_character_of_the_basic_plane() -> None:
    """Each of the 63,488 characters travels as smsutil and the reference say, alone and behind a text of one block."""
    for character in PLANE:
        alone, behind = segments(character), segments("a" * 63 + character)
        assert told(alone) == reference.segments(character), character
        assert behind.units == 63 + alone.units, character
        if character != "\x1b":
            split = smsutil.split(character)
            assert (alone.encoding == "GSM-7") == (split.encoding == "gsm0338"), character


@pytest.mark.parametrize(("pair", "each"), [("€", 153), ("😀", 67)])
def test_no_pair_is_split(pair: str, each: int) -> None:
    """Wherever an escape or a surrogate pair falls, the parts are those of smsutil, and one more when it falls on an end."""
    for before in range(2 * each):
        text = "a" * before + pair + "a" * (2 * each - before - 2)
        parts = 3 if before % each == each - 1 else 2
        assert segments(text).parts == len(smsutil.split(text).parts) == parts, before


@given(st.lists(texts, max_size=20))
def test_many_are_each(many: list[str]) -> None:
    """Counting many texts at once gives the columns of what each gives."""
    found = segments_many(many)
    assert list(zip(found.encodings, found.units, found.parts, strict=True)) == [told(segments(text)) for text in many]


def test_what_forces_is_found_when_asked() -> None:
    """The answer names the characters though nobody else keeps the text."""
    text = "Naïve ï😀 " * 3
    found = segments(text)
    del text
    assert found.forcing == ["ï", "😀"]


def test_lone_surrogate() -> None:
    """A text that is no Unicode text is refused like any other bad value, alone and among many."""
    with pytest.raises(ValueError, match="surrogates"):
        segments("\ud800")
    with pytest.raises(ValueError, match="surrogates"):
        segments_many(["a", "\ud800"])
