"""The ground truth on disk: an append-only file of what was accepted, refused and decided.

The instrument must be cheap while something is measured, so the file is compact: one entry per request, with the body as
it came, and one per slice of final states; an entry is a line of JSON, an accepted request's line is followed by the body.
`ndjson` unfolds it into one line per message when somebody reads it.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec
import orjson

SendKind = Literal["send", "bulk"]


class AcceptedEntry(msgspec.Struct, tag="accepted", tag_field="entry", omit_defaults=True, frozen=True):
    """An accepted request; `body` bytes and a line end follow the line, which lies at `at` in Unix seconds."""

    request: int
    kind: SendKind
    at: float
    prefix: str
    count: int
    body: int
    refused: tuple[int, ...] = ()


class FinalEntry(msgspec.Struct, tag="final", tag_field="entry", omit_defaults=True, frozen=True):
    """A slice of a request reached its final states: `usual`, but for the positions in `others` and without `refused`."""

    prefix: str
    start: int
    stop: int
    at: float
    usual: str
    others: dict[int, str] = {}
    refused: tuple[int, ...] = ()


class NoteEntry(msgspec.Struct, tag="note", tag_field="entry", frozen=True):
    """Anything else; `line` is what a reader sees."""

    line: dict[str, Any]


Entry = AcceptedEntry | FinalEntry | NoteEntry
_decoder = msgspec.json.Decoder(Entry)
_encoder = msgspec.json.Encoder()


class Journal:
    """The file. Every append is one write, so a reader sees whole entries only."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self.size = os.fstat(self._file).st_size

    def append_request(self, entry: AcceptedEntry, body: bytes) -> int:
        """Append an accepted request and return the offset of its body."""
        line = _encoder.encode(entry)
        start = self.size + len(line) + 1
        self._write([line, b"\n", body, b"\n"])
        return start

    def append(self, entry: Entry) -> None:
        """Append an entry without a body."""
        self._write([_encoder.encode(entry), b"\n"])

    def note(self, line: dict[str, Any]) -> None:
        """Append a line that readers see as it is."""
        self._write([orjson.dumps({"entry": "note", "line": line}), b"\n"])

    def body(self, start: int, length: int) -> bytes:
        """Return an accepted body."""
        return os.pread(self._file, length, start)

    def entries(self, start: int, stop: int) -> Iterator[tuple[Entry, bytes]]:
        """Return the entries between two offsets, each with its body (empty if it has none)."""
        with self.path.open("rb") as file:
            file.seek(start)
            while file.tell() < stop:
                entry = _decoder.decode(file.readline())
                body = file.read(entry.body + 1)[:-1] if isinstance(entry, AcceptedEntry) else b""
                yield entry, body

    def boundary(self, start: int, limit: int) -> int:
        """Return the offset of the first entry at least `limit` bytes behind the one at `start`."""
        if start + limit >= self.size:
            return self.size
        with self.path.open("rb") as file:
            file.seek(start)
            while file.tell() < start + limit:
                entry = _decoder.decode(file.readline())
                if isinstance(entry, AcceptedEntry):
                    file.seek(entry.body + 1, os.SEEK_CUR)
            return file.tell()

    def close(self) -> None:
        """Close the file; what was appended stays."""
        os.close(self._file)

    def _write(self, pieces: list[bytes]) -> None:
        wanted = sum(map(len, pieces))
        written = os.writev(self._file, pieces)
        while written < wanted:  # a full disk or a signal; the rest in plain writes
            written += os.write(self._file, b"".join(pieces)[written:])
        self.size += wanted
