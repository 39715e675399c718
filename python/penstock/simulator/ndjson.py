"""The journal as its readers see it: one line of JSON per message.

Kinds of lines, told apart by their members:

- `{"id","wire_time","body_sha256","request","account","destination","text_sha256","segments","position"}`: an accepted
  message. `wire_time` is the accept time in Unix seconds, `text_sha256` the first 16 hexadecimal digits of the text's
  SHA-256, `body_sha256` that of the request's raw body, `request` the ordinal of the send request (refused ones count),
  `position` the place in it;
- `{"id","final","at"}`: the one final state of a message, and when it was reached;
- `{"refused","request","at","messages","scenario"}`: a request that accepted nothing; `refused` is the HTTP status, 0 if
  the connection was cut instead;
- `{"scenario","request","at"}`: a scenario touched this request;
- `{"started","seed"}`: a simulator began to write here.
"""

import hashlib
from collections.abc import Sequence

import orjson

from penstock.simulator import ulid
from penstock.simulator.journal import AcceptedEntry, Entry, FinalEntry
from penstock.simulator.segments import count_segments
from penstock.simulator.wire import Message, read_messages


def unfold(entry: Entry, body: bytes) -> bytes:
    """Return the lines an entry stands for."""
    if isinstance(entry, AcceptedEntry):
        lines = _accepted_lines(entry, read_messages(entry.kind, body), hashlib.sha256(body).hexdigest())
        return "".join(_without(lines, entry.refused)).encode()
    if isinstance(entry, FinalEntry):
        return "".join(_final_lines(entry)).encode()
    return orjson.dumps(entry.line, option=orjson.OPT_APPEND_NEWLINE)


def _accepted_lines(entry: AcceptedEntry, messages: Sequence[Message], body_sha256: str) -> list[str]:
    """Render a line per message; f-strings, because a million of them is common."""
    sha256 = hashlib.sha256
    shared = f'","wire_time":{entry.at:.6f},"body_sha256":"{body_sha256}","request":{entry.request},"account":"'
    lines = []
    for position, (message, suffix) in enumerate(zip(messages, ulid.suffixes(entry.count), strict=False)):
        text = message.sms.text
        encoded = text.encode()
        digest = sha256(encoded, usedforsecurity=False).hexdigest()[:16]
        lines.append(
            f'{{"id":"{entry.prefix}{suffix}{shared}{message.traffic_account_id}","destination":"{message.destination}",'
            f'"text_sha256":"{digest}","segments":{count_segments(text, encoded)},"position":{position}}}\n'
        )
    return lines


def _final_lines(entry: FinalEntry) -> list[str]:
    end = f'","at":{entry.at:.6f}}}\n'
    others, usual, prefix = entry.others, orjson.dumps(entry.usual)[1:-1].decode(), entry.prefix
    refused = frozenset(entry.refused)
    lines = []
    for position, suffix in enumerate(ulid.suffixes(entry.stop)[entry.start : entry.stop], entry.start):
        if position in refused:
            continue
        final = orjson.dumps(others[position])[1:-1].decode() if position in others else usual
        lines.append(f'{{"id":"{prefix}{suffix}","final":"{final}{end}')
    return lines


def _without(lines: list[str], refused: Sequence[int]) -> list[str]:
    if not refused:
        return lines
    left_out = frozenset(refused)
    return [line for position, line in enumerate(lines) if position not in left_out]
