"""The packed payload, version 1, by the struct module, and the bulk body made from it by the json module."""

import json
import struct
import zlib
from typing import NamedTuple

from tests.reference.template import compile_template, render

HEADER = struct.Struct("<BBHII")


class Message(NamedTuple):
    """What a payload holds of one message."""

    number: int
    segments: int
    values: list[str]


def pack(first_seq: int, messages: list[Message], *, version: int = 1) -> bytes:
    """The bytes that the table in the core's module `payload` describes."""
    areas = [b"".join(_length(len(value.encode())) + value.encode() for value in message.values) for message in messages]
    ends = [sum(map(len, areas[: index + 1])) for index in range(len(areas))]
    header = HEADER.pack(version, 0, len(messages[0].values) if messages else 0, len(messages), first_seq)
    columns = struct.pack(f"<{len(messages)}q", *(message.number for message in messages))
    columns += bytes(message.segments for message in messages)
    columns += struct.pack(f"<{len(messages)}I", *ends) + b"".join(areas)
    return header + struct.pack("<I", zlib.crc32(header + columns)) + columns


def unpack(payload: bytes) -> tuple[int, list[Message]]:
    """First sequence number and messages of a sound payload."""
    version, _, per_message, count, first_seq = HEADER.unpack_from(payload)
    assert version == 1
    assert zlib.crc32(payload[:12] + payload[16:]) == struct.unpack_from("<I", payload, 12)[0]
    numbers = struct.unpack_from(f"<{count}q", payload, 16)
    segments = payload[16 + 8 * count : 16 + 9 * count]
    ends = struct.unpack_from(f"<{count}I", payload, 16 + 9 * count)
    area = payload[16 + 13 * count :]
    values = [_values(area[start:end], per_message) for start, end in zip((0, *ends), ends, strict=False)]
    return first_seq, [Message(*message) for message in zip(numbers, segments, values, strict=True)]


def encode(messages: list[Message], template_text: str, *, traffic_account_id: str, sender: str) -> bytes:
    """The bulk body of all of them, in compact form."""
    _, pieces = compile_template(template_text)
    elements = [
        {
            "trafficAccountId": traffic_account_id,
            "destination": f"+{message.number}",
            "sms": {"text": render(pieces, message.values), "sender": sender},
        }
        for message in messages
    ]
    return json.dumps({"messages": elements}, ensure_ascii=False, separators=(",", ":")).encode()


def _length(length: int) -> bytes:
    """LEB128: seven bits a byte, the lowest first, the top bit set on all but the last."""
    out = bytearray()
    while length >= 128:
        out.append(length % 128 + 128)
        length //= 128
    return bytes([*out, length])


def _values(area: bytes, count: int) -> list[str]:
    values, at = [], 0
    for _ in range(count):
        length, shift = 0, 0
        while area[at] >= 128:
            length += (area[at] - 128) << shift
            at, shift = at + 1, shift + 7
        length += area[at] << shift
        values.append(area[at + 1 : at + 1 + length].decode())
        at += 1 + length
    assert at == len(area)
    return values
