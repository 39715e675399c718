"""As many requests as a server takes, over kept connections, with as little work of our own as can be.

A client library would cost more than the server that is measured: here a connection is a protocol that writes prepared bytes
and counts the answers. It speaks only what these servers answer: HTTP/1.1 with Content-Length, connections kept.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import cast
from urllib.parse import urlsplit


async def post(url: str, bodies: Sequence[bytes], connections: int, headers: Mapping[str, str], *, status: int = 202) -> float:
    """Post every body once; the seconds until the last answer. Fails unless each is answered with `status`."""
    place = urlsplit(url)
    head = f"POST {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Type: application/json\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "Content-Length: "
    requests = [head.encode() + str(len(body)).encode() + b"\r\n\r\n" + body for body in bodies]
    waiting, loop = iter(requests), asyncio.get_running_loop()
    expected = f"HTTP/1.1 {status} ".encode()
    callers = [Caller(waiting, expected) for _ in range(min(connections, len(requests)))]
    transports = [
        (await loop.create_connection(lambda caller=caller: caller, place.hostname, place.port))[0]  # type: ignore[misc]
        for caller in callers
    ]
    started = time.perf_counter()
    for caller in callers:
        caller.next()
    await asyncio.gather(*(caller.done for caller in callers))
    seconds = time.perf_counter() - started
    for transport in transports:
        transport.close()
    return seconds


class Caller(asyncio.Protocol):
    """One connection: the next request leaves when the last one is answered."""

    def __init__(self, waiting: Iterator[bytes], expected: bytes) -> None:
        self._waiting = waiting
        self._expected = expected
        self._received = b""
        self._transport: asyncio.Transport | None = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep it."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """A part of an answer, or all of it."""
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        self._received = b""
        if head.startswith(self._expected):
            self.next()
        elif not self.done.done():
            self.done.set_exception(AssertionError(f"answered {head[:40]!r}"))

    def connection_lost(self, exc: Exception | None) -> None:
        """It must not end before its last answer."""
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("closed by the server"))

    def next(self) -> None:
        """Send what waits, or be done."""
        request = next(self._waiting, None)
        if request is not None and self._transport is not None:
            self._transport.write(request)
        elif not self.done.done():
            self.done.set_result(None)


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0
