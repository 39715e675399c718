r"""Requests that leave at their time whether or not the ones before were answered, each measured from when it should have left.

    python bench/open_loop.py --url http://127.0.0.1:8080/v1/messages --rate 500 --seconds 20 \
        --header 'Authorization: Bearer pk_…' --body '{"to":"+49151{i:08d}","text":"Hi"}'

A closed loop (so many callers, each waiting for its answer) slows down with the server and so hides every stall; this one does
not. `{i}` in body and key is the request's number. Prints one line of JSON: what was answered, and latencies in milliseconds.
"""

import argparse
import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from statistics import median

import aiohttp
import msgspec
import uvloop

from penstock.lifecycle import keep_for_good

WARM_UP = 0.1
"""Of the requests, the first tenth fill pools and caches; how long they took is not counted."""


class Measured(msgspec.Struct):
    """What came of a run."""

    rate: float
    requests: int
    statuses: dict[str, int]
    """Of all of them; the quantiles are of those after the warm-up."""
    p50_ms: float
    p95_ms: float
    p99_ms: float
    p999_ms: float
    worst_ms: float
    sent_p50_ms: float
    """The median counted from when a request really left: for differences smaller than the generator's clock is fine."""
    late_ms: float
    """How late the generator itself was at worst: a result with much of it says nothing about the server."""


class Shot(msgspec.Struct):
    """One request."""

    intended: float
    """When it should have left, by `time.perf_counter`."""
    status: str
    seconds: float
    late_s: float


class Target(msgspec.Struct):
    """What is asked, over and over."""

    url: str
    headers: dict[str, str]
    body: str

    def headers_of(self, number: int) -> dict[str, str]:
        """Of one request."""
        return {name: value.replace("{i}", str(number)) for name, value in self.headers.items()}

    def body_of(self, number: int) -> bytes:
        """Of one request."""
        return self.body.replace("{i:08d}", f"{number:08d}").replace("{i}", str(number)).encode()


async def run(target: Target, rate: float, seconds: float) -> Measured:
    """Send at this rate for so long."""
    return summarize(rate, await fire(target, rate, seconds))


async def fire(target: Target, rate: float, seconds: float) -> list[Shot]:
    """The same one by one, in the order of the answers."""
    shots: list[Shot] = []
    keep_for_good()  # a collection here would be counted as a slow answer
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=60)
    async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as group:
        start = time.perf_counter() + 0.05
        for number in range(int(rate * seconds)):
            intended = start + number / rate
            if (wait := intended - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            group.create_task(_shoot(session, target, number, intended, shots))
    return shots


async def _shoot(session: aiohttp.ClientSession, target: Target, number: int, intended: float, shots: list[Shot]) -> None:
    late = time.perf_counter() - intended
    try:
        async with session.post(target.url, data=target.body_of(number), headers=target.headers_of(number)) as response:
            await response.read()
            status = str(response.status)
    except aiohttp.ClientError as error:
        status = type(error).__name__
    shots.append(Shot(intended, status, time.perf_counter() - intended, late))


def summarize(rate: float, shots: Sequence[Shot], warm_up: float = WARM_UP) -> Measured:
    """Quantiles of all that was asked, failures too."""
    counted = shots[int(len(shots) * warm_up) :]
    times = sorted(shot.seconds * 1000 for shot in counted)

    def at(quantile: float) -> float:
        return round(times[min(len(times) - 1, int(quantile * len(times)))], 3)

    return Measured(
        rate=rate, requests=len(shots), statuses=dict(Counter(shot.status for shot in shots)), p50_ms=at(0.5), p95_ms=at(0.95),
        p99_ms=at(0.99), p999_ms=at(0.999), worst_ms=round(times[-1], 3),
        sent_p50_ms=round(median(shot.seconds - shot.late_s for shot in counted) * 1000, 3),
        late_ms=round(max(shot.late_s for shot in counted) * 1000, 3),
    )  # fmt: skip


def main() -> None:
    """Read the command line and measure."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--url", required=True)
    options.add_argument("--rate", type=float, default=500, help="requests a second")
    options.add_argument("--seconds", type=float, default=20)
    options.add_argument("--body", default="{}")
    options.add_argument("--header", action="append", default=[], help="NAME: VALUE")
    given = options.parse_args()
    pairs = (header.partition(":") for header in given.header)
    headers = {"Content-Type": "application/json"} | {name: value.strip() for name, _, value in pairs}
    measured = uvloop.run(run(Target(given.url, headers, given.body), given.rate, given.seconds))
    print(json.dumps(msgspec.to_builtins(measured)))


if __name__ == "__main__":
    main()
