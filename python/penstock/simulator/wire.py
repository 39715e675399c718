"""The JSON of Mitto's messaging API: what a send carries, and how answers and problems are written.

No sockets here. Requests are read leniently where Mitto's host would be (unknown members are ignored).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
import orjson
from aiohttp import web
from msgspec import Meta


class Sms(msgspec.Struct, gc=False):
    """The SMS part of a message; a sender is 1 to 16 characters."""

    text: Annotated[str, Meta(min_length=1)]
    sender: Annotated[str, Meta(min_length=1, max_length=16)]


class Message(msgspec.Struct, gc=False, rename="camel"):
    """One message to send; the number may have at most 15 digits and a plus sign."""

    traffic_account_id: str
    destination: Annotated[str, Meta(min_length=4, max_length=16)]
    sms: Sms
    reference: str | None = None


class Bulk(msgspec.Struct):
    """Many different messages."""

    messages: Annotated[list[Message], Meta(min_length=1)]


_one = msgspec.json.Decoder(Message)
_many = msgspec.json.Decoder(Bulk)
_PATH = re.compile(r" - at `\$\.?([^`]*)`$")


class Malformed(ValueError):  # noqa: N818 - it describes the request
    """The request is not one Mitto's messaging API would read; carries the member and what is wrong with it."""

    def __init__(self, member: str, reason: str) -> None:
        super().__init__(reason)
        self.member = member
        self.reason = reason


def read_messages(kind: str, body: bytes) -> list[Message]:
    """Read the messages of a `send` or a `bulk` request; raises `Malformed`, whose text repeats no value."""
    try:
        messages = _many.decode(body).messages if kind == "bulk" else [_one.decode(body)]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        text = str(error)
        path = _PATH.search(text)
        raise Malformed(path[1] if path else "$", _PATH.sub("", text)) from None
    digits = "".join([message.destination for message in messages]).encode()
    if digits.translate(None, b"+0123456789"):
        raise Malformed("destination", "The destination is not an international number.")
    return messages


def write_answer(bulk_id: str | None, accounts: Sequence[str], ids: Sequence[str]) -> bytes:
    """Write the answer to an accepted request: account and id per message, never the destination.

    One account for all is the common case and is a single string join.
    """
    head = f'{{"bulkId":"{bulk_id}","messages":[' if bulk_id else '{"messages":['
    if accounts.count(accounts[0]) == len(accounts):
        between = f'"}},{{"trafficAccountId":"{accounts[0]}","messageId":"'
        return f'{head}{between[3:]}{between.join(ids)}"}}]}}'.encode()
    members = [{"trafficAccountId": a, "messageId": i} for a, i in zip(accounts, ids, strict=True)]
    return head.encode() + orjson.dumps(members)[1:] + b"}"


def answer_json(body: bytes, status: int = 200) -> web.Response:
    """Wrap JSON bytes as an HTTP answer."""
    return web.Response(body=body, status=status, headers={"Content-Type": "application/json; charset=utf-8"})


_TITLES = {
    400: "One or more validation errors occurred.",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Payload Too Large",
    429: "Too Many Requests",
}


def problem(status: int, errors: Mapping[str, list[str]] | None = None, trace: int = 0) -> web.Response:
    """Build the problem-details body an ASP.NET service answers refusals with; `trace` is the request's ordinal."""
    document: dict[str, Any] = {
        "type": f"https://httpstatuses.io/{status}",
        "title": _TITLES.get(status, "An error occurred while processing your request."),
        "status": status,
        "traceId": f"00-{trace:032x}-{trace:016x}-00",
    }
    if errors:
        document["errors"] = errors
    return web.Response(
        body=orjson.dumps(document), status=status, headers={"Content-Type": "application/problem+json; charset=utf-8"}
    )
