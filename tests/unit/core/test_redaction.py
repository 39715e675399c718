"""The redactor against vectors, its plain reference, planted secrets and time."""

import json
import time
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from penstock._core import Redactor
from tests.reference import redaction as reference
from tests.unit.core.private import ANYWHERE, AS_WORDS, NOISE, PARTING, Planted, planted, planted_json
from tests.unit.core.vectors import FOLDER

EXTRA = ["Tax-Id"]
REDACTOR = Redactor(EXTRA)
DOCUMENT = json.loads((FOLDER / "redaction.json").read_text(encoding="utf-8"))
TEXTS = [case for case in DOCUMENT["cases"] if "text" in case]
DOCUMENTS = [case for case in DOCUMENT["cases"] if "json" in case]

MARKS = [
    "+", "(", ")", "-", ".", "/", ":", "=", "==", "=>", "@", "%40", "%2B", "://", "eyJ", "pk_", "Bearer", "basic", "token",
    "text", "to", "key", "cookie", "'", '"', "\\", "\\n", "[", "]", "{", "}", "&", "?", "b'", "*", "+49…21", "015…21", "(65…00",
    "***", "650-", "555-", "0100", "49", "1 ", "\u00a0", "\u2011", "\t", "\n",
]  # fmt: skip
pieces = st.one_of(
    st.sampled_from([secret.text for secret in [*ANYWHERE, *AS_WORDS]]),
    st.sampled_from([*NOISE, *PARTING]),
    st.sampled_from(MARKS),
    st.text(max_size=3),
)
texts = st.lists(pieces, max_size=12).map("".join)


def traces_in(shown: str, traces: Iterable[str]) -> list[str]:
    """What of these is still to be seen."""
    return [trace for trace in traces if trace.lower() in shown.lower()]


@pytest.mark.parametrize("case", TEXTS, ids=lambda case: case["text"][:40])
def test_text_vectors(case: dict[str, Any]) -> None:
    """Every text goes or stays as the vectors say, for the core and for the reference, and what is masked stays so."""
    assert REDACTOR.text(case["text"]) == case["redacted"]
    assert reference.redact_text(case["text"], EXTRA) == case["redacted"]
    assert REDACTOR.text(case["redacted"]) == case["redacted"]


@pytest.mark.parametrize("case", DOCUMENTS, ids=lambda case: case["json"][:40])
def test_json_vectors(case: dict[str, Any]) -> None:
    """Every document is what the vectors say."""
    assert REDACTOR.json(case["json"].encode()).decode() == case["redacted"]


def test_header_vectors() -> None:
    """Private headers are masked whole, others like texts, and pairs of any iterable are taken."""
    pairs = [(name, value) for name, value in DOCUMENT["headers"]]
    assert [list(pair) for pair in REDACTOR.headers(iter(pairs))] == DOCUMENT["redacted_headers"]


@settings(max_examples=1500)
@given(texts)
@example("token=4111 1111 1111 1111%2B")
@example("+49 151 0000021@example.org")
@example("0151-0000-***")
def test_texts_are_what_the_reference_says(text: str) -> None:
    """The core masks what the plain rules mask, and masking it again changes nothing."""
    redacted = REDACTOR.text(text)
    assert redacted == reference.redact_text(text, EXTRA)
    assert REDACTOR.text(redacted) == redacted


@given(planted())
def test_no_planted_secret_survives_in_a_text(secret: Planted) -> None:
    """Whatever stands around it, nothing of a secret is left."""
    assert traces_in(REDACTOR.text(secret.text), secret.traces) == []


@settings(max_examples=400)
@given(planted_json())
def test_no_planted_secret_survives_in_json(made: tuple[str, tuple[str, ...]]) -> None:
    """Nor in JSON, at any depth, in names and values, however its characters are escaped."""
    document, traces = made
    redacted = json.loads(REDACTOR.json(document.encode()))
    assert traces_in(json.dumps(redacted, ensure_ascii=False), traces) == []


@given(planted_json(), st.data())
def test_no_planted_secret_survives_in_broken_json(made: tuple[str, tuple[str, ...]], data: st.DataObject) -> None:
    """What is no JSON is a text, and the escapes that are none there hide nothing."""
    document, traces = made
    redacted = REDACTOR.json((document + data.draw(st.sampled_from([",", "]", "x", "\x00"]))).encode()).decode()
    assert traces_in(redacted.replace("\\", ""), traces) == []


@given(planted(), st.sampled_from(["X-Note", "accept", "Location"]))
def test_no_planted_secret_survives_in_headers(secret: Planted, name: str) -> None:
    """Nor in a header's name or value, whatever the header is called."""
    shown = REDACTOR.headers([(name, secret.text), (secret.text, "x"), ("Authorization", secret.text)])
    assert traces_in(repr(shown), secret.traces) == []


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["a", "to", "api_Key", "Text", "n"]) | texts, inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=400)
@given(values, st.booleans(), st.sampled_from([None, 1]))
def test_documents_are_what_the_reference_says(value: object, is_ascii: bool, indent: int | None) -> None:  # noqa: FBT001
    """A document keeps its shape and every value that is not private, however it is written."""
    document = json.dumps(value, ensure_ascii=is_ascii, indent=indent).encode()
    redacted = REDACTOR.json(document)
    assert json.loads(redacted) == reference.redact_value(value, EXTRA)
    assert REDACTOR.json(redacted) == redacted
    if json.loads(redacted) == value:
        assert redacted is document


@given(st.one_of(values.map(json.dumps), texts), st.integers(0, 40), st.sampled_from([b"", b" ", b"\xff", b"]", b"1", b'"']))
def test_json_stays_json_and_other_bytes_do_not_become_any(text: str, cut: int, tail: bytes) -> None:
    """What comes out is a document exactly if one went in, and never an exception."""
    for given_bytes in (text.encode() + tail, text.encode()[cut:] + tail):
        redacted = REDACTOR.json(given_bytes)
        assert reference.is_json(redacted) == reference.is_json(given_bytes)


STAYING = st.one_of(
    st.datetimes().map(lambda moment: moment.isoformat(" ")),
    st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat()),
    st.uuids().map(str),
    st.integers(-(10**11), 10**11).map(str),
    st.integers(0, 10**11).map("{:,}".format),
    st.floats(allow_nan=False, min_value=-1e12, max_value=1e12).map(repr),
    st.ip_addresses().map(str),
    st.tuples(st.ip_addresses(v=4), st.integers(1, 65535)).map(lambda pair: f"{pair[0]}:{pair[1]}"),
    st.from_regex(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", fullmatch=True),
    st.from_regex(r"[0-9a-f]{1,31}", fullmatch=True).filter(lambda text: not text.isdigit()),
    st.from_regex(r"v?[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(-rc\.[0-9])?", fullmatch=True),
    st.from_regex(r"(/[a-z]{1,9}){1,6}/[a-z]{1,9}\.(py|sql|json)", fullmatch=True),
    st.from_regex(r"[a-z_]{1,12}(\.[a-z_]{1,12}){1,4}:[0-9]{1,4}", fullmatch=True),
    st.from_regex(r"penstock_[a-z]{1,12}_(total|seconds|bytes)", fullmatch=True),
    st.from_regex(r"[0-9]{1,3}(\.[0-9])?( ms|ms|s|%| %|h)", fullmatch=True),
)


@settings(max_examples=500)
@given(st.lists(STAYING, min_size=1, max_size=8).map(", ".join))
def test_what_operators_need_stays(text: str) -> None:
    """Times, ids, counters, prices, versions, addresses, paths and frames are never touched."""
    assert REDACTOR.text(text) is text


def test_nothing_to_mask_costs_no_copy() -> None:
    """Text and document come back as the very objects that they were."""
    text, document = "batch 17 settled" * 5000, b'{"event": "batch_sent", "messages": 5000}'
    assert REDACTOR.text(text) is text
    assert REDACTOR.json(document) is document


def test_lone_surrogates_are_no_obstacle() -> None:
    """A text that has no UTF-8, as Python makes them of foreign bytes, is masked all the same."""
    assert REDACTOR.text("\udcff +4915100000021").lstrip("\ufffd") == " +49…21"
    ((name, value),) = REDACTOR.headers([("X-\udcff", "\ud800 a@example.org")])
    assert (name.rstrip("\ufffd"), value.lstrip("\ufffd")) == ("X-", " a***@example.org")


def test_extra_fields_are_named_like_the_usual_ones() -> None:
    """Extra names are private in every spelling and only in the redactor that was given them."""
    document = b'{"tax_id": 1, "taxId": 2, "TAX ID": 3, "tax": 4}'
    assert json.loads(REDACTOR.json(document)) == {"tax_id": "***", "taxId": "***", "TAX ID": "***", "tax": 4}
    assert Redactor().json(document) is document
    assert set(REDACTOR.fields) - set(Redactor(["", "--"]).fields) == {"taxid"}


HOSTILE = [
    *(chr(code) for code in range(32, 127)), "\n", "é", "…", "eyJ", "eyJ-", "eyJ.", "eyJa.b ", "a@", "@a.", "a@b", "a.b@",
    "a%40", "%40", "%2B1", "+1 ", "+1-", "+49151000000x", "1-", "1 ", "01 ", "01-", "0151 ", "-0151-0000000", "(1", "(12)",
    "(123) ",
    "4111 ", "4111-", "650-555-", "2026-11-22 ", "13:24:05 ", "Bearer ", "basic ", "basic a", "pk_", "pk_-", "xox", "AKIA",
    "a=", "token=", "token:", "text= ", "text=a ", "to='", "'to':", "to=[", "to=(", "cookie=", "authorization: x\n", "://", "://a@",
    "a-", "A1b-", "aB3/", "a" * 31 + "-", "deadbeef" * 4 + "g", "***", "+49…21", '{"', '{"a":', '"a",', "[1,", '\\"',
    "\\n", "\\u",
]  # fmt: skip


@pytest.mark.parametrize("way", ["text", "bytes", "string", "escaped"])
def test_hostile_input_takes_linear_time(way: str) -> None:
    """A megabyte of any character or beginning of a shape takes a moment."""
    slow = {}
    for piece in HOSTILE:
        began = time.process_time()
        _redact_much(piece, 1_000_000, way)
        # Ten times what an idle machine needs at most: what is not linear takes minutes.
        if time.process_time() - began > 0.5:
            slow[piece] = time.process_time() - began
    assert slow == {}


def _redact_much(piece: str, size: int, way: str) -> None:
    text = (piece * (size // len(piece) + 1))[:size]
    match way:
        case "text":
            REDACTOR.text(text)
        case "bytes":
            REDACTOR.json(text.encode())
        case "string":
            REDACTOR.json(json.dumps(text, ensure_ascii=False).encode())
        case _:
            REDACTOR.json(json.dumps("\n" + text).encode())
