"""A provider that speaks SMPP 3.4 and takes everything: the least that a client which sends `submit_sm` needs to be content."""

import asyncio
import struct
from typing import Final

HEAD: Final = struct.Struct(">IIII")
"""Length, command, status, number."""
SUBMIT: Final = 0x4
BINDS: Final = {0x1, 0x2, 0x9}
RESPONSE: Final = 0x8000_0000


class Tally:
    """What all connections together took."""

    def __init__(self) -> None:
        self.messages = 0


class Session(asyncio.Protocol):
    """One connection."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Answers go there."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every whole request."""
        self._buffer += data
        while len(self._buffer) >= HEAD.size:
            length, command, _, number = HEAD.unpack_from(self._buffer)
            if len(self._buffer) < length:
                return
            self._buffer = self._buffer[length:]
            if not command & RESPONSE:
                self._answer(command, number)

    def _answer(self, command: int, number: int) -> None:
        body = b""
        if command == SUBMIT:
            self._tally.messages += 1
            body = b"%d\0" % self._tally.messages
        elif command in BINDS:
            body = b"bench\0"
        self._transport.write(HEAD.pack(HEAD.size + len(body), command | RESPONSE, 0, number) + body)
