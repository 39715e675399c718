"""The database as a whole: the leader's lock, partitions, and gauges over all tenants."""

from datetime import timedelta
from typing import Final

from msgspec import Struct

from penstock.store.pool import Connection
from penstock.store.queries import query

TRY_LEADER = query("system.try_leader")
BOUND_SILENCE = query("system.bound_silence")
PREMAKE_PARTITIONS = query("system.premake_partitions")
COUNT_QUEUE = query("system.count_queue")
SERVER_VERSION = query("system.server_version")
TAKE_PROBE_LOCK = query("system.take_probe_lock")
RELEASE_PROBE_LOCK = query("system.release_probe_lock")

LEADER_KEY: Final = 0x70656E6C65616400
"""`penlead` in ASCII."""
LOOK_UP_KEY: Final = 0x70656E6C6F6F6B00
"""`penlook` in ASCII."""
RECONCILER_KEY: Final = 0x70656E7265636F6E
"""`penrecon` in ASCII."""
PROBE_KEY: Final = 0x70656E70726F6265
"""`penprobe` in ASCII."""


class Queue(Struct, frozen=True):
    """What waits to be sent, over all tenants."""

    waiting: int
    unknown_batches: int
    dead_batches: int


async def try_leader(connection: Connection, key: int) -> bool:
    """Whether this connection now holds (or already held) this leader's lock."""
    held: bool = await connection.fetchval(TRY_LEADER, key)
    return held


async def bound_silence(connection: Connection, patience: timedelta) -> None:
    """Let the server end this session, and free its locks, when it says nothing for so long."""
    await connection.execute(BOUND_SILENCE, str(int(patience.total_seconds() * 1000)))


async def premake_partitions(connection: Connection) -> int:
    """How many message partitions were made."""
    made: int = await connection.fetchval(PREMAKE_PARTITIONS)
    return made


async def count_queue(connection: Connection) -> Queue:
    """For the metrics."""
    return Queue(**await connection.fetchrow(COUNT_QUEUE))  # type: ignore[arg-type]


async def server_version(connection: Connection) -> str:
    """As the server names it."""
    version: str = await connection.fetchval(SERVER_VERSION)
    return version


async def keeps_session(connection: Connection) -> bool:
    """Whether statements of one connection run in one session: leader locks and migrations need that."""
    pid = await connection.fetchval(TAKE_PROBE_LOCK, PROBE_KEY)
    kept: bool = await connection.fetchval(RELEASE_PROBE_LOCK, PROBE_KEY, pid)
    return kept
