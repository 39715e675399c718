"""One process that takes all that the limiter gives: `python -m tests.contract.sender ARGUMENTS`, until it is killed.

It is put together as the gateway is: a limiter, its heartbeat on a real database, a real Redis. What it may send it writes down
with the machine's monotonic time, which all processes share, just where the gateway would write to the provider.
"""

import asyncio
import os
import random
import sys
from datetime import timedelta
from pathlib import Path

import msgspec
import uvloop

from penstock.clock import SystemClock
from penstock.config import RateLimit, Redis
from penstock.domain.ids import AccountId, TenantId
from penstock.limits.limiter import Limiter
from penstock.reconcile import heartbeat
from penstock.reconcile.heartbeat import Heartbeat
from penstock.redact import Secret
from penstock.store.processes import Identity
from penstock.telemetry.metrics import Metrics

ASKERS = 3


class Arguments(msgspec.Struct, frozen=True, kw_only=True):
    """What a sender is told."""

    name: str
    dsn: str
    redis: str
    journal: str
    limit: int
    most: int
    """Segments asked for at once, at most."""
    offset_s: float = 0.0
    """How far its clock is from the machine's."""
    beat_s: float = heartbeat.BEAT_S
    fresh_s: float = heartbeat.FRESH_S


class SkewedClock(SystemClock):
    """A clock that is wrong by so much."""

    def __init__(self, offset_s: float) -> None:
        self._offset_s = offset_s

    def monotonic(self) -> float:
        """Seconds."""
        return super().monotonic() + self._offset_s


async def send(limiter: Limiter, given: Arguments, clock: SkewedClock, journal: int) -> None:
    """Ask for a permit, write it down where it would be used, and wait as told."""
    chance = random.Random(given.name)  # noqa: S311 - repeatable
    while True:
        want = chance.randint(1, given.most)
        grant = await limiter.acquire(AccountId("account"), TenantId(1), want=want)
        now = clock.monotonic()
        if grant.granted and now <= grant.expires_at:
            at_us = round((now - given.offset_s) * 1e6)
            os.write(journal, f"{at_us} {grant.granted} {limiter.state.partition(' ')[0]}\n".encode())
        await asyncio.sleep(grant.retry_after_s)


async def main(given: Arguments) -> None:
    """Run until killed."""
    heartbeat.BEAT_S, heartbeat.QUICK_S = given.beat_s, given.beat_s / 4  # type: ignore[misc]
    clock, news = SkewedClock(given.offset_s), asyncio.Event()
    redis = Redis(url=Secret(given.redis), timeout=timedelta(milliseconds=100))
    rates = RateLimit(tenant_max=10_000, traffic_account_max=10_000, global_max=10_000)
    limiter = Limiter.open(redis, rates, given.limit, metrics=Metrics("test"), clock=clock, tell=news.set)
    limiter.shares.fresh_s = given.fresh_s
    beats = Heartbeat(given.dsn, Identity(given.name, "dispatch", is_sending=True), clock, limiter.shares, news)
    journal = os.open(Path(given.journal), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    halt = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(beats.run(halt))
        group.create_task(limiter.run(halt))
        for _ in range(ASKERS):
            group.create_task(send(limiter, given, clock, journal))


if __name__ == "__main__":
    uvloop.run(main(msgspec.json.decode(sys.argv[1], type=Arguments)))
