"""Mock mode's provider: a simulator beside the gateway, in a process of its own so that it is met over real HTTP."""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO

import msgspec

from penstock.cli.failure import CommandError
from penstock.config import Settings

MOCK_PORT = 8090
STOP_S = 10.0
READY_PREFIX = "simulator listening on "


@contextmanager
def running_simulator(settings: Settings) -> Iterator[Settings]:
    """The settings with the provider's address filled in; in mock mode without one a simulator is started."""
    mitto = settings.mitto
    if mitto.api_base is not None:
        yield settings
    elif settings.mode == "real":
        mitto = msgspec.structs.replace(mitto, api_base="https://messaging.mittoapi.com")
        yield msgspec.structs.replace(settings, mitto=mitto)
    else:
        callback = f"http://127.0.0.1:{settings.http.port}/webhooks/mitto/dlr"
        with simulator_process(settings, ["--port", str(MOCK_PORT), "--callback", callback]) as url:
            mitto = msgspec.structs.replace(mitto, api_base=url)
            yield msgspec.structs.replace(settings, mitto=mitto)


@contextmanager
def simulator_process(settings: Settings, options: Sequence[str]) -> Iterator[str]:
    """A simulator that knows this configuration's key, account and secret; its URL."""
    mitto = settings.mitto
    assert mitto.api_key is not None  # noqa: S101 - the settings of mock mode always have both
    assert mitto.webhook_secret is not None  # noqa: S101
    # Secrets travel by the environment: a command line can be read by every user of the machine.
    secrets = {"SIMULATOR_KEY": mitto.api_key.reveal(), "SIMULATOR_SECRET": mitto.webhook_secret.reveal()}
    command = [
        sys.executable,
        "-m",
        "penstock",
        "simulate",
        *options,
        "--end-with-stdin",
        "--account",
        mitto.traffic_account_id or "",
    ]
    from penstock.cli.environment import environment

    process = subprocess.Popen(  # noqa: S603 - our own program with our own options
        command,
        env=environment() | secrets,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield _wait_until_ready(process)
    finally:
        _stop(process)


def _wait_until_ready(process: "subprocess.Popen[str]") -> str:
    output: IO[str] | None = process.stdout
    line = output.readline() if output is not None else ""
    if not line.startswith(READY_PREFIX):
        raise CommandError(
            f"the simulator did not start; if port {MOCK_PORT} is taken, start `penstock simulate` on another one and set "
            "PENSTOCK_MODE=mock and MITTO_API_BASE"
        )
    return line.removeprefix(READY_PREFIX).strip()


def _stop(process: "subprocess.Popen[str]") -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
