import pytest

from penstock.domain import errors
from penstock.domain.errors import GatewayError, LimitReachedError, UnavailableError

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, GatewayError)]
NEEDED = {LimitReachedError: {"retry_after_s": 1}}
"""What an error cannot be made without."""


def test_codes_are_distinct() -> None:
    """Each kind of error has a code of its own."""
    assert len({kind.code for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_says_what_and_where(kind: type[GatewayError]) -> None:
    """Every kind has a title, and carries what happened this time."""
    assert kind.__doc__
    error = kind("the detail", **NEEDED.get(kind, {}))
    assert (error.detail, str(error), error.pointer) == ("the detail", "the detail", None)


def test_unavailable_says_when_to_come_back() -> None:
    """A dependency that is away comes with a time to wait."""
    assert UnavailableError("gone").retry_after_s == 1
