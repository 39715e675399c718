"""Which processes are there, by the database's clock: each notes a beat about once a second."""

from datetime import timedelta
from typing import Final

from msgspec import Struct

from penstock.store.pool import Connection
from penstock.store.queries import query, row_count

NOTE_BEAT = query("processes.note_beat")
LIST_OTHERS = query("processes.list_others")
REMOVE_PROCESS = query("processes.remove_process")
SWEEP_PROCESSES = query("processes.sweep_processes")

TTL: Final = timedelta(seconds=5)
"""A process that was not seen for so long counts as gone."""


class Identity(Struct, frozen=True):
    """One start of one process."""

    worker: str
    """`host:pid:` and something random, because both may come again."""
    role: str
    is_sending: bool


class Other(Struct, frozen=True):
    """Another process that sends."""

    worker: str
    limiter_parts: int
    """Its limiter keeps one part in so many of every limit for itself; 0: none, it counts in the shared windows."""


async def note_beat(connection: Connection, me: Identity, limiter_parts: int) -> None:
    """Be seen now, with this share."""
    await connection.execute(NOTE_BEAT, me.worker, me.role, me.is_sending, limiter_parts)


async def list_others(connection: Connection, worker: str, ttl: timedelta) -> list[Other]:
    """Those who send and were seen within `ttl`."""
    return [Other(**row) for row in await connection.fetch(LIST_OTHERS, worker, ttl)]


async def remove_process(connection: Connection, worker: str) -> None:
    """Be there no more."""
    await connection.execute(REMOVE_PROCESS, worker)


async def sweep_processes(connection: Connection, after: timedelta) -> int:
    """How many rows of processes that ended without a word were removed."""
    return row_count(await connection.execute(SWEEP_PROCESSES, after))
