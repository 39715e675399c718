import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.redact import MASK, PRIVATE_FIELDS, Secret, redact_event, redact_text

PRIVATE = [
    "+4915100000000",
    "+49 151 000 00000",
    "+49 (151) 000-00000",
    "pk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "Bearer abcdefgh12345678",
    "bearer abcdefgh12345678",
    "token=hush-hush",
    "secret=hush-hush",
    "api_key=hush-hush",
    "password=hush-hush",
]


@pytest.mark.parametrize("private", PRIVATE)
@pytest.mark.parametrize("around", ["{}", "before {} after", "x={},y", '{{"a":"{}"}}', "/path?{}&b=1"])
def test_private_texts_are_masked_wherever_they_stand(private: str, around: str) -> None:
    """A number, key or credential inside any text is replaced, and the text around it stays."""
    masked = redact_text(around.format(private))
    assert private not in masked
    assert "15100000000" not in masked
    assert "hush" not in masked
    assert MASK in masked


@pytest.mark.parametrize("text", ["", "batch 17 settled", "2026-01-01T00:00:00+00:00", "id 4915100000000", "a+b=c"])
def test_other_texts_stay(text: str) -> None:
    """Ids, times and plain words are left as they are."""
    assert redact_text(text) == text


@pytest.mark.parametrize("name", sorted(PRIVATE_FIELDS))
@pytest.mark.parametrize("value", ["canary", 4915100000000, ["canary"], {"a": "canary"}, None])
def test_private_fields_are_masked_whole(name: str, value: object) -> None:
    """A field whose name says that it is private shows nothing, whatever its type, case and depth."""
    assert redact_event({name: value}) == {name: MASK}
    assert redact_event({"outer": {name.upper(): value}}) == {"outer": {name.upper(): MASK}}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(PRIVATE) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "phone"]), inner, max_size=3),
)


@given(st.dictionaries(st.sampled_from(["event", "detail", "to"]), JSON))
def test_nothing_private_survives_any_nesting(event: dict[str, Any]) -> None:
    """However a value is nested, none of the marked texts is in the result."""
    shown = repr(redact_event(event))
    assert not [private for private in PRIVATE if private in shown]


@given(st.text())
def test_masking_is_done_once(text: str) -> None:
    """Masking a masked text changes nothing."""
    assert redact_text(redact_text(text)) == redact_text(text)


@pytest.mark.parametrize("hostile", ["+" + "1 " * 50_000, "+1" * 50_000, "pk_" * 30_000, "bearer " * 15_000, "token=" * 20_000])
def test_hostile_text_stays_linear(hostile: str) -> None:
    """A hundred thousand characters made to provoke the patterns take a moment, not minutes."""
    began = time.perf_counter()
    redact_text(hostile)
    assert time.perf_counter() - began < 1


def test_secret_is_read_only_by_name() -> None:
    """A secret prints as a mask in every form, compares by content and gives itself up to `reveal` alone."""
    secret = Secret("canary")
    assert {str(secret), repr(secret), f"{secret}", f"{secret!r}"} == {MASK}
    assert secret.reveal() == "canary"
    assert secret == Secret("canary")
    assert secret != Secret("other")
    assert len({secret, Secret("canary")}) == 1
