"""Templates against the vectors and the reference."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock._core import CoreError, Template, TemplateError
from tests.reference import template as reference
from tests.unit.core.vectors import cases


@pytest.mark.parametrize("case", cases("template"), ids=lambda case: case["text"])
def test_vectors(case: dict[str, Any]) -> None:
    """Every vector compiles, renders or is refused as written."""
    if case["names"] is None:
        with pytest.raises(TemplateError):
            Template(case["text"])
        return
    template = Template(case["text"])
    assert list(template.names) == case["names"]
    assert template.render(case["values"]) == case["rendered"]


@given(st.text("{{}}ab Z_-.é!\n", max_size=30), st.text(max_size=5))
def test_reference(text: str, value: str) -> None:
    """The core compiles, renders and refuses as the reference does."""
    try:
        names, pieces = reference.compile_template(text)
    except reference.Refused:
        with pytest.raises(TemplateError):
            Template(text)
        return
    template = Template(text)
    values = [f"{value}{index}" for index in range(len(names))]
    assert list(template.names) == names
    assert template.render(values) == reference.render(pieces, values)


def test_number_of_values() -> None:
    """A wrong number of values is an error of its own."""
    with pytest.raises(CoreError, match="takes 1 values and was given 2"):
        Template("{a}").render(["1", "2"])


def test_many_names() -> None:
    """Thirty-two names are allowed and thirty-three are not."""
    assert len(Template("".join(f"{{n{index}}}" for index in range(32))).names) == 32
    with pytest.raises(TemplateError, match="at most 32"):
        Template("".join(f"{{n{index}}}" for index in range(33)))


def test_long_names() -> None:
    """A name has at most 64 characters."""
    assert Template("{" + "n" * 64 + "}").names == ("n" * 64,)
    with pytest.raises(TemplateError, match="longer than 64"):
        Template("{" + "n" * 65 + "}")
