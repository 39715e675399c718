"""Joining payloads, on lists of messages instead of bytes."""

import json
from collections.abc import Sequence

from tests.reference.segments import segments

Message = tuple[int, str]
"""Number and text."""


def body(messages: Sequence[Message], account: str, sender: str) -> bytes:
    """The provider's bulk body."""
    items = [
        {"trafficAccountId": account, "destination": f"+{number}", "sms": {"text": text, "sender": sender}}
        for number, text in messages
    ]
    return json.dumps({"messages": items}, ensure_ascii=False, separators=(",", ":")).encode()


def join(
    payloads: Sequence[Sequence[Message]], account: str, sender: str, *, messages: int, parts: int, size: int
) -> list[Message]:
    """The messages of as many payloads from the front as fit."""
    joined = list(payloads[0])
    for payload in payloads[1:]:
        longer = [*joined, *payload]
        repeats = {number for number, _ in joined} & {number for number, _ in payload}
        total = sum(segments(text).parts for _, text in longer)
        if repeats or len(longer) > messages or total > parts or len(body(longer, account, sender)) > size:
            break
        joined = longer
    return joined
