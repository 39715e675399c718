"""A recipients file with strict E.164 numbers and two variables, from bytes to the packed payload of every chunk."""

import csv
import hashlib
import io
import re
import struct
from collections.abc import Callable, Iterable
from typing import Any, Literal

import orjson

from bench.harness import Case
from penstock import _core
from tests.reference import recipients as reference

ROWS = 100_000
REFERENCE_ROWS = 2_000
CHUNK = 5_000
PIECE = 262_144
TEXT = "Hello {name}, your order {order} arrives today."
FIRST = 4915100000000
Kind = Literal["csv", "ndjson"]
E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)


def cases() -> list[Case]:
    """CSV and NDJSON; the reference is slow and gets a smaller file of its own."""
    plain, lines = _csv(ROWS), _ndjson(ROWS)
    assert sum(chunk.messages for chunk in _core_chunks("csv", plain)) == ROWS
    assert sum(chunk.messages for chunk in _core_chunks("ndjson", lines)) == ROWS
    small = _csv(REFERENCE_ROWS)
    return [
        _case("CSV", {"core": lambda: _pack("csv", plain), "best Python": lambda: _best_csv(plain)}, plain, 3.0),
        _case("NDJSON", {"core": lambda: _pack("ndjson", lines), "best Python": lambda: _best_ndjson(lines)}, lines, 2.0),
        Case(
            name="upload of 2,000 CSV rows", items=REFERENCE_ROWS, unit="rows", size=len(small),
            ways={"core": lambda: _pack("csv", small), "reference": lambda: _reference(small)},
        ),
    ]  # fmt: skip


def _case(kind: str, ways: dict[str, Callable[[], object]], data: bytes, at_least: float) -> Case:
    return Case(
        name=f"upload of 100,000 {kind} rows, packed", ways=ways, items=ROWS, unit="rows", size=len(data),
        at_least={"best Python": at_least}, at_least_per_s=1_000_000,
    )  # fmt: skip


def _rows(count: int) -> Iterable[tuple[str, str, str]]:
    # A step that is prime to the range: the numbers come in no order, as in a real file.
    return ((f"+{FIRST + index * 7_919 % 100_000_000}", f"N{index % 977}", f"A-{index:06d}") for index in range(count))


def _csv(count: int) -> bytes:
    return ("phone,name,order\n" + "".join(f"{phone},{name},{order}\n" for phone, name, order in _rows(count))).encode()


def _ndjson(count: int) -> bytes:
    lines = (orjson.dumps({"phone": phone, "name": name, "order": order}) for phone, name, order in _rows(count))
    return b"\n".join(lines) + b"\n"


def _core_chunks(kind: Kind, data: bytes) -> list[_core.Chunk]:
    parser = _core.RecipientParser(kind, _core.Template(TEXT), traffic_account_id="account", sender="Example")
    chunks = [chunk for at in range(0, len(data), PIECE) for chunk in parser.feed(data[at : at + PIECE])]
    return chunks + parser.finish()


def _pack(kind: Kind, data: bytes) -> list[bytes]:
    return [chunk.payload for chunk in _core_chunks(kind, data)]


def _reference(data: bytes) -> object:
    return reference.read_csv(data.decode(), TEXT, delimiter=",", region=None, max_parts=10, opted_out=set())


def _best_csv(data: bytes) -> list[bytes]:
    reader = csv.reader(io.StringIO(data.decode(), newline=""), strict=True)
    next(reader)
    return _best(data, reader)


def _best_ndjson(data: bytes) -> list[bytes]:
    loads = orjson.loads
    return _best(data, ((row["phone"], row["name"], row["order"]) for row in map(loads, data.splitlines())))


def _best(data: bytes, rows: Iterable[Any]) -> list[bytes]:
    """Numbers by an expression, repeats by a set, values as JSON; it does not even count segments or skipped rows."""
    match, seen, hash_ = E164.fullmatch, set(), hashlib.sha256(data)
    chunks, numbers, values = [], [], []
    for phone, name, order in rows:
        if match(phone) and phone not in seen and name and order:
            seen.add(phone)
            numbers.append(int(phone))
            values.append((name, order))
            if len(numbers) == CHUNK:
                chunks.append(struct.pack(f"<{CHUNK}q", *numbers) + orjson.dumps(values))
                numbers, values = [], []
    chunks.append(struct.pack(f"<{len(numbers)}q", *numbers) + orjson.dumps(values) + hash_.digest())
    return chunks
