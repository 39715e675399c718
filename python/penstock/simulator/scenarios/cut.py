"""Breaking a connection in the ways networks do; every function leaves a response behind that nobody will see."""

import socket
import struct

from aiohttp import web


def reset(request: web.Request) -> web.StreamResponse:
    """Cut the connection at once, with a reset instead of an orderly end."""
    transport = request.transport
    if transport is not None:
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response()


def say_and_close(request: web.Request, raw: bytes) -> web.StreamResponse:
    """Write raw bytes as the whole answer, then end the connection in an orderly way."""
    transport = request.transport
    if transport is not None:
        transport.write(raw)
        transport.close()
    return web.Response()
