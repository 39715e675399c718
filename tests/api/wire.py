"""Requests as bytes, and what comes back: for everything that a well-behaved client cannot send."""

import asyncio
import json
import re
from typing import Any

from msgspec import Struct

from tests.api.conftest import Api

HEAD_END = b"\r\n\r\n"


class Reply(Struct, frozen=True):
    """What came on one connection until it was closed or one answer was whole."""

    raw: bytes

    @property
    def status(self) -> int:
        """0: the connection was closed without a word."""
        found = re.match(rb"HTTP/\d\.\d (\d{3}) ", self.raw)
        return int(found[1]) if found else 0

    @property
    def headers(self) -> dict[str, str]:
        """By lower-case name."""
        head = self.raw.partition(HEAD_END)[0].decode("latin-1")
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in head.split("\r\n")[1:])}

    @property
    def body(self) -> bytes:
        """What follows the head."""
        return self.raw.partition(HEAD_END)[2]

    @property
    def problem(self) -> Any:
        """The body of an error."""
        assert self.headers["content-type"] == "application/problem+json", self.raw
        return json.loads(self.body)


async def connect(api: Api, source: str | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection, from another address of this machine if one is given."""
    host, _, port = api.url.removeprefix("http://").partition(":")
    return await asyncio.open_connection(host, int(port), local_addr=(source, 0) if source else None)


async def exchange(api: Api, sent: bytes) -> Reply:
    """Send these bytes on a connection of their own and take the answer."""
    reader, writer = await connect(api)
    try:
        writer.write(sent)
        return await read_reply(reader)
    finally:
        writer.close()


async def read_reply(reader: asyncio.StreamReader) -> Reply:
    """One answer, or what there is of it when the connection ends."""
    raw = b""
    try:
        while HEAD_END not in raw:
            piece = await reader.read(65536)
            if not piece:
                return Reply(raw)
            raw += piece
        reply = Reply(raw)
        missing = int(reply.headers.get("content-length", "0")) - len(reply.body)
        return Reply(raw + await reader.readexactly(missing)) if missing > 0 else reply
    except (ConnectionError, asyncio.IncompleteReadError):
        return Reply(raw)


def request(api: Api, method: str, path: str, *headers: str | bytes, body: bytes = b"", length: int | None = None) -> bytes:
    """A request with this tenant's key; `length` may lie about its body."""
    announced = len(body) if length is None else length
    lines = [f"{method} {path} HTTP/1.1", "Host: test", f"Authorization: Bearer {api.key}"]
    lines += [f"Content-Length: {announced}"] if body or length is not None else []
    head = [line.encode() if isinstance(line, str) else line for line in (*lines, *headers)]
    return b"\r\n".join(head) + HEAD_END + body
