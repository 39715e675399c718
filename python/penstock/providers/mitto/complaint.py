"""Does a complete refusal speak of the traffic account? Then no retry mends it, and no message is to blame.

Mitto does not document the body of a refusal: problem details with `errors` by member are likely, anything is possible.
"""

import re
from collections.abc import Iterator

import msgspec

# Members in which a service says what is wrong; others may repeat the request, which names the account in every message.
_SPOKEN = ("errors", "error", "message", "title", "detail", "description")
_NOT_A_LETTER = re.compile(r"[\s_-]+")
_MAX_DEPTH = 4


def names_account(body: bytes, account_id: str) -> bool:
    """Say whether the body says that the traffic account is at fault, by its name or by its id."""
    wanted = ["trafficaccount"] + ([_squeeze(account_id)] if account_id.strip() else [])
    return any(word in text for text in map(_squeeze, _spoken(body)) for word in wanted)


def _spoken(body: bytes) -> Iterator[str]:
    """Yield the texts in which the body says what is wrong; for anything but a JSON object, the whole body."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        document = None
    if not isinstance(document, dict):
        yield body.decode("utf-8", "replace")
        return
    for name, value in document.items():
        if name.lower() in _SPOKEN:
            yield from _texts(value, _MAX_DEPTH)


def _texts(value: object, depth: int) -> Iterator[str]:
    """Yield member names and texts inside a value, some levels deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict) and depth:
        for name, item in value.items():
            yield str(name)
            yield from _texts(item, depth - 1)
    elif isinstance(value, list) and depth:
        for item in value:
            yield from _texts(item, depth - 1)


def _squeeze(text: str) -> str:
    """Lower case without spaces, hyphens and underscores, so that `Traffic account` and `trafficAccountId` meet."""
    return _NOT_A_LETTER.sub("", text).lower()
