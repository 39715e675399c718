"""Small servers that misbehave on the wire: raw sockets, nothing of HTTP but what is written here."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

Behave = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class HostileServer:
    """A listener that treats every connection in one way and counts the requests it has read."""

    def __init__(self, behave: Behave) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.port = 0
        self._behave = behave
        self._leave = asyncio.Event()
        self._open = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["HostileServer"]:
        """Listen on a free port."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self._leave.set()
            while self._open:  # noqa: ASYNC110 - the handlers end by themselves now
                await asyncio.sleep(0.001)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        self.connections += 1
        with suppress(OSError, asyncio.IncompleteReadError):
            async with asyncio.TaskGroup() as tasks:
                work = tasks.create_task(self._work(reader, writer))
                tasks.create_task(self._end(work))
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        self._open -= 1

    async def _work(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            await self._behave(reader, writer)

    async def _end(self, work: "asyncio.Task[None]") -> None:
        leave = asyncio.get_running_loop().create_task(self._leave.wait())
        await asyncio.wait({work, leave}, return_when=asyncio.FIRST_COMPLETED)
        work.cancel()
        leave.cancel()

    async def read_request(self, reader: asyncio.StreamReader) -> None:
        """Read one whole request."""
        head = await reader.readuntil(b"\r\n\r\n")
        lengths = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        length = lengths[0] if lengths else 0
        self.requests.append(head + await reader.readexactly(length))


def reset(writer: asyncio.StreamWriter) -> None:
    """Cut the connection with a reset instead of an end."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def reset_at_once(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Cut before reading anything."""
    await asyncio.sleep(0)
    reset(writer)


def say(raw: bytes, *, then: str = "close", gap_s: float = 0.0) -> Callable[[], HostileServer]:
    """Make a server that reads one request, writes bytes as they are, and then ends in some way.

    `then` is `close`, `reset`, `hold` (silence) or `again` (read the next request on the same connection).
    """

    def make() -> HostileServer:
        async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await server.read_request(reader)
            await write(writer, raw, gap_s)
            if then == "reset":
                reset(writer)
            elif then == "hold":
                await asyncio.sleep(60)
            elif then == "again":
                await server.read_request(reader)

        server = HostileServer(behave)
        return server

    return make


async def write(writer: asyncio.StreamWriter, raw: bytes, gap_s: float) -> None:
    """Write all at once, or byte by byte."""
    for start in range(0, len(raw), 1 if gap_s else len(raw) or 1):
        writer.write(raw[start : start + 1] if gap_s else raw)
        await writer.drain()
        await asyncio.sleep(gap_s)


def http(status: int, body: bytes = b"", *headers: str, length: int | None = None) -> bytes:
    """Write an HTTP answer; `length` overrides what Content-Length says."""
    lines = [f"HTTP/1.1 {status} Status", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body
