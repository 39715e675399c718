"""A bulk body of 5,000 templated messages, from the bytes that were stored to the bytes that are sent."""

import hashlib
from typing import Any

import orjson

from bench.harness import Case
from penstock import _core
from tests.reference import template as reference

MESSAGES = 5_000
TEXT = "Hello {name}, your order {order} arrives between 10 and 12. Reply STOP to opt out."
ACCOUNT = "0b6f2c9e-5a41-4d0e-9a8b-1f2e3d4c5b6a"
SENDER = "Example"
NAMES = ("Anna", "Bert", "Ελένη", "José", 'Carl "C" Smith')


def cases() -> list[Case]:
    """Two values a message; the Python ways start from rows kept as JSON, the quickest thing that Python can unpack."""
    rows = [(4915100000000 + index, NAMES[index % 5], f"A-{index:06d}") for index in range(MESSAGES)]
    payload, stored = _payload(rows), orjson.dumps(rows)
    ways = {
        "core": lambda: _encode(payload),
        "reference": lambda: _reference(stored),
        "best Python": lambda: _best_python(stored),
    }
    body = _encode(payload).body
    assert body == _best_python(stored)[0] == _reference(stored)[0]
    return [
        Case(
            name="bulk body of 5,000 templated messages", ways=ways, items=MESSAGES, unit="messages", size=len(body),
            at_least={"best Python": 5.0}, at_most_ms=3.0,
        )
    ]  # fmt: skip


def _payload(rows: list[tuple[int, str, str]]) -> bytes:
    lines = [orjson.dumps({"phone": f"+{number}", "name": name, "order": order}) for number, name, order in rows]
    parser = _core.RecipientParser("ndjson", _core.Template(TEXT), traffic_account_id=ACCOUNT, sender=SENDER, chunk_bytes=10**9)
    (chunk,) = parser.feed(b"\n".join(lines) + b"\n")
    return chunk.payload


def _encode(payload: bytes) -> _core.EncodedBatch:
    return _core.encode_batch(
        payload, _core.Template(TEXT), traffic_account_id=ACCOUNT, sender=SENDER, first_seq=0, last_seq=MESSAGES - 1,
        max_messages=MESSAGES, max_segments=10**9, max_bytes=10**9,
    )  # fmt: skip


def _reference(stored: bytes) -> tuple[bytes, bytes]:
    _, pieces = reference.compile_template(TEXT)
    texts = [(number, reference.render(pieces, list(values))) for number, *values in orjson.loads(stored)]
    return _with_digest(_elements(texts))


def _best_python(stored: bytes) -> tuple[bytes, bytes]:
    fill = TEXT.replace("{name}", "{1}").replace("{order}", "{2}").format
    return _with_digest(_elements([(row[0], fill(*row)) for row in orjson.loads(stored)]))


def _elements(texts: list[tuple[int, str]]) -> list[dict[str, Any]]:
    return [
        {"trafficAccountId": ACCOUNT, "destination": f"+{number}", "sms": {"text": text, "sender": SENDER}}
        for number, text in texts
    ]


def _with_digest(messages: list[dict[str, Any]]) -> tuple[bytes, bytes]:
    body = orjson.dumps({"messages": messages})
    return body, hashlib.sha256(body).digest()
