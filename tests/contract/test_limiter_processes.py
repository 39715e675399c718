"""The limit over real processes, on a real database and a real Valkey, while everything goes wrong that may.

What is judged is what the processes wrote down where the gateway would write to the provider, on the machine's one monotonic
clock, for every position of the window.
"""

import asyncio
import itertools
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import msgspec
import pytest
import redis

from penstock.clock import SystemClock
from penstock.embedded import EmbeddedValkey
from tests.contract.positions import best_rate, fullest_window
from tests.contract.sender import Arguments
from tests.contract.wire import Wire
from tests.e2e.evidence import wait_until
from tests.servers import private_folder

ROOT = Path(__file__).parents[2]
WINDOW_US = 1_000_000
WINDOWS = 6


class Crowd:
    """Several senders, each with a wire of its own to the same Valkey."""

    def __init__(self, stack: AsyncExitStack, folder: Path, valkey: EmbeddedValkey, dsn: str, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - repeatable
        self.limit = self.chance.randint(20, 400)
        self.valkey = valkey
        self.journal = folder / "journal"
        self.journal.touch()
        self.senders: dict[str, tuple[subprocess.Popen[bytes], Wire]] = {}
        self._stack, self._folder, self._dsn = stack, folder, dsn
        self._names = itertools.count()

    async def add(self, **changes: float) -> None:
        """Start one more process."""
        name = f"sender-{next(self._names)}"
        target = self.valkey.address.removeprefix("unix://")
        wire = await self._stack.enter_async_context(Wire(target, f"{self._folder}/{name}.sock").running())
        given = Arguments(
            name=name, dsn=self._dsn, redis=wire.url, journal=str(self.journal), limit=self.limit,
            most=max(1, self.limit // self.chance.choice([1, 3, 20])), offset_s=self.chance.uniform(-1e4, 1e6), **changes,
        )  # fmt: skip
        words = [sys.executable, "-m", "tests.contract.sender", msgspec.json.encode(given).decode()]
        popen = subprocess.Popen(words, cwd=ROOT)  # noqa: ASYNC220 - it returns at once
        self._stack.callback(popen.wait)
        self._stack.callback(popen.kill)
        self.senders[name] = (popen, wire)

    def pick(self) -> tuple[str, subprocess.Popen[bytes], Wire]:
        """One of them."""
        name = self.chance.choice(sorted(self.senders))
        return (name, *self.senders[name])

    def kill(self, name: str) -> None:
        """End one without a word."""
        popen, _ = self.senders.pop(name)
        popen.kill()

    def grants(self, mode: str = "") -> list[tuple[int, int]]:
        """What was written down so far, in one mode or in all; a line that is being written is left out."""
        lines = [line.split() for line in self.journal.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return [(int(at), int(amount)) for at, amount, how in lines if mode in ("", how)]

    async def sees(self, mode: str, grants: int = 3) -> None:
        """Wait until so many more grants of one mode were written down."""
        before = len(self.grants(mode))

        async def has_seen() -> bool:
            return len(self.grants(mode)) >= before + grants

        await wait_until(has_seen, f"{grants} grants are {mode}", deadline_s=60)

    def assert_held(self) -> None:
        """No window of any position holds more than the limit."""
        assert fullest_window(self.grants(), WINDOW_US) <= self.limit


@asynccontextmanager
async def crowd(dsn: str, seed: int) -> AsyncIterator[Crowd]:
    """Lend a crowd without a sender yet, and a Valkey of its own."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(private_folder())
        valkey = EmbeddedValkey(folder / "valkey")
        stack.enter_context(valkey)
        yield Crowd(stack, folder, valkey, dsn, seed)


async def test_killing_redis_under_load(dsn: str) -> None:
    """With demand in three processes: the limit is used; then half of it by shares; then all again; and never more."""
    async with crowd(dsn, 3) as at:
        for _ in range(3):
            await at.add()
        await at.sees("shared", 30)
        assert at.valkey.pid is not None
        os.kill(at.valkey.pid, signal.SIGKILL)
        killed_us = round(SystemClock().monotonic() * 1e6)
        await at.sees("local", 1)
        local_us = round(SystemClock().monotonic() * 1e6)
        # What is measured begins two windows after the first share: the others may have learned a beat later that all are away.
        await asyncio.sleep(2 + WINDOWS)
        from_us = local_us + 2 * WINDOW_US
        during = [amount for when, amount in at.grants("local") if from_us <= when < from_us + WINDOWS * WINDOW_US]
        at.valkey.stop()
        at.valkey.start()
        await at.sees("shared", 10)
        at.assert_held()
    assert local_us - killed_us < 6 * WINDOW_US
    assert 0.4 * at.limit * WINDOWS <= sum(during) <= at.limit * WINDOWS


async def test_one_process_cut_off(dsn: str) -> None:
    """One of three loses Redis alone and comes back: it sends on its share, the others leave it that, and nobody stops."""
    async with crowd(dsn, 5) as at:
        for _ in range(3):
            await at.add()
        await at.sees("shared", 10)
        _, _, wire = at.pick()
        wire.cut()
        await at.sees("local")
        await at.sees("shared")
        wire.mend()
        await at.sees("shared")
        at.assert_held()


async def _go_wrong(at: Crowd, spans: dict[str, float]) -> None:
    """One thing of many."""
    name, popen, wire = at.pick()
    match at.chance.choice(["cut", "mend", "pause", "kill", "flush", "restart", "add", "calm"]):
        case "cut":
            wire.cut()
        case "mend":
            for _, other in at.senders.values():
                other.mend()
        case "pause":
            popen.send_signal(signal.SIGSTOP)
            await asyncio.sleep(at.chance.choice([0.2, 1.0, 3.0]))
            popen.send_signal(signal.SIGCONT)
        case "kill" if len(at.senders) > 1:
            at.kill(name)
        case "flush":
            with suppress(redis.RedisError), redis.Redis.from_url(at.valkey.address) as client:
                client.flushall()
        case "restart":
            at.valkey.stop()
            await asyncio.sleep(at.chance.choice([0.0, 0.5, 4.0]))
            at.valkey.start()
        case "add" if len(at.senders) < 4:
            await at.add(**spans)


async def _play(dsn: str, seed: int, seconds: float, spans: dict[str, float]) -> None:
    async with crowd(dsn, seed) as at:
        for _ in range(3):
            await at.add(**spans)
        await at.sees("shared", 1)
        at.pick()[2].cut()
        await at.sees("local", 1)
        until = SystemClock().monotonic() + seconds
        while SystemClock().monotonic() < until:
            await _go_wrong(at, spans)
            await asyncio.sleep(at.chance.uniform(0.1, 2.0))
        at.assert_held()
        for _, wire in at.senders.values():
            wire.mend()
        await at.sees("shared", 5)
        at.assert_held()


async def test_never_over_whatever_goes_wrong(dsn: str) -> None:
    """Processes come, are cut off, stopped and killed, Valkey flushed and restarted: the limit holds, and all mends itself."""
    await _play(dsn, 11, 15, {"beat_s": 0.2, "fresh_s": 0.5})


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(3))
async def test_never_over_for_long(dsn: str, seed: int) -> None:
    """The same at the pace of the gateway, from other seeds."""
    await _play(dsn, seed, 60, {})


async def test_a_healthy_limit_is_used(dsn: str) -> None:
    """Three processes with more to send than they may use at least 95 % of the limit, where the machine wakes them in time."""
    async with crowd(dsn, 1) as at:
        for _ in range(3):
            await at.add()
        await at.sees("shared", 1)

        async def is_used() -> bool:
            return best_rate(at.grants(), WINDOW_US) >= 0.95 * at.limit

        await wait_until(is_used, "the limit is used", deadline_s=60)
        at.assert_held()
