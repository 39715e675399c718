"""The same job given to Jasmin: recipients over HTTP in, one a request, out over SMPP to a provider on loopback.

    apt-get install rabbitmq-server
    python bench/peers/jasmin.py [--messages 20000]

Jasmin is installed from PyPI into a temporary environment of its own, and is lent a RabbitMQ and a Valkey that end with it.
Intake is what its HTTP API answers 200 to, which is when the message is in RabbitMQ; sending what the provider has counted.
"""

import argparse
import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import aiohttp
import msgspec

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.machine import commit, processor
from bench.peers.smsc import Session, Tally
from penstock.embedded.binaries import find_valkey
from tests.e2e.inside import free_port

VERSION = "0.11.1"
RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
CONNECTIONS = 8
FIRST_NUMBER = 4_915_100_000_000
START_S = 60
TEXT = "Hello Customer, your order arrives between 10 and 12. Reply STOP to opt out."
CONFIG = """
[amqp-broker]
port = {amqp}
spec = {spec}
connection_failure_retry_delay = 1
[redis-client]
port = {redis}
[router]
port = {router}
store_path = {folder}
[client-management]
port = {clients}
store_path = {folder}
[smpp-server]
port = {smpp}
[smpp-server-pb]
port = {smpp_pb}
[jcli]
port = {console}
authentication = False
[http-api]
port = {door}
"""
SETUP = """
group -a|gid bench|ok
user -a|username bench|password bench|gid bench|uid bench|ok
smppccm -a|cid bench|port {provider}|submit_throughput 0|loglevel 40|ok
mtrouter -a|type DefaultRoute|connector smppc(bench)|rate 0.0|ok
"""
"""For its console: nothing is throttled, everything goes to the one provider."""
CONNECT = "smppccm -1 bench"


class Jasmin(msgspec.Struct, frozen=True):
    """Where it listens."""

    door: str
    console: int


def install(folder: Path) -> Path:
    """Jasmin in an environment of its own; its folder."""
    venv.create(folder, with_pip=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, "setuptools<81", f"jasmin=={VERSION}"], check=True)  # noqa: S603 - as its own page says
    return folder


@contextmanager
def running(*command: str, folder: Path, **environment: str) -> Iterator[None]:
    """A process that ends with the block; what it says lies in a file there."""
    given = {"PATH": os.environ["PATH"], "HOME": str(folder), **environment}  # noqa: TID251 - a child needs it
    with (folder / f"{Path(command[0]).name}.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env=given)  # noqa: S603 - as installed
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(START_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def jasmin(provider: int) -> Iterator[Jasmin]:
    """One that knows of the provider on that port, and is not connected to it yet."""
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        home = install(folder / "venv")
        names = ("amqp", "redis", "router", "clients", "smpp", "smpp_pb", "console", "door", "epmd", "erlang")
        ports = {what: free_port() for what in names}
        found = find_valkey(None)
        valkey = found if isinstance(found, Path) else found.path
        stack.enter_context(running(str(valkey), "--port", str(ports["redis"]), "--save", "", folder=folder))
        stack.enter_context(rabbitmq(folder, ports))
        (spec,) = home.glob("lib/python*/site-packages/txamqp/specs/standard/amqp0-9-1.stripped.xml")
        config = folder / "jasmin.cfg"
        config.write_text(CONFIG.format(**ports, spec=spec, folder=folder))
        (folder / "logs").mkdir()
        python = str(home / "bin" / "python")
        program = (python, str(home / "bin" / "jasmind.py"), "--config", str(config))
        stack.enter_context(running(*program, folder=folder, LOG_PATH=str(folder / "logs")))
        await_port(ports["console"], folder / "python.log")
        command(ports["console"], SETUP.format(provider=provider))
        yield Jasmin(f"http://127.0.0.1:{ports['door']}/send", ports["console"])


@contextmanager
def rabbitmq(folder: Path, ports: dict[str, int]) -> Iterator[None]:
    """A broker of its own, with a port mapper of its own."""
    place = {
        "RABBITMQ_NODENAME": "bench@localhost", "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(ports["amqp"]), "RABBITMQ_DIST_PORT": str(ports["erlang"]),
        "ERL_EPMD_PORT": str(ports["epmd"]), "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "rabbitmq"), "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
    }  # fmt: skip
    try:
        with running(str(RABBITMQ), folder=folder, **place):
            await_port(ports["amqp"], folder / "rabbitmq-server.log")
            yield
    finally:
        subprocess.run(["epmd", "-port", str(ports["epmd"]), "-kill"], check=False, capture_output=True)  # noqa: S603, S607


def await_port(port: int, log: Path) -> None:
    """Until somebody listens."""
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise SystemExit(f"nothing listens on port {port}; {log.name} ends with:\n{log.read_text()[-2000:]}")


def command(console: int, lines: str) -> None:
    """Type the lines, each after the prompt that follows the one before."""
    with socket.create_connection(("127.0.0.1", console), START_S) as typed:
        read_until(typed, b"Session ref: ")  # it greets without a prompt
        for line in lines.strip().replace("\n", "|").split("|"):
            typed.sendall(f"{line}\r\n".encode())
            said = read_until(typed, b"jcli : ", b"> ")
            if "rror" in said or "nknown" in said:
                raise SystemExit(f"Jasmin's console said: {said}")


def read_until(typed: socket.socket, *ends: bytes) -> str:
    """What was said until one of these."""
    said = b""
    while not any(end in said for end in ends):
        said += typed.recv(4096)
    return said.decode(errors="replace")


async def measure(peer: Jasmin, provider: int, messages: int) -> dict[str, float]:
    """Rates of intake and of sending."""
    tally = Tally()
    server = await asyncio.get_running_loop().create_server(lambda: Session(tally), "127.0.0.1", provider)
    async with server, aiohttp.ClientSession() as session:
        await asyncio.to_thread(command, peer.console, CONNECT)
        waiting = iter(range(messages))
        fixed = {"username": "bench", "password": "bench", "from": "Example", "content": TEXT}

        async def call() -> None:
            for number in waiting:
                async with session.get(peer.door, params={**fixed, "to": str(FIRST_NUMBER + number)}) as answer:
                    assert answer.status == 200, await answer.text()

        begun = time.perf_counter()
        async with asyncio.TaskGroup() as callers:
            for _ in range(CONNECTIONS):
                callers.create_task(call())
        taken_s = time.perf_counter() - begun
        while tally.messages < messages:
            await asyncio.sleep(0.05)
        sent_s = time.perf_counter() - begun
    return {"intake_per_s": round(messages / taken_s), "sent_per_s": round(messages / sent_s)}


def main() -> None:
    """Print one line of JSON."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--messages", type=int, default=20_000)
    given = options.parse_args()
    if not RABBITMQ.exists():
        raise SystemExit("RabbitMQ is not installed: apt-get install rabbitmq-server")
    provider = free_port()
    with jasmin(provider) as peer:
        figures = asyncio.run(measure(peer, provider, given.messages))
    about = {"peer": f"jasmin {VERSION}", "messages": given.messages}
    print(json.dumps({**about, **figures, "machine": processor(), "commit": commit()}))


if __name__ == "__main__":
    main()
