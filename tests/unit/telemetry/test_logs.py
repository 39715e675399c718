import io
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
import structlog

from penstock.redact import Secret
from penstock.telemetry.logs import configure

PHONE, KEY, TEXT = "+4915100000000", "pk_canaryAAAAAAAAAAAAAAAAAAAAAAA", "canary text of a message"

Read = Callable[[], list[dict[str, Any]]]


@dataclass
class Holder:
    """A foreign object that prints what it holds."""

    phone: str


@pytest.fixture
def read() -> Iterator[Read]:
    """Logging into memory, and what came of it; the machine's own logging is put back afterwards."""
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers[:], root.level
    configure(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_a_line_is_one_json_object(read: Read) -> None:
    """Each event is one line with its name, level, logger, time and fields."""
    structlog.stdlib.get_logger("penstock.test").info("batch_sent", messages=5, campaign=UUID(int=7))
    (line,) = read()
    assert line.pop("time").endswith("Z")
    assert line == {
        "event": "batch_sent", "level": "info", "logger": "penstock.test", "messages": 5, "campaign": str(UUID(int=7)),
    }  # fmt: skip


@pytest.mark.parametrize(
    "fields",
    [{"phone": PHONE}, {"text": TEXT}, {"to": [PHONE]}, {"detail": f"failed for {PHONE}"}, {"a": {"b": [f"x {PHONE}"]}},
     {"error": ValueError(f"bad {PHONE}")}, {"holder": Holder(PHONE)}, {"numbers": {PHONE}}, {"raw": PHONE.encode()},
     {"url": f"/x?token={KEY}"}, {"key": KEY}, {"header": f"Bearer {KEY}"}, {"secret_value": Secret(KEY)}, {"found": KEY},
     {"list": [ValueError(PHONE), Holder(PHONE)]}],
)  # fmt: skip
def test_marked_values_never_reach_a_line(read: Read, fields: dict[str, object]) -> None:
    """A number, a text or a key is masked in whatever field and object it arrives."""
    structlog.stdlib.get_logger("penstock.test").warning("canary_check", **fields)
    shown = json.dumps(read())
    assert not [canary for canary in (PHONE, PHONE[1:], KEY, TEXT) if canary in shown]


def test_records_of_libraries_go_through_the_same_chain(read: Read) -> None:
    """A library's plain log call becomes JSON and is masked like ours."""
    logging.getLogger("library").warning("could not reach %s with %s", PHONE, KEY)
    (line,) = read()
    assert (line["logger"], line["level"]) == ("library", "warning")
    assert PHONE not in line["event"]
    assert KEY not in line["event"]


def fail_twice() -> None:
    """Raise an error whose cause is another; both quote data."""
    cause = KeyError(PHONE)
    raise ValueError(TEXT) from cause


@pytest.mark.parametrize("get_logger", [logging.getLogger, structlog.stdlib.get_logger])
def test_tracebacks_carry_places_and_kinds_but_no_values(read: Read, get_logger: Callable[[str], Any]) -> None:
    """Of an exception and its causes the kinds and lines are told, never their texts, which may quote data."""
    try:
        fail_twice()
    except ValueError:
        get_logger("any").error("failed", exc_info=True)
    (line,) = read()
    assert "ValueError at" in line["exception"]
    assert "caused by KeyError" in line["exception"]
    assert not [canary for canary in (PHONE, PHONE[1:], TEXT) if canary in json.dumps(line)]


def test_errors_in_a_group_are_told_by_kind(read: Read) -> None:
    """A group names the kinds of what is in it, because that is what happened."""
    structlog.stdlib.get_logger("ours").error("failed", exc_info=ExceptionGroup("both", [ValueError(TEXT), KeyError(PHONE)]))
    (line,) = read()
    assert "ValueError" in line["exception"]
    assert "KeyError" in line["exception"]
    assert TEXT not in json.dumps(line)


def test_the_access_log_is_off(read: Read) -> None:
    """The framework's access log, which repeats paths and queries, writes nothing."""
    logging.getLogger("aiohttp.access").info("GET /x?token=%s", KEY)
    assert read() == []


def test_debug_is_not_written_by_default(read: Read) -> None:
    """Only what is at least information is written."""
    structlog.stdlib.get_logger("ours").debug("detail")
    logging.getLogger("library").debug("detail")
    assert read() == []
