"""Which processes are there, by the database's clock: each notes a beat about once a second."""

from datetime import timedelta
from typing import Final, Literal

from msgspec import Struct

from penstock.store.pool import Connection
from penstock.store.queries import query, row_count

NOTE_BEAT = query("processes.note_beat")
COUNT_SENDING = query("processes.count_sending")
REMOVE_PROCESS = query("processes.remove_process")
SWEEP_PROCESSES = query("processes.sweep_processes")

TTL: Final = timedelta(seconds=5)
"""A process that was not seen for so long counts as gone."""

LimiterMode = Literal["shared", "local"]


class Identity(Struct, frozen=True):
    """One start of one process."""

    worker: str
    """`host:pid:` and something random, because both may come again."""
    role: str
    is_sending: bool


class Sending(Struct, frozen=True):
    """The processes that send, at one instant."""

    processes: int
    local: int
    """Those of them whose limiter keeps a share of its own."""


async def note_beat(connection: Connection, me: Identity, mode: LimiterMode) -> None:
    """Be seen now."""
    await connection.execute(NOTE_BEAT, me.worker, me.role, me.is_sending, mode)


async def count_sending(connection: Connection) -> Sending:
    """Those that were seen within the TTL."""
    return Sending(**await connection.fetchrow(COUNT_SENDING, TTL))  # type: ignore[arg-type]


async def remove_process(connection: Connection, worker: str) -> None:
    """Be there no more."""
    await connection.execute(REMOVE_PROCESS, worker)


async def sweep_processes(connection: Connection, after: timedelta) -> int:
    """How many rows of processes that ended without a word were removed."""
    return row_count(await connection.execute(SWEEP_PROCESSES, after))
