"""Numbers as opt-outs accept them."""

import pytest

from penstock.domain.errors import InvalidValueError
from penstock.ingest.opt_outs import read_numbers


def test_numbers_come_out_sorted_and_once() -> None:
    """Repeats collapse, so that counting what was new is right."""
    assert read_numbers(["+4915100000002", "+4915100000001", "+4915100000002"]) == [4915100000001, 4915100000002]


@pytest.mark.parametrize(
    "text", ["", "+", "49151000000", "+0491510000", "+49 151 0000", "+491510", "+" + "9" * 16, "+4915100000000\n", "+४९१५१०००"]
)
def test_anything_else_is_refused_by_its_place(text: str) -> None:
    """The error names the place in the list, never the text."""
    with pytest.raises(InvalidValueError) as caught:
        read_numbers(["+4915100000001", text])
    assert caught.value.pointer == "/numbers/1"
    assert "4915" not in caught.value.detail
