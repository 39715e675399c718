"""The database as a whole: the leader's lock, partitions, and gauges over all tenants."""

from typing import Final

from msgspec import Struct

from penstock.store.pool import Connection
from penstock.store.queries import query

TRY_LEADER = query("system.try_leader")
PREMAKE_PARTITIONS = query("system.premake_partitions")
COUNT_QUEUE = query("system.count_queue")

LEADER_KEY: Final = 0x70656E6C65616400
"""`penlead` in ASCII."""


class Queue(Struct, frozen=True):
    """What waits to be sent, over all tenants."""

    waiting: int
    unknown_batches: int
    dead_batches: int


async def try_leader(connection: Connection) -> bool:
    """Whether this connection now holds (or already held) the leader's lock."""
    held: bool = await connection.fetchval(TRY_LEADER, LEADER_KEY)
    return held


async def premake_partitions(connection: Connection) -> int:
    """How many message partitions were made."""
    made: int = await connection.fetchval(PREMAKE_PARTITIONS)
    return made


async def count_queue(connection: Connection) -> Queue:
    """For the metrics."""
    return Queue(**await connection.fetchrow(COUNT_QUEUE))  # type: ignore[arg-type]
