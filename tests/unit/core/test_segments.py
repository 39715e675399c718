"""Segments against the vectors, the reference and smsutil."""

from typing import Any

import pytest
import smsutil
from hypothesis import given
from hypothesis import strategies as st

from penstock._core import segments
from tests.reference import segments as reference
from tests.unit.core.vectors import cases

GSM = reference.DEFAULT + reference.EXTENSION
texts = st.one_of(st.text(max_size=400), st.text(GSM, max_size=400), st.text("a€😀ж", min_size=60, max_size=500))


@pytest.mark.parametrize("case", cases("segments"), ids=lambda case: case["name"])
def test_vectors(case: dict[str, Any]) -> None:
    """Every vector counts as written."""
    found = segments(case["text"] * case["times"] + case["tail"])
    assert (found.encoding, found.units, found.parts) == (case["encoding"], case["units"], case["parts"])


@given(texts)
def test_reference(text: str) -> None:
    """The core counts as the reference does."""
    found = segments(text)
    assert (found.encoding, found.units, found.parts) == reference.segments(text)


@given(texts.filter(lambda text: text and "\x1b" not in text))
def test_smsutil(text: str) -> None:
    """The core counts parts as smsutil does, which takes the escape for a character."""
    found = segments(text)
    split = smsutil.split(text)
    assert found.parts == len(split.parts)
    assert (found.encoding == "GSM-7") == (split.encoding == "gsm0338")


def test_lone_surrogate() -> None:
    """A text that is no Unicode text is refused like any other bad value."""
    with pytest.raises(ValueError, match="surrogates"):
        segments("\ud800")
