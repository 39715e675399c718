"""Every process says that it lives and which share of the limits it keeps, and sees the same of the others.

A beat writes this process's row, then reads the others' (limits/shares.py rests on that order); both are single statements on
a connection of its own, so that a busy pool never makes a living process look dead. There is a beat every second, and at once
when there is something to announce. A row that is older than the TTL, by the database's clock, counts no more.

Without the database the last view grows old, and an old view lets nothing be sent.
"""

import asyncio
from datetime import timedelta
from typing import Final

import structlog

from penstock.clock import Clock
from penstock.domain.errors import UnavailableError
from penstock.lifecycle import wait_for_either, wait_for_halt
from penstock.limits.shares import FRESH_S, Peer, Shares
from penstock.store import processes
from penstock.store.pool import Connection, connect, translated_errors
from penstock.store.processes import Identity

log = structlog.stdlib.get_logger(__name__)

BEAT_S: Final = 1.0
QUICK_S: Final = 0.25
"""While this process waits for the others before it may send."""
RETRY_S: Final = 0.25
"""Pause before the database is tried again."""


class Heartbeat:
    """The service. One a process."""

    name = "heartbeat"

    def __init__(self, dsn: str, me: Identity, clock: Clock, shares: Shares | None, news: asyncio.Event) -> None:
        """`shares`: of a process that sends; others have nothing to agree on. `news`: set when there is something to tell."""
        self._dsn = dsn
        self._me = me
        self._clock = clock
        self._shares = shares
        self._news = news

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
                    await wait_for_either(halt, self._news, self._pause_s())
                await self._leave(connection)
            finally:
                connection.terminate()

    async def beat(self, connection: Connection) -> None:
        """Be seen, then look: in that order, of two that begin at once one at least sees both. Raises UnavailableError."""
        self._news.clear()
        # The age of a view is counted from before it was read.
        began = self._clock.monotonic()
        with translated_errors():
            async with asyncio.timeout(FRESH_S):
                if self._shares is None:
                    await processes.note_beat(connection, self._me, 0)
                else:
                    await self._agree(connection, self._shares, began)

    async def _agree(self, connection: Connection, shares: Shares, began: float) -> None:
        parts = shares.to_announce(began)
        await processes.note_beat(connection, self._me, parts)
        ttl = max(processes.TTL, timedelta(seconds=shares.ttl_s))
        others = await processes.list_others(connection, self._me.worker, ttl)
        shares.see(began, self._clock.monotonic(), parts, [Peer(other.worker, other.limiter_parts) for other in others])

    def _pause_s(self) -> float:
        return QUICK_S if self._shares is not None and self._shares.is_changing else BEAT_S

    async def _leave(self, connection: Connection) -> None:
        """A row with a share stays and grows old: what was sent on it still counts."""
        if self._shares is None or not self._shares.to_announce(self._clock.monotonic()):
            async with asyncio.timeout(FRESH_S):
                await processes.remove_process(connection, self._me.worker)
