"""A request's body as a stream of decompressed bytes, with a deadline on every pause, a least rate and a bound on every growth.

The server is started with decompression off (server.py): a body is unpacked here, in pieces of bounded size, so that
an upload of any length streams and a small body that unpacks to a huge one is refused while it does.
"""

import asyncio
import zlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_writer import HttpVersion11

from penstock.api.parts import PARTS
from penstock.config import Http
from penstock.domain.errors import MalformedRequestError, RequestTimeoutError, TooLargeError, UnsupportedTypeError

PIECE_BYTES: Final = 512 * 1024
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS

MOST_GROWTH: Final = 200
"""A list of recipients packs by 3 to 50. Beyond this ratio a body is made to hurt…"""
FREE_GROWTH_BYTES: Final = 16_000_000
"""…once it has unpacked to more than this."""


WINDOW_S: Final = 10.0
"""The rate of a body is looked at over so much waiting, so that a slow link that stutters is not taken for a dripping one."""


class Pace:
    """How fast a body comes, over the time that we waited for it: what our own work takes is not the sender's fault."""

    def __init__(self, least_bytes_per_s: int, window_s: float) -> None:
        self._least = least_bytes_per_s
        self._window_s = window_s
        self._waited_s = 0.0
        self._size = 0

    def add(self, waited_s: float, size: int) -> None:
        """So many bytes came after so much waiting. Raises RequestTimeoutError when a whole window was too slow."""
        self._waited_s += waited_s
        self._size += size
        if self._waited_s < self._window_s:
            return
        if self._size < self._least * self._waited_s:
            raise RequestTimeoutError(f"The body came with less than {self._least} bytes a second.")
        self._waited_s, self._size = 0.0, 0


async def open_body(request: web.Request, http: Http) -> AsyncGenerator[bytes, None]:
    """The decompressed body. Raises RequestTimeoutError when nothing arrives for a while, or too little."""
    raw = _read(request, http)
    match request.headers.get("Content-Encoding", "identity").strip().lower():
        case "identity":
            pieces = raw
        case "gzip":
            pieces = _gunzip(raw)
        case _:
            raise UnsupportedTypeError("A body is sent plain or with Content-Encoding: gzip.")
    async for piece in pieces:
        yield piece


def check_announced_size(request: web.Request, limit: int) -> None:
    """Refuse a body by its Content-Length, before any of it is read."""
    if (request.content_length or 0) > limit:
        raise _too_large(limit)


async def read_body(request: web.Request, limit: int) -> bytes:
    """A body of at most `limit` bytes, within one deadline for all of it: it is small, so a dripping one is not honest."""
    http = request.app[PARTS].http
    check_announced_size(request, limit)
    try:
        async with asyncio.timeout(http.body_timeout.total_seconds()), aclosing(open_body(request, http)) as source:
            return await read_whole(source, limit)
    except TimeoutError:
        raise RequestTimeoutError("The body did not arrive in time.") from None


async def read_whole(source: AsyncIterator[bytes], limit: int) -> bytes:
    """All of it, up to `limit` bytes."""
    return b"".join([piece async for piece in bounded(source, limit)])


async def bounded(source: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    """The same stream; raises TooLargeError past `limit` bytes."""
    size = 0
    async for piece in source:
        size += len(piece)
        if size > limit:
            raise _too_large(limit)
        yield piece


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(f"A body of this kind has at most {limit} bytes.")


async def _read(request: web.Request, http: Http) -> AsyncIterator[bytes]:
    await _invite(request)
    pace, now = Pace(http.least_bytes_per_s, WINDOW_S), asyncio.get_running_loop().time
    started = now()
    while data := await _next(request, http.body_timeout.total_seconds()):
        pace.add(now() - started, len(data))
        yield data
        started = now()


async def wait_with_invitation(_: web.Request) -> None:
    """What a route does about `Expect: 100-continue`: nothing yet. See `_invite`."""


async def _invite(request: web.Request) -> None:
    """Ask for the body, where the client waits to be asked; a request that is refused before this is spared the sending."""
    is_waiting = request.headers.get("Expect", "").lower() == "100-continue"
    if is_waiting and request.version == HttpVersion11 and not request.content.total_bytes:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # These bytes are not the beginning of an answer.
        request.writer.output_size = 0


async def _next(request: web.Request, pause_s: float) -> bytes:
    """What has arrived, b"" at the end. aiohttp itself waits for ever."""
    try:
        async with asyncio.timeout(pause_s):
            return await request.content.readany()
    except TimeoutError:
        raise RequestTimeoutError(f"No byte of the body arrived for {pause_s:g} seconds.") from None
    except (ConnectionError, HttpProcessingError, web.RequestPayloadError) as error:
        raise MalformedRequestError("The connection was lost or broken before the body was complete.") from error


async def _gunzip(source: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """One or several gzip members, as `cat a.gz b.gz` makes them."""
    member, packed, unpacked = zlib.decompressobj(_GZIP_WINDOW), 0, 0
    async for data in source:
        packed += len(data)
        rest = data
        while rest:
            if member.eof:
                member = zlib.decompressobj(_GZIP_WINDOW)
            piece = await _inflate(member, rest)
            rest = member.unused_data if member.eof else member.unconsumed_tail
            unpacked += len(piece)
            if unpacked > FREE_GROWTH_BYTES and unpacked > packed * MOST_GROWTH:
                raise TooLargeError(f"The body unpacks to more than {MOST_GROWTH} times its size.")
            if piece:
                yield piece
    if not member.eof:
        raise MalformedRequestError("The gzip stream ends too early.")


async def _inflate(member: "zlib._Decompress", data: bytes) -> bytes:
    """At most one piece more, in a thread: unpacking takes milliseconds that other requests should not wait for."""
    try:
        return await asyncio.to_thread(member.decompress, data, PIECE_BYTES)
    except zlib.error as error:
        raise MalformedRequestError("The body is not a gzip stream, or it is damaged.") from error
