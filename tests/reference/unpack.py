"""Rows out of a payload, read with the struct module as payload.rs describes it."""

import json
import struct
from collections.abc import Sequence


def payload_rows(payload: bytes, names: Sequence[str], seqs: Sequence[int], number_key: str) -> list[dict[str, str]]:
    """The messages `seqs` as objects."""
    _, _, width, count, first_seq, _ = struct.unpack_from("<BBHIII", payload)
    numbers = struct.unpack_from(f"<{count}q", payload, 16)
    ends = (0, *struct.unpack_from(f"<{count}I", payload, 16 + 9 * count))
    area = payload[16 + 13 * count :]
    rows = []
    for seq in seqs:
        index = seq - first_seq
        rest, values = area[ends[index] : ends[index + 1]], []
        for _ in range(width):
            length, shift, at = 0, 0, 0
            while True:
                length |= (rest[at] & 0x7F) << shift
                shift, at = shift + 7, at + 1
                if not rest[at - 1] & 0x80:
                    break
            values.append(rest[at : at + length].decode())
            rest = rest[at + length :]
        rows.append({number_key: f"+{numbers[index]}", **dict(zip(names, values, strict=True))})
    return json.loads(json.dumps(rows))  # as JSON would carry them
