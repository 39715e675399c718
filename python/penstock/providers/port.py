"""What a provider is to the stages: something that takes a request and says what came back on the wire.

Not what it meant: that is judged afterwards, from these values alone, so that an answer kept on disk can be judged again.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec
from msgspec import Struct


class Answered(Struct, frozen=True, tag="answered"):
    """A complete HTTP answer."""

    status: int
    retry_after: str | None
    """The Retry-After header as it came; None where it is not ASCII, which no form of it is and which cannot be packed."""
    body: bytes


class Disconnected(Struct, frozen=True, tag="disconnected"):
    """Bytes may have left, and no complete answer came."""

    reason: str
    """A short code, such as `timeout`; never anything that was sent or received."""


class Unsent(Struct, frozen=True, tag="unsent"):
    """No byte left this machine: the provider cannot know of the request."""

    reason: str
    """A short code, such as `dns`."""


Reply = Answered | Disconnected | Unsent


IsFree = Callable[[], Awaitable[bool]]
"""Asked at the moment in which a request would leave; when it says no, the request does not."""


async def always() -> bool:
    """Let every request leave."""
    return True


class Provider(Protocol):
    """A way out for rendered requests."""

    async def send_bulk(self, body: bytes, expected: int, is_free: IsFree = always) -> Reply:
        """Send one bulk request of `expected` messages, once, and say what came back. Transport failures are values.

        `is_free` is asked when a connection is there and nothing was written; what is not free to leave is unsent.
        """

    async def get_message(self, provider_id: str) -> Reply:
        """Ask what became of one accepted message, and say what came back. Harmless to repeat."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Answered)


def pack_reply(reply: Answered) -> bytes:
    """Write the answer as bytes, for keeping until it is settled."""
    return _encoder.encode(reply)


def unpack_reply(data: bytes) -> Answered:
    """Read an answer that was packed. Raises msgspec.DecodeError for bytes that are damaged or something else."""
    try:
        return _decoder.decode(data)
    except UnicodeDecodeError as error:  # a damaged text is not among the errors of the decoder
        raise msgspec.DecodeError(str(error)) from error
