"""Recipient files through the core, in the fewest words."""

import struct
from typing import Any

from penstock._core import Chunk, RecipientParser, Template

CAMPAIGN = bytes(range(16))
COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)


def parser(kind: Any = "csv", text: str = "Hello", **settings: Any) -> RecipientParser:
    """A parser for one text."""
    settings.setdefault("traffic_account_id", "account")
    settings.setdefault("sender", "Example")
    return RecipientParser(kind, Template(text), **settings)


def parse(data: bytes, kind: Any = "csv", text: str = "Hello", *, piece: int = 1 << 20, **settings: Any) -> list[Chunk]:
    """All chunks of a file fed in pieces."""
    open_parser = parser(kind, text, **settings)
    chunks = [chunk for at in range(0, len(data), piece) for chunk in open_parser.feed(data[at : at + piece])]
    return chunks + open_parser.finish()


def copy_rows(stream: bytes) -> list[list[bytes]]:
    """The fields of a binary COPY stream."""
    assert stream.startswith(COPY_HEADER)
    rows = []
    at = len(COPY_HEADER)
    while (fields := struct.unpack_from(">h", stream, at)[0]) != -1:
        at += 2
        row = []
        for _ in range(fields):
            (length,) = struct.unpack_from(">i", stream, at)
            row.append(stream[at + 4 : at + 4 + length])
            at += 4 + length
        rows.append(row)
    assert at + 2 == len(stream)
    return rows


def messages(chunks: list[Chunk]) -> list[tuple[int, int, int]]:
    """Sequence number, number and segments of every message."""
    rows = [row for chunk in chunks for row in copy_rows(chunk.copy_messages(1, CAMPAIGN))]
    return [(int.from_bytes(row[2]), int.from_bytes(row[3]), int.from_bytes(row[4])) for row in rows]


def numbers(chunks: list[Chunk]) -> list[int]:
    """The accepted numbers in order."""
    return [number for _, number, _ in messages(chunks)]


def problems(chunks: list[Chunk]) -> list[tuple[int, str]]:
    """Line and reason of every skipped row."""
    return [(line, reason) for chunk in chunks for line, reason, _ in chunk.problems(1_000_000)]


def pack(*values: int) -> bytes:
    """Numbers as the core takes them."""
    return struct.pack(f">{len(values)}q", *values)
