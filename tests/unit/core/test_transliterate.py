"""Transliteration against the vectors, the reference and what Unicode says of every character."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock._core import Transliteration, segments, transliterate
from tests.reference import segments as alphabet
from tests.reference import transliterate as reference
from tests.unit.core.vectors import cases

REPLACEABLE = "“”„’–…\u00a0\u200b\t`çáłőǖếΑΏIﬃ"
texts = st.one_of(
    st.text(max_size=100),
    st.text(alphabet.DEFAULT + REPLACEABLE, max_size=300),
    st.text("aeouAΑл“=1\u0301\u0308\u0327\u0338\u0345", max_size=30),
    st.text("…a", min_size=60, max_size=150),
)


def told(found: Transliteration) -> reference.Transliteration:
    """What the reference says too."""
    return reference.Transliteration(found.text, found.outcome, found.changes, found.left)


@pytest.mark.parametrize("case", cases("transliterate"), ids=lambda case: case["name"])
def test_vectors(case: dict[str, Any]) -> None:
    """Every vector becomes what is written."""
    found = transliterate(case["text"] * case["times"])
    changes = [tuple(change) for change in case["changes"]]
    assert told(found) == (case["written"] * case["times"], case["outcome"], changes, case["left"])
    assert found.parts_saved == case["parts_saved"]


@given(texts)
def test_reference(text: str) -> None:
    """The core replaces, counts and refuses as the reference does."""
    assert told(transliterate(text)) == reference.transliterate(text)


def test_every_character_of_the_basic_plane() -> None:
    """The table has exactly the characters that Unicode's decompositions and the short lists give, with their replacements."""
    for code in range(0x10000):
        if not 0xD800 <= code <= 0xDFFF:
            assert told(transliterate(chr(code))) == reference.transliterate(chr(code)), hex(code)


@given(texts)
def test_a_change_is_a_gain(text: str) -> None:
    """A text either stays as it is or becomes GSM-7 in no more parts, and doing it again changes nothing."""
    found = transliterate(text)
    before, after = segments(text), segments(found.text)
    assert (found.before.parts, found.before.forcing) == (before.parts, before.forcing)
    assert (found.after.encoding, found.after.units, found.after.parts) == (after.encoding, after.units, after.parts)
    assert found.parts_saved == before.parts - after.parts >= 0
    assert (found.text != text) == (found.outcome == "replaced") == (before.encoding != after.encoding)
    assert transliterate(found.text).text == found.text


@given(st.text(alphabet.DEFAULT + alphabet.EXTENSION))
def test_gsm_texts_never_change(text: str) -> None:
    """A text of the alphabets stays as it is."""
    assert told(transliterate(text)) == (text, "unneeded", [], [])
