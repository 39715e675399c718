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
from penstock.store.pool import Connection, connect, translated_errors
from penstock.store.system import LEADER_KEY
from penstock.telemetry.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)

TICK_S: Final = 0.5
SOONEST_RETRY_S: Final = 1.0
LATEST_RETRY_S: Final = 10.0
"""A job that failed is tried again after its interval, within these bounds."""
ANSWER_S: Final = 10.0
"""A server that says nothing about the lock for so long is away."""
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
        self._due_at = dict.fromkeys((job.name for job in jobs), float("-inf"))

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
                    # After a job that failed the others go on at once, if the server is there at all.
                    if not await self._leads(connection) or await self.run_once():
                        await wait_for_halt(halt, TICK_S)
        finally:
            # Ends the session and with it the lock, also where the server no longer answers.
            connection.terminate()

    async def _leads(self, connection: Connection) -> bool:
        async with asyncio.timeout(ANSWER_S):
            return await system.try_leader(connection, self._key)

    async def run_once(self) -> bool:
        """Do the jobs whose time has come, the longest due first, until one fails; whether none did.

        What failed is put off, so that it keeps the others waiting once at most.
        """
        for job in sorted(self._jobs, key=lambda job: self._due_at[job.name]):
            if self._clock.monotonic() >= self._due_at[job.name] and not await self._do(job):
                return False
        return True

    async def _do(self, job: Job) -> bool:
        try:
            await job.run()
        except UnavailableError as error:
            self._due_at[job.name] = self._clock.monotonic() + max(SOONEST_RETRY_S, min(job.every_s, LATEST_RETRY_S))
            self._metrics.jobs_failed.labels(job.name).inc()
            log.warning("job_failed", leader=self.name, job=job.name, reason=type(error.__cause__).__name__)
            return False
        self._due_at[job.name] = self._clock.monotonic() + job.every_s
        self._metrics.reconciled.inc()
        return True
