"""An HTTP listener as a service: it opens when it runs and, on halt, lets requests in flight finish."""

import asyncio
import os
from typing import Final

import structlog
from aiohttp import web

from penstock.lifecycle import StartError

log = structlog.stdlib.get_logger(__name__)

KEEPALIVE_S: Final = 75.0
"""Longer than the 60 s after which common proxies drop an idle connection, so that they never find it closed."""
SHUTDOWN_S: Final = 25.0
"""Requests in flight may finish; less than the grace of the whole process."""


class WebServer:
    """One application on one address."""

    def __init__(self, name: str, app: web.Application, host: str, port: int, *, reuse_port: bool = False) -> None:
        self.name = name
        self._app = app
        self._host = host
        self._port = port
        self._reuse_port = reuse_port
        self.listening = asyncio.Event()

    @property
    def port(self) -> int:
        """The port in use; known once `listening` is set, also where 0 was asked for."""
        return self._port

    async def run(self, halt: asyncio.Event) -> None:
        """Serve until halted. Raises StartError when the address is taken."""
        runner = web.AppRunner(
            self._app,
            handle_signals=False,
            access_log=None,
            keepalive_timeout=KEEPALIVE_S,
            shutdown_timeout=SHUTDOWN_S,
            # After an early refusal the rest of the body is read this long, so that the client sees the answer.
            lingering_time=2.0,
            # Uploads are unpacked by the handler, piece by piece and within bounds.
            auto_decompress=False,
        )
        await runner.setup()
        try:
            site = web.TCPSite(runner, self._host, self._port, reuse_port=self._reuse_port or None)
            try:
                await site.start()
            except OSError as error:
                setting = "PENSTOCK_OPS_PORT" if self.name == "ops" else "PENSTOCK_HTTP_PORT"
                raise StartError(
                    f"cannot listen on {self._host} port {self._port} ({os.strerror(error.errno or 0)}): set {setting}"
                ) from error
            self._port = runner.addresses[0][1]
            self.listening.set()
            log.info("listening", door=self.name, host=self._host, port=self._port)
            await halt.wait()
        finally:
            await runner.cleanup()
