"""Every process says that it lives, and knows who else does: what the limiter's shares and the fate of open attempts rest on.

A beat writes this process's row, then counts the others; both are single statements on a connection of its own, so that a
busy pool never makes a living process look dead. The three times and what follows from them:

    BEAT_S 1 s   between two beats
    FRESH_S 2.5 s  a view that is older is not current: this process must not send on the strength of it
    TTL 5 s      a row that is older counts no more (the database's clock)

So a process stops relying on its view long before the others stop counting it. And whoever begins, or changes its limiter's
mode, is known FRESH_S after the beat that said so to every process whose view is current: by then each of those has looked
again. A change of mode is told at once (`announce`), not at the next beat.

Without the database the last view stays, and is read in the way that sends less: every process counts as local.
"""

import asyncio
from typing import Final

import structlog

from penstock.clock import Clock
from penstock.domain.errors import UnavailableError
from penstock.lifecycle import wait_for_either, wait_for_halt
from penstock.store import processes
from penstock.store.pool import Connection, connect, translated_errors
from penstock.store.processes import Identity, LimiterMode, Sending

log = structlog.stdlib.get_logger(__name__)

BEAT_S: Final = 1.0
FRESH_S: Final = 2.5
RETRY_S: Final = 0.25
"""Pause before the database is tried again."""


class Heartbeat:
    """The service, and the latest view that it has. One a process."""

    name = "heartbeat"

    def __init__(self, dsn: str, me: Identity, clock: Clock) -> None:
        self._dsn = dsn
        self._me = me
        self._clock = clock
        self._mode: LimiterMode = "shared"
        self._announced = asyncio.Event()
        self._seen = Sending(processes=1, local=0)
        self._seen_at = float("-inf")

    @property
    def is_current(self) -> bool:
        """Whether the others count this process, and it them. While this is false it must not send."""
        return self._clock.monotonic() - self._seen_at < FRESH_S

    def processes(self) -> int:
        """How many processes send; this one is among them."""
        return max(1, self._seen.processes)

    def local(self) -> int:
        """How many of them keep a share of their own; all, where that is not known."""
        return self._seen.local if self.is_current else self.processes()

    def announce(self, mode: LimiterMode) -> None:
        """This process's limiter works so from now on: beat at once."""
        self._mode = mode
        self._announced.set()

    async def run(self, halt: asyncio.Event) -> None:
        """Beat until halted, then leave no row behind."""
        while not halt.is_set():
            try:
                await self._connected(halt)
            except UnavailableError:
                log.warning("heartbeat_waits_for_database")
                await wait_for_halt(halt, RETRY_S)

    async def _connected(self, halt: asyncio.Event) -> None:
        with translated_errors():
            async with asyncio.timeout(FRESH_S):
                connection = await connect(self._dsn)
            try:
                while not halt.is_set():
                    await self.beat(connection)
                    await wait_for_either(halt, self._announced, BEAT_S)
                async with asyncio.timeout(FRESH_S):
                    await processes.remove_process(connection, self._me.worker)
            finally:
                connection.terminate()

    async def beat(self, connection: Connection) -> None:
        """Be seen, then look: in that order, of two that begin at once one at least sees both. Raises UnavailableError."""
        self._announced.clear()
        began = self._clock.monotonic()
        with translated_errors():
            async with asyncio.timeout(FRESH_S):
                await processes.note_beat(connection, self._me, self._mode)
                self._seen = await processes.count_sending(connection)
        # The age of a view is counted from before it was read.
        self._seen_at = began
