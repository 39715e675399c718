"""The same job given to Kannel: recipients over HTTP in, one text each, out to a provider on loopback that takes everything.

    apt-get install kannel kannel-extras
    python bench/peers/kannel.py [--messages 100000] [--spool]

Kannel's own `fakesmsc` is the provider: it costs less than any HTTP one, which is in Kannel's favour. Intake is what its smsbox
answers 202 to, sending what the provider has counted. Without `--spool` Kannel keeps its queue in memory and a kill loses it;
with it a file a message is written, which is the nearest to what Penstock promises.
"""

import argparse
import asyncio
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import aiohttp

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.machine import commit, processor
from tests.e2e.inside import free_port

RECIPIENTS_A_REQUEST = 250
CONNECTIONS = 8
FIRST_NUMBER = 4_915_100_000_000
START_S = 10
PROGRAMS = f"{os.environ['PATH']}:/usr/sbin"  # noqa: TID251 - where Debian puts them
FAKESMSC = "/usr/lib/kannel/test/fakesmsc"
TEXT = "Hello Customer, your order arrives between 10 and 12. Reply STOP to opt out."
CONFIG = """
group = core
admin-port = {admin}
admin-password = bench
smsbox-port = {box}
log-file = {folder}/bearerbox.log
log-level = 3
sms-resend-retry = 0
{store}

group = smsc
smsc = fake
smsc-id = fake
port = {smsc}
connect-allow-ip = 127.0.0.1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {door}
log-file = {folder}/smsbox.log
log-level = 3

group = sendsms-user
username = bench
password = bench
concatenation = true
max-messages = 10

group = sms-service
keyword = default
text = none
max-messages = 0
"""


@contextmanager
def kannel(*, has_spool: bool) -> Iterator[tuple[str, str]]:
    """The addresses of its door and of its status page; the provider is connected."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        ports = {what: free_port() for what in ("admin", "box", "smsc", "door")}
        (folder / "spool").mkdir()
        store = f"store-type = spool\nstore-location = {folder}/spool" if has_spool else ""
        file = folder / "kannel.conf"
        file.write_text(CONFIG.format(**ports, folder=folder, store=store))

        def start(*command: str) -> None:
            output = subprocess.DEVNULL
            process = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder)  # noqa: S603 - as installed
            stack.callback(_end, process)

        start("bearerbox", "-v", "4", str(file))
        _await_port(ports["box"])
        start("smsbox", "-v", "4", str(file))
        _await_port(ports["door"])
        start(FAKESMSC, "-v", "4", "-H", "127.0.0.1", "-r", str(ports["smsc"]), "-m", "0", "1 2 text nothing")
        status = f"http://127.0.0.1:{ports['admin']}/status.xml?password=bench"
        yield f"http://127.0.0.1:{ports['door']}/cgi-bin/sendsms", status


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _await_port(port: int) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise SystemExit(f"nothing listens on port {port}: did Kannel start?")


async def measure(door: str, status: str, messages: int) -> dict[str, float]:
    """Rates of intake and of sending."""
    waiting = iter(range(0, messages, RECIPIENTS_A_REQUEST))
    fixed = {"username": "bench", "password": "bench", "from": "Example", "text": TEXT}
    async with aiohttp.ClientSession() as session:

        async def call() -> None:
            for first in waiting:
                numbers = range(FIRST_NUMBER + first, FIRST_NUMBER + min(first + RECIPIENTS_A_REQUEST, messages))
                query = {**fixed, "to": " ".join(f"+{number}" for number in numbers)}
                async with session.get(door, params=query) as answer:
                    assert answer.status == 202, await answer.text()

        begun = time.perf_counter()
        async with asyncio.TaskGroup() as callers:
            for _ in range(CONNECTIONS):
                callers.create_task(call())
        taken_s = time.perf_counter() - begun
        while await _sent(session, status) < messages:
            await asyncio.sleep(0.05)
        sent_s = time.perf_counter() - begun
    return {"intake_per_s": round(messages / taken_s), "sent_per_s": round(messages / sent_s)}


async def _sent(session: aiohttp.ClientSession, status: str) -> int:
    async with session.get(status) as answer:
        found = re.search(r"<sms>.*?<sent><total>(\d+)</total>", await answer.text(), re.DOTALL)
    return int(found[1]) if found else 0


def main() -> None:
    """Print one line of JSON."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--messages", type=int, default=100_000)
    options.add_argument("--spool", action="store_true", help="a queue that survives a kill")
    given = options.parse_args()
    if shutil.which("bearerbox", path=PROGRAMS) is None or not Path(FAKESMSC).exists():
        raise SystemExit("Kannel is not installed: apt-get install kannel kannel-extras")
    with kannel(has_spool=given.spool) as (door, status):
        figures = asyncio.run(measure(door, status, given.messages))
    about = {"peer": "kannel", "store": "spool" if given.spool else "memory", "messages": given.messages}
    print(json.dumps({**about, **figures, "machine": processor(), "commit": commit()}))


if __name__ == "__main__":
    main()
