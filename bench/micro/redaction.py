"""Redaction: the core, the tests' plain reference, and one compiled expression over the strings of a parsed document.

The expression knows the shapes that the core knows. Its boundaries are simpler, which only makes it faster.
"""

import re
from collections.abc import Callable
from functools import cache

import orjson

from bench.harness import Case
from penstock._core import Redactor
from tests.reference import redaction as reference

CLEAN_LINE = orjson.dumps(
    {
        "event": "batch_not_accepted",
        "level": "warning",
        "logger": "penstock.dispatch.settle",
        "time": "2026-11-22T13:24:05.123456Z",
        "request_id": "01926f3a-7b1c-7def-8abc-0123456789ab",
        "campaign_id": "01926f3a-8000-7aaa-9bbb-111122223333",
        "batch_id": 48213,
        "attempt": 3,
        "messages": 5000,
        "reason": "http_503",
        "provider": "http://127.0.0.1:8090",
        "detail": "the provider did not take the batch, it waits for 12.5 s and is tried again",
    }
)
PRIVATE_LINE = orjson.dumps(
    {
        "event": "could not tell +49 1510 0000021 about jane.doe@example.org",
        "level": "error",
        "logger": "penstock.api",
        "time": "2026-11-22T13:24:05.123456Z",
        "request_id": "01926f3a-7b1c-7def-8abc-0123456789ab",
        "authorization": "Bearer pk_0123456789abcdefghijABCDEFGHIJ_-0123456789",
        "recipient": {"phone": "+4915100000021", "text": "Your code is 1234"},
        "url": "/v1/campaigns?token=hush-hush&limit=50",
        "seconds": 0.25,
        "attempts": [1, 2, 3],
    }
)
PROSE = (
    "The provider did not take the batch of 5000 messages at 2026-11-22 13:24:05, so it waits for 12.5 s and is tried again "
    "by 127.0.0.1:8080 (attempt 3 of 7); nothing was sent, nothing is lost, and /var/lib/penstock/spool holds the answer. "
)
MEGABYTE = (PROSE * (1_000_000 // len(PROSE) + 1))[:1_000_000]
HOSTILE = ("+", "eyJ", "a@", "+1 ", "1-", "Bearer ", '{"', "\\", '"', "[", "token=", "%40", "(1")

SHAPES = re.compile(
    r"""
    (?P<phone>(?:\+|%2[Bb])[1-9][0-9]*+(?:[ \-./()]{1,3}[0-9]++){0,6}
      |\([0-9]{2,5}\)[ -]?[0-9]++(?:[ -][0-9]++){0,4}
      |(?<![\w.-])0{1,2}[1-9][0-9]{0,6}(?:[ \-./()]{1,3}[0-9]++){1,6}\b
      |(?<![\w.-])[2-9][0-9]{2}([ .-])[2-9][0-9]{2}\2[0-9]{4}\b
      |(?<![\w.-])[0-9]{1,4}(?:-[0-9]{1,8}){2,4}(?![\w-]))
    |(?P<card>\b[2-6](?:[0-9][ -]?){12,18}\b)
    |(?P<email>[A-Za-z0-9_.+%-]++(?=@[A-Za-z0-9-][A-Za-z0-9.-]*\.[A-Za-z]))
    |(?P<user>(?<=://)[^\s/?\#@]++(?=@))
    |(?P<value>(?<=[=:])(?<!::)[ ]?(?:"[^"]*"|'[^']*'|[^\s&"']++))
    |(?P<secret>\beyJ[\w-]*+\.[\w-]++\.[\w-]*+
      |\b(?:pk_|sk_|rk_|whsec_|shpat_|shpss_|gh[pousr]_|github_pat_|xox[abprs]-)[\w-]{8,}+
      |\bA[KS]IA[A-Z0-9]{16}\b
      |\b[0-9a-fA-F]{32,}+
      |\b(?=[\w-]*[a-z])(?=[\w-]*[A-Z])(?=[\w-]*[0-9])[\w-]{40,}+)
    |(?P<scheme>\b(?:[Bb]earer|[Bb]asic)[ \t]+)[A-Za-z0-9_+/.~=-]{8,}+
    """,
    re.VERBOSE | re.ASCII,
)
NAME = re.compile(r"([A-Za-z0-9_-]+)[\"']?\s?[=:]\Z")
FIELDS = frozenset(Redactor().fields)
ENDINGS = tuple(
    name for name in FIELDS if re.search("apikey|passw|key|secret|token|authorization|cookie", name) and name != "key"
)


def show(found: "re.Match[str]") -> str:
    """What stands instead of a shape."""
    text, kind = found[0], found.lastgroup
    if kind == "phone":
        digits = re.sub("[^0-9]", "", text)
        return f"{text[:3]}…{digits[-2:]}" if len(digits) >= 7 and not text.startswith(("19", "20")) else text
    if kind == "email":
        return text[0] + "***"
    if kind == "value":
        name = NAME.search(found.string, max(0, found.start() - 40), found.start())
        return "***" if name and is_private(name[1]) else text
    if kind == "card":
        return "***" if reference.passes_luhn(re.sub("[ -]", "", text)) else text
    return "***" if kind != "scheme" else found["scheme"] + "***"


@cache
def is_private(name: str) -> bool:
    """As the core compares names; remembered, because names repeat."""
    plain = name.lower().replace("-", "").replace("_", "").replace(" ", "")
    return plain in FIELDS or plain.endswith(ENDINGS)


def walk(value: object, show: Callable[["re.Match[str]"], str] = show) -> object:
    """A parsed document with everything private masked."""
    if isinstance(value, str):
        return SHAPES.sub(show, value)
    if isinstance(value, dict):
        return {name: "***" if is_private(name) else walk(item) for name, item in value.items()}
    if isinstance(value, list):
        return [walk(item) for item in value]
    return value


def by_expression(line: bytes) -> bytes:
    """Parse, mask, write."""
    return orjson.dumps(walk(orjson.loads(line)))


def by_reference(line: bytes) -> bytes:
    """The tests' plain way."""
    return orjson.dumps(reference.redact_value(orjson.loads(line)))


def of_line(name: str, line: bytes) -> Case:
    """One line of a log a call."""
    redactor = Redactor()
    for private in (b"0000021", b"jane.doe", b"hush", b"pk_", b"code is"):
        for redacted in (redactor.json(line), by_expression(line)):
            assert private not in line or private not in redacted
    return Case(
        name=f"redaction of a line of {len(line)} bytes, {name}",
        ways={
            "core": lambda: redactor.json(line),
            "reference": lambda: by_reference(line),
            "best Python": lambda: by_expression(line),
        },
        unit="lines",
        size=len(line),
        at_least={"reference": 100, "best Python": 10},
    )


def cases() -> list[Case]:
    """Lines with and without something private, much clean text, and text made to provoke."""
    redactor = Redactor()
    assert redactor.text(MEGABYTE) is MEGABYTE
    clean = Case(
        name="redaction of 1 MB of clean text",
        ways={"core": lambda: redactor.text(MEGABYTE), "best Python": lambda: SHAPES.sub(show, MEGABYTE)},
        size=len(MEGABYTE),
        at_least={"best Python": 10},
        at_least_mb_s=200,
    )
    hostile = [
        Case(
            name=f"redaction of 1 MB of {piece!r}",
            ways={"core": lambda text=text: redactor.text(text)},  # type: ignore[misc]
            size=len(text),
            at_most_ms=50,
        )
        for piece in HOSTILE
        for text in [(piece * 1_000_000)[:1_000_000]]
    ]
    return [of_line("clean", CLEAN_LINE), of_line("with private data", PRIVATE_LINE), clean, *hostile]
