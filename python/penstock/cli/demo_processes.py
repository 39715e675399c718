"""The demo's processes: embedded servers, a simulator and a gateway on free ports, and the end of all of them."""

import contextlib
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from penstock import config
from penstock.cli.environment import environment, running_servers
from penstock.cli.failure import CommandError
from penstock.cli.mock import simulator_process
from penstock.config import Settings

START_S: Final = 60.0
STOP_S: Final = 40.0
POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Running:
    """Where everything listens."""

    settings: Settings
    gateway: str
    simulator: str


@contextmanager
def running_demo(folder: Path) -> Iterator[Running]:
    """Everything started; stopped, gateway first, when the block ends."""
    port, ops_port = _free_ports(2)
    settings = config.load({"PENSTOCK_MODE": "mock", "PENSTOCK_DATA_DIR": str(folder), "PENSTOCK_HTTP_PORT": str(port)})
    journal = folder / "journal.ndjson"
    journal.unlink(missing_ok=True)
    callback = f"http://127.0.0.1:{port}/webhooks/mitto/dlr"
    options = ["--port", "0", "--callback", callback, "--journal", str(journal)]
    with running_servers(settings) as running, simulator_process(running, options) as simulator:
        mitto = msgspec.structs.replace(running.mitto, api_base=simulator)
        complete = msgspec.structs.replace(running, mitto=mitto)
        with _gateway(complete, folder, port, ops_port) as url:
            yield Running(complete, url, simulator)


@contextmanager
def _gateway(settings: Settings, folder: Path, port: int, ops_port: int) -> Iterator[str]:
    assert settings.database.url is not None  # noqa: S101 - running_servers fills both in
    assert settings.redis.url is not None  # noqa: S101
    ours = {
        "PENSTOCK_MODE": "mock",
        "PENSTOCK_DATA_DIR": str(folder),
        "PENSTOCK_HTTP_PORT": str(port),
        "PENSTOCK_OPS_PORT": str(ops_port),
        "DATABASE_URL": settings.database.url.reveal(),
        "REDIS_URL": settings.redis.url.reveal(),
        "MITTO_API_BASE": settings.mitto.api_base or "",
    }
    log = folder / "gateway.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "penstock", "serve"], env=_plain_environment() | ours, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
    try:
        _wait_until_ready(f"http://127.0.0.1:{port}/health/ready", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _plain_environment() -> dict[str, str]:
    """Without settings of a gateway that the user may have configured."""
    return {name: text for name, text in environment().items() if not name.startswith(config.OUR_PREFIXES)}


def _wait_until_ready(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise CommandError(f"the gateway stopped while starting; its log is {log}")
        with contextlib.suppress(urllib.error.URLError, ConnectionError), urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - loopback
            if answer.status == 200:  # noqa: PLR2004
                return
        time.sleep(POLL_S)
    raise CommandError(f"the gateway was not ready after {START_S:.0f} s; its log is {log}")


def _free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago: held all at once, so that they differ."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [held.getsockname()[1] for held in sockets]
    for held in sockets:
        held.close()
    return ports
