"""The table of errors is complete, and its rendering gives nothing away."""

import inspect
import json
from collections.abc import Iterator

import pytest
from aiohttp import web

from penstock.api.problems import INTERNAL, TABLE, kept, render, row_of
from penstock.domain.errors import GatewayError, InvalidValueError, StateConflictError, UnavailableError


def every_error(root: type[GatewayError]) -> Iterator[type[GatewayError]]:
    """All subclasses, however deep."""
    for kind in root.__subclasses__():
        yield kind
        yield from every_error(kind)


def test_every_error_has_a_row() -> None:
    """A new rule does not ship without its status, level and title."""
    assert set(every_error(GatewayError)) == set(TABLE)
    assert len({row.code for row in TABLE.values()}) == len(TABLE)
    assert all(row.title and 400 <= row.status < 600 for row in TABLE.values())


@pytest.mark.parametrize("error", [RuntimeError("x"), ValueError("x"), web.HTTPInternalServerError(), KeyError("x")])
def test_anything_else_is_internal(error: Exception) -> None:
    """What nobody foresaw is a 500."""
    assert row_of(error) is INTERNAL


@pytest.mark.parametrize("kind", TABLE, ids=lambda kind: kind.__name__)
def test_only_what_stays_so_is_kept(kind: type[GatewayError]) -> None:
    """A refusal is kept under its Idempotency-Key, but for what may end differently a moment later: never a 429 or a 5xx."""
    waits = {"retry_after_s": 1} if "retry_after_s" in inspect.signature(kind).parameters else {}
    row, answer = TABLE[kind], kept(kind("No.", **waits), "r")
    assert (answer is None) == (row.is_retryable or row.status >= 500)
    assert answer is None or answer.status not in {429, *range(500, 600)}


def test_detail_is_redacted() -> None:
    """A number that slipped into an error's text does not leave."""
    body = json.loads(bytes(render(StateConflictError("about +49 151 00000000 and pk_abcdefgh123"), "r").body))  # type: ignore[arg-type]
    assert "00000000" not in body["detail"]
    assert "pk_abc" not in body["detail"]


def test_pointer_and_retry() -> None:
    """A field's error carries its pointer; an outage says when to come back."""
    body = json.loads(bytes(render(InvalidValueError("No.", pointer="/a/0"), "r").body))  # type: ignore[arg-type]
    assert body["errors"] == [{"pointer": "/a/0", "detail": "No."}]
    assert render(UnavailableError("Away.", retry_after_s=7), "r").headers["Retry-After"] == "7"
