"""A TCP proxy that misbehaves on request: the network between the gateway and whatever it depends on.

Faults that are told apart by what each side learns: a reset (both know), a cut after some bytes (one side acted, the other does
not know), silence (nobody knows), slowness. Towards the server is what the gateway writes; towards the client what it reads.
"""

import asyncio
import math
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

Way = Literal["to_server", "to_client"]

PIECE_BYTES = 64 * 1024
LINGER_NONE = struct.pack("ii", 1, 0)
"""Close with a reset instead of a good-bye."""


@dataclass
class Cut:
    """Ends a connection with a reset, at `at` or once `after` bytes have gone that way since it was ordered; `times` times."""

    way: Way
    after: int = 0
    at: bytes = b""
    is_passed: bool = False
    """Whether what is at the cut still goes through: that side acts on it, and the other is not told."""
    times: int = 1

    def __post_init__(self) -> None:
        self.done = asyncio.Event()
        """Set when it has happened as often as ordered."""
        self._left = self.after

    def strike(self) -> None:
        """It has happened once."""
        self.times -= 1
        if self.times == 0:
            self.done.set()

    def place(self, way: Way, piece: bytes) -> int | None:
        """How much of the piece still goes through before the cut; None: no cut."""
        if way != self.way or self.times <= 0:
            return None
        if self.at:
            place = piece.find(self.at)
            return None if place < 0 else place
        self._left -= len(piece)
        if self._left >= 0:
            return None
        place, self._left = len(piece) + self._left, self.after
        return place


class Proxy:
    """`async with Proxy(upstream) as proxy`: listens on `proxy.port`; `upstream` is (host, port) or a unix socket's path."""

    def __init__(self, upstream: tuple[str, int] | str) -> None:
        self.port = 0
        self.cuts: list[Cut] = []
        self.bytes_per_s = math.inf
        self.delay_s = 0.0
        self.struck = 0
        """Connections that were ended by a cut."""
        self._upstream = upstream
        self._flows = asyncio.Event()
        self._flows.set()
        self.is_awaited = asyncio.Event()
        """Set when somebody has said something into a silence."""
        self._links: set[_Link] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.heal()
        while self._links:
            self.reset()
            await asyncio.sleep(0.01)

    def cut(self, way: Way, **details: object) -> Cut:
        """Order a cut (the fields of Cut)."""
        self.cuts.append(Cut(way, **details))  # type: ignore[arg-type]
        return self.cuts[-1]

    def silence(self) -> None:
        """Nothing goes either way, and nobody is told: both sides are left with a connection that looks open."""
        self.is_awaited.clear()
        self._flows.clear()

    def slow(self, *, delay_s: float = 0.0, bytes_per_s: float = math.inf) -> None:
        """Every piece waits, and no more than so many bytes go each way in a second."""
        self.delay_s, self.bytes_per_s = delay_s, bytes_per_s

    def reset(self) -> None:
        """Every open connection ends at once."""
        for link in list(self._links):
            link.end()

    async def is_in_use(self) -> bool:
        """Whether a connection is open."""
        return bool(self._links)

    def heal(self) -> None:
        """Everything that is not yet ended goes through again."""
        self.cuts.clear()
        self.slow()
        self._flows.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link(self, writer)
        self._links.add(link)
        try:
            with suppress(OSError):
                await link.run(reader, self._upstream)
        finally:
            link.end()
            self._links.discard(link)

    async def pass_on(self, size: int) -> None:
        """Wait as the faults in force say."""
        await asyncio.sleep(self.delay_s + size / self.bytes_per_s)
        if not self._flows.is_set():
            self.is_awaited.set()
        await self._flows.wait()


class _Link:
    """One client's connection and its counterpart at the server."""

    def __init__(self, proxy: Proxy, client: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._writers = [client]
        self._is_last = self._is_over = False

    async def run(self, reader: asyncio.StreamReader, upstream: tuple[str, int] | str) -> None:
        """Carry bytes both ways until either side ends it."""
        if isinstance(upstream, str):
            far_reader, far_writer = await asyncio.open_unix_connection(upstream)
        else:
            far_reader, far_writer = await asyncio.open_connection(*upstream)
        self._writers.append(far_writer)
        async with asyncio.TaskGroup() as ways:
            ways.create_task(self._carry("to_server", reader, far_writer))
            ways.create_task(self._carry("to_client", far_reader, self._writers[0]))

    async def _carry(self, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while not self._is_over and (piece := await reader.read(PIECE_BYTES)):
                await self._proxy.pass_on(len(piece))
                writer.write(self._left_of(way, piece))
                await writer.drain()
        if self._is_over:
            self.end()
        else:
            writer.close()  # once what is left in it has gone

    def _left_of(self, way: Way, piece: bytes) -> bytes:
        """What goes through; afterwards it may be over, or over with the next piece that comes back."""
        if self._is_last:
            self._is_over = True
            return b""
        for cut in self._proxy.cuts:
            if (place := cut.place(way, piece)) is None:
                continue
            cut.strike()
            self._proxy.struck += 1
            if cut.is_passed:
                self._is_last = True
                return piece
            self._is_over = True
            return piece[:place]
        return piece

    def end(self) -> None:
        """Reset both sides."""
        for writer in self._writers:
            sock: socket.socket | None = writer.get_extra_info("socket")
            with suppress(OSError):
                if sock is not None and sock.family != socket.AF_UNIX and sock.fileno() >= 0:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
            writer.transport.abort()
