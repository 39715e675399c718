"""The redactor alone between careless log calls and the sink."""

import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import pytest
import structlog

from penstock.telemetry.logs import configure

MARK = "magpie"
PHONE = "+4915177700123"
DIGITS = "15177700"
KEY = f"pk_{MARK}_0123456789"
EMAIL = f"{MARK}.jane@example.org"
TEXT = f"Hello {MARK}, your code is 1234"
LEAKS = re.compile(rf"{MARK}|{DIGITS}|is 1234", re.IGNORECASE)

Lines = Callable[[], list[dict[str, Any]]]
log = structlog.stdlib.get_logger("penstock.careless")


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Logging into memory, and what came of it; the machine's own logging is put back afterwards."""
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers[:], root.level
    configure(stream, private_fields=["shoe_size"])

    def read() -> list[dict[str, Any]]:
        assert LEAKS.findall(stream.getvalue()) == []
        return [json.loads(line) for line in stream.getvalue().splitlines()]

    yield read
    configure()
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


class Message(msgspec.Struct):
    """A struct that prints what it holds."""

    to: str
    text: str


@dataclass
class Person:
    """A dataclass that prints what it holds."""

    email: str
    phone: int


class Row(NamedTuple):
    """A tuple with names."""

    msisdn: int
    body: str


class Kind(StrEnum):
    """A text with a name."""

    NUMBER = PHONE


class Plain(Enum):
    """A member with a private value."""

    NUMBER = PHONE


class Unprintable:
    """Quotes private data where it should print itself."""

    def __str__(self) -> str:
        raise ValueError(TEXT + PHONE)


EVERYTHING: dict[str, object] = {
    "phone": PHONE, "to": [PHONE, {"deep": TEXT}], "text": TEXT, "body": TEXT.encode(), "apiKey": KEY, "Authorization": KEY,
    "X-Webhook-Secret": MARK, "client_secret": MARK, "set-cookie": f"s={MARK}", "msisdn": 4915177700123, "shoeSize": MARK,
    "note": f"could not tell {PHONE} ({EMAIL}) with {KEY}", "url": f"https://{MARK}:{MARK}@db/x?token={MARK}&to={PHONE[1:]}",
    "header": f"Bearer {MARK}-0123456789", "message": Message(PHONE, TEXT), "person": Person(EMAIL, 4915177700123),
    "proxy": MappingProxyType({"text": TEXT}), "set": {PHONE}, "tuple": (PHONE, EMAIL), "kind": Kind.NUMBER,
    "plain": Plain.NUMBER, "path": Path(f"/opt-outs/{PHONE}"), "error": ValueError(f"bad {PHONE}", {"text": TEXT}),
    "raw": json.dumps({"phone": PHONE, "text": TEXT}), "raw_bytes": json.dumps({"phone": PHONE, "text": TEXT}).encode(),
    "detail": "DETAIL:  Key (tenant_id, msisdn)=(1, 4915177700123) already exists.", "escaped": f'a\n{PHONE}\t"{EMAIL}"',
    "keys": {17: PHONE, UUID(int=5): EMAIL}, "row": {"text": Row(4915177700123, TEXT)}, PHONE: 1, EMAIL: 2,
}  # fmt: skip


@pytest.mark.parametrize("get_logger", [structlog.stdlib.get_logger, logging.getLogger])
def test_everything_handed_in_is_masked(lines: Lines, get_logger: Callable[[str], Any]) -> None:
    """Fields of every kind, formatted texts, and the arguments of a library's call: nothing of them is printed."""
    logger = get_logger("any")
    if isinstance(logger, logging.Logger):
        logger.info("sent %s to %s as %r", KEY, PHONE, EVERYTHING)
        logger.warning("sent", extra=dict.fromkeys(["phone_number", "body"], TEXT))
    else:
        logger.info("sent", **EVERYTHING)
        error, person, raw = EVERYTHING["error"], EVERYTHING["person"], EVERYTHING["raw"]
        logger.info(f"sent {raw} to {PHONE}: {Message(PHONE, TEXT)} {person} {error!r}")  # noqa: G004 - careless on purpose
        logger.bind(phone=PHONE, everything=[EVERYTHING]).error("failed")
    told = lines()
    assert len(told) >= 2
    assert not [line for line in told if line["event"] == "log_line_lost"]


def test_each_thing_alone_is_masked_and_the_rest_is_told(lines: Lines) -> None:
    """Nothing but what is private is taken from a line."""
    for name, value in EVERYTHING.items():
        log.info(
            "sent",
            **{name: value},
            batch=17,
            campaign=UUID(int=7),
            at=datetime(2026, 11, 22, 13, 24, 5, tzinfo=UTC),
            share=Decimal("0.5"),
        )
    told = lines()
    assert len(told) == len(EVERYTHING)
    for line in told:
        assert (line["event"], line["batch"], line["campaign"], line["share"]) == ("sent", 17, str(UUID(int=7)), "0.5")
        assert line["at"] == "2026-11-22T13:24:05+00:00"


def fail_twice() -> None:
    """Raise an error whose cause is another; both quote data."""
    cause = KeyError(PHONE)
    raise RuntimeError(TEXT) from cause


def test_errors_with_texts_are_told_by_place(lines: Lines) -> None:
    """An exception whose text and cause quote data is told by kind and place, in tracebacks and as a value."""
    try:
        fail_twice()
    except RuntimeError as error:
        log.exception("failed", error=error)
    (line,) = lines()
    assert "RuntimeError at" in line["exception"]
    assert "caused by KeyError" in line["exception"]


@pytest.mark.parametrize(
    "value",
    [Unprintable(), {"deep": [Unprintable()]}, 1 << 80, "\ud800" + PHONE, {(1, PHONE): TEXT}],
    ids=["unprintable", "deep", "huge", "surrogate", "key"],
)
def test_what_cannot_be_rendered_is_a_line_that_says_so(lines: Lines, value: object) -> None:
    """The call that hands it in is not disturbed, and its line tells where it came from and nothing of what it said."""
    log.error("failed", value=value, text=TEXT)
    log.info("goes_on")
    lost, after = lines()
    assert after["event"] == "goes_on"
    assert lost["event"] == "log_line_lost"
    assert (lost["level"], lost["place"].rpartition(":")[0]) == ("error", "test_careless_logs")


def test_a_call_with_wrong_arguments_is_a_line_that_says_so(lines: Lines, capsys: pytest.CaptureFixture[str]) -> None:
    """A library's call whose arguments do not fit its text is not printed to standard error with all of them."""
    record = logging.LogRecord("library", logging.WARNING, "library.py", 1, "sent %d to %s", (PHONE, TEXT, EMAIL), None)
    logging.getLogger().handlers[0].handle(record)  # not through the logger: pytest's own sink is there too, and raises
    (line,) = lines()
    assert (line["event"], line["reason"]) == ("log_line_lost", "TypeError")
    assert capsys.readouterr() == ("", "")


class Full(io.StringIO):
    """A pipe whose reader is gone."""

    def write(self, text: str) -> int:
        """Fail like such a pipe."""
        raise BrokenPipeError(text)


def test_a_sink_that_cannot_be_written_disturbs_nobody(lines: Lines, capsys: pytest.CaptureFixture[str]) -> None:
    """The line is dropped: neither an exception nor a copy of it on standard error."""
    logging.getLogger().handlers[0].setStream(Full())  # type: ignore[attr-defined]
    log.info("sent", note="anything")
    assert lines() == []
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["password", "text", "to"])
def test_a_field_bound_far_away_is_masked(lines: Lines, name: str) -> None:
    """What was bound to the context of a task is masked like what is handed in."""
    with structlog.contextvars.bound_contextvars(**{name: TEXT}):
        log.info("sent")
    (line,) = lines()
    assert line[name] == "***"
