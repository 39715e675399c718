"""The one process that runs the periodic jobs: it holds an advisory lock on a connection of its own.

The jobs are idempotent, so two leaders for a moment would do no harm; the lock only saves work. There is one leader for quick
jobs, one for long ones, so that nothing waits until a large campaign is counted, and one that asks the provider about messages.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final

import structlog
from msgspec import Struct

from penstock.clock import Clock
from penstock.domain.errors import UnavailableError
from penstock.lifecycle import wait_for_halt
from penstock.store import system
from penstock.store.pool import connect, translated_errors
from penstock.store.system import LEADER_KEY
from penstock.telemetry.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)

TICK_S: Final = 0.5
PATIENCE: Final = timedelta(seconds=60)
"""A leader that says nothing for so long is asleep (stopped, paused with its machine) and loses the lock to one that is not."""


class Job(Struct, frozen=True):
    """Something that is done again and again."""

    name: str
    every_s: float
    run: Callable[[], Awaitable[None]]


class Leader:
    """The service of stage 4."""

    def __init__(  # noqa: PLR0913 - a service takes its surroundings by name
        self, dsn: str, jobs: Sequence[Job], clock: Clock, metrics: Metrics, *,
        name: str = "leader", key: int = LEADER_KEY, patience: timedelta = PATIENCE,
    ) -> None:  # fmt: skip
        self.name = name
        self._key = key
        self._dsn = dsn
        self._jobs = jobs
        self._clock = clock
        self._metrics = metrics
        self._patience = patience
        self._done_at = dict.fromkeys((job.name for job in jobs), float("-inf"))

    async def run(self, halt: asyncio.Event) -> None:
        """Stand for leader, and do the jobs while leading."""
        while not halt.is_set():
            try:
                await self._lead(halt)
            except UnavailableError:
                self._metrics.leader.clear()
                log.warning("leader_waits_for_database", leader=self.name)
                await wait_for_halt(halt, TICK_S)

    async def _lead(self, halt: asyncio.Event) -> None:
        connection = await connect(self._dsn)
        try:
            with translated_errors():
                await system.bound_silence(connection, self._patience)
                while not halt.is_set():
                    if await system.try_leader(connection, self._key):
                        await self.run_once()
                    await wait_for_halt(halt, TICK_S)
        finally:
            # Ends the session and with it the lock, also where the server no longer answers.
            connection.terminate()

    async def run_once(self) -> None:
        """Do every job whose time has come."""
        for job in self._jobs:
            if self._clock.monotonic() - self._done_at[job.name] >= job.every_s:
                await job.run()
                self._done_at[job.name] = self._clock.monotonic()
                self._metrics.reconciled.inc()
