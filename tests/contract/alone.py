"""For limiters of a single process: a heartbeat that sees nobody else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from penstock.clock import SystemClock
from penstock.limits.limiter import Limiter


@asynccontextmanager
async def alone(limiter: Limiter) -> AsyncIterator[Limiter]:
    """Lend the limiter while it beats; close it."""

    def beat() -> None:
        now = SystemClock().monotonic()
        limiter.shares.see(now, now, limiter.shares.to_announce(now), [])

    async def keep_beating() -> None:
        while True:
            beat()
            await asyncio.sleep(0.02)

    beat()
    beating = asyncio.get_running_loop().create_task(keep_beating())
    try:
        yield limiter
    finally:
        beating.cancel()
        await asyncio.wait({beating})
        await limiter.aclose()
