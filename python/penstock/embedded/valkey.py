"""The embedded Valkey: how it is launched, when it is ready, and under which address.

It keeps nothing on disk: what is in it (permits, short-lived marks) may be lost at any time, and the gateway knows that.
"""

import socket
from signal import SIGKILL, SIGTERM
from typing import ClassVar
from urllib.parse import quote

from penstock.embedded.account import Account
from penstock.embedded.binaries import VALKEY_PROGRAMS, find_valkey
from penstock.embedded.folder import make_private_folder
from penstock.embedded.process import Identity, ServerProcess, start_server
from penstock.embedded.server import EmbeddedServer

DEFAULTS = {
    "save": "",
    "appendonly": "no",
    "maxmemory": "256mb",
    "maxmemory-policy": "noeviction",  # a limit that forgets is worse than a limiter that says it is full
    "loglevel": "notice",
}


class EmbeddedValkey(EmbeddedServer):
    """A private Valkey on a unix socket; empty after each start."""

    title = "Valkey"
    socket_name = "valkey.sock"
    ending: ClassVar = ((SIGTERM, 10.0), (SIGKILL, 5.0))

    @property
    def address(self) -> str:
        """The URL that redis-py accepts."""
        return f"unix://{quote(str(self.socket_folder / self.socket_name))}"

    url = address

    _find_program = staticmethod(find_valkey)

    def _identity(self, account: Account) -> Identity:
        return Identity(VALKEY_PROGRAMS, ("--dir", str(self.data)), account.uid)

    def _launch(self, account: Account) -> ServerProcess:
        make_private_folder(self.data, account)
        settings = DEFAULTS | self._settings | self._fixed_settings()
        options = [word for name, value in settings.items() for word in (f"--{name}", value)]
        identity = self._identity(account)
        with self.log.opened() as log:
            return start_server(identity, [str(self._program(account)), *identity.arguments, *options], account, log)

    def _fixed_settings(self) -> dict[str, str]:
        return {
            "port": "0",
            "unixsocket": str(self.socket_folder / self.socket_name),
            "unixsocketperm": "700",
            "daemonize": "no",
            "logfile": "",  # its standard output, which is our log
            "set-proc-title": "no",  # the command line is how the server is recognised later
        }

    def _is_ready(self, pid: int) -> bool:  # noqa: ARG002 -- one server at most listens on this socket
        """Ask it: an answer is the only proof."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1.0)
            try:
                client.connect(str(self.socket_folder / self.socket_name))
                client.sendall(b"PING\r\n")
                return client.recv(16).startswith(b"+PONG")
            except OSError:
                return False
