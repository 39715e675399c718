"""An HTTP listener as a service: it opens when it runs and, on halt, lets requests in flight finish."""

import asyncio
import os
from typing import Final

import structlog
from aiohttp import web

from penstock.api.address import Proxies
from penstock.api.connection import Connection, Rules
from penstock.api.crowd import Crowd
from penstock.api.shortcut import ReportShortcut
from penstock.config import Http
from penstock.lifecycle import StartError
from penstock.telemetry.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)

KEEPALIVE_S: Final = 75.0
"""Longer than the 60 s after which common proxies drop an idle connection, so that they never find it closed."""
SHUTDOWN_S: Final = 25.0
"""Requests in flight may finish; less than the grace of the whole process."""


BACKLOG: Final = 1024
"""Connections that the system may hold before we take them: a burst of them is taken late, not refused."""


class WebServer:
    """One application on one address."""

    def __init__(  # noqa: PLR0913 - what a listener is made of
        self, name: str, app: web.Application, http: Http, port: int, metrics: Metrics, *, reuse_port: bool = False,
        shortcut: ReportShortcut | None = None,
    ) -> None:  # fmt: skip
        """`shortcut` may answer before the application."""
        self.name = name
        self._app = app
        self._http = http
        self._port = port
        self._reuse_port = reuse_port
        self._shortcut = shortcut
        self._rules = Rules(
            crowd=Crowd(http.connections, http.connections_per_ip),
            proxies=Proxies.of(http.trusted_proxies),
            metrics=metrics,
            head_timeout_s=http.head_timeout.total_seconds(),
        )
        self.listening = asyncio.Event()

    @property
    def port(self) -> int:
        """The port in use; known once `listening` is set, also where 0 was asked for."""
        return self._port

    async def run(self, halt: asyncio.Event) -> None:
        """Serve until halted. Raises StartError when the address is taken."""
        runner = web.AppRunner(self._app, handle_signals=False, access_log=None, shutdown_timeout=SHUTDOWN_S)
        await runner.setup()
        if self._shortcut is not None:
            manager = _manager(runner)
            manager.request_handler = self._shortcut.before(manager.request_handler)
        try:
            listener = await self._listen(runner)
            try:
                self._port = listener.sockets[0].getsockname()[1]
                self.listening.set()
                log.info("listening", door=self.name, host=self._http.host, port=self._port)
                await halt.wait()
            finally:
                listener.close()
        finally:
            await runner.cleanup()

    async def _listen(self, runner: web.AppRunner) -> asyncio.Server:
        try:
            return await asyncio.get_running_loop().create_server(
                lambda: self._connection(runner),
                self._http.host,
                self._port,
                backlog=BACKLOG,
                reuse_port=self._reuse_port or None,
            )
        except OSError as error:
            setting = "PENSTOCK_OPS_PORT" if self.name == "ops" else "PENSTOCK_HTTP_PORT"
            raise StartError(
                f"cannot listen on {self._http.host} port {self._port} ({os.strerror(error.errno or 0)}): set {setting}"
            ) from error

    def _connection(self, runner: web.AppRunner) -> Connection:
        return Connection(
            self._rules,
            _manager(runner),
            loop=asyncio.get_running_loop(),
            access_log=None,
            keepalive_timeout=KEEPALIVE_S,
            # After an early refusal the rest of the body is read this long, so that the client sees the answer.
            lingering_time=2.0,
            # Uploads are unpacked by the handler, piece by piece and within bounds.
            auto_decompress=False,
        )


def _manager(runner: web.AppRunner) -> web.Server:
    manager = runner.server
    assert manager is not None  # noqa: S101 - it is set up
    return manager
