"""What a client repeats, and how long it waits."""

import aiohttp
import pytest

from penstock.client import ProblemError, Retries
from penstock.client.retry import is_worth_repeating, may_be_repeated


@pytest.mark.parametrize(
    ("method", "headers", "may"),
    [("GET", {}, True), ("POST", {}, False), ("POST", {"Idempotency-Key": "a"}, True), ("DELETE", {}, False)],
)
def test_only_what_cannot_happen_twice_is_repeated(method: str, headers: dict[str, str], may: bool) -> None:  # noqa: FBT001
    """A POST without a key is never repeated."""
    assert may_be_repeated(method, headers) == may


@pytest.mark.parametrize(
    ("error", "is_worth"),
    [
        (ProblemError(status=503, code="unavailable", detail="", request_id=""), True),
        (ProblemError(status=409, code="request_in_progress", detail="", request_id="", retryable=True), True),
        (ProblemError(status=409, code="state_conflict", detail="", request_id=""), False),
        (ProblemError(status=422, code="invalid_value", detail="", request_id=""), False),
        (ProblemError(status=500, code="internal_error", detail="", request_id=""), False),
        (aiohttp.ServerDisconnectedError(), True),
        (TimeoutError(), True),
        (ValueError(), False),
    ],
)
def test_only_what_may_end_differently_is_repeated(error: Exception, is_worth: bool) -> None:  # noqa: FBT001
    """A final refusal is not asked for again."""
    assert is_worth_repeating(error) == is_worth


def test_pauses_grow_and_are_bounded() -> None:
    """Twice as long each time, spread by chance, never past the bound."""
    retries = Retries()
    assert [retries.pause_s(tried, None, 1.0) for tried in range(1, 7)] == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]
    assert retries.pause_s(3, None, 0.0) == 1.0


@pytest.mark.parametrize(("given", "pause"), [("0", 0.0), ("3", 3.0), ("900", 60.0), ("soon", 0.25), ("²", 0.25)])
def test_the_gateway_names_the_pause(given: str, pause: float) -> None:
    """A readable Retry-After counts, up to a minute; anything else is no pause of its own."""
    assert Retries().pause_s(1, given, 0.0) == pause
