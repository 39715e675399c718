"""Stands before a unix socket, delays what the server says, and can be cut."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Wire:
    """Between clients and one server."""

    def __init__(self, target: str, path: str) -> None:
        self.delay_s = 0.0
        self.is_cut = False
        self.url = f"unix://{path}"
        self._target = target
        self._path = path
        self._writers: set[asyncio.StreamWriter] = set()
        self._open = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Wire"]:
        """Listen."""
        server = await asyncio.start_unix_server(self._serve, self._path)
        try:
            yield self
        finally:
            server.close()
            self.cut()
            while self._open:  # noqa: ASYNC110 - the handlers end by themselves now
                await asyncio.sleep(0.001)

    def cut(self) -> None:
        """End every connection and refuse new ones."""
        self.is_cut = True
        for writer in self._writers:
            writer.transport.abort()

    def mend(self) -> None:
        """Let clients pass again."""
        self.is_cut = False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if not self.is_cut:
                await self._join(reader, writer)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            self._open -= 1

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, ExceptionGroup):
            near, far = await asyncio.open_unix_connection(self._target)
            self._writers |= {writer, far}
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._pump(reader, far, slow=False))
                    tasks.create_task(self._pump(near, writer, slow=True))
            finally:
                self._writers -= {writer, far}
                far.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, slow: bool) -> None:
        while data := await source.read(65536):
            if slow and self.delay_s:
                await asyncio.sleep(self.delay_s)
            sink.write(data)
            await sink.drain()
        sink.close()
