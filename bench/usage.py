"""What work costs beside time: processor seconds, write-ahead log, disk and memory."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import msgspec

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
SAMPLE_S = 0.05


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The counters at one moment."""

    cpu_s: float
    """Of the watched processes."""
    postgres_cpu_s: float
    """Of PostgreSQL and all its children, ended ones too."""
    wal_bytes: int
    disk_bytes: int


async def snapshot(connection: asyncpg.Connection, postgres_pid: int, pids: Iterable[int]) -> Snapshot:
    """As things stand; `connection` to the database that is worked in."""
    wal, disk = await connection.fetchrow("SELECT pg_current_wal_insert_lsn() - '0/0', pg_database_size(current_database())")
    return Snapshot(
        cpu_s=sum(cpu_s(pid) for pid in pids),
        postgres_cpu_s=cpu_s(postgres_pid, with_ended=True) + sum(cpu_s(pid) for pid in children(postgres_pid)),
        wal_bytes=int(wal),
        disk_bytes=int(disk),
    )


def figures(before: Snapshot, after: Snapshot, messages: int) -> dict[str, float]:
    """What the time between cost, for each message or each million."""
    ours, postgres = after.cpu_s - before.cpu_s, after.postgres_cpu_s - before.postgres_cpu_s
    return {
        "cpu_s_per_million": ours / messages * 1e6,
        "postgres_cpu_s_per_million": postgres / messages * 1e6,
        "all_cpu_s_per_million": (ours + postgres) / messages * 1e6,
        "wal_bytes": (after.wal_bytes - before.wal_bytes) / messages,
        "disk_bytes": (after.disk_bytes - before.disk_bytes) / messages,
    }


def cpu_s(pid: int, *, with_ended: bool = False) -> float:
    """Processor time of a process so far, with that of its ended children if asked for; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(int(field) for field in fields[11 : 15 if with_ended else 13]) * TICK_S


def children(pid: int) -> list[int]:
    """The processes that it started and that still run."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def resident_mb(pid: int | str = "self") -> float:
    """Memory that a process holds now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES / 1e6


class Peak(msgspec.Struct):
    """The most memory that a process held while it was watched."""

    mb: float = 0.0


@asynccontextmanager
async def watched_memory(pid: int) -> AsyncIterator[Peak]:
    """Look at it twenty times a second."""
    peak = Peak(resident_mb(pid))

    async def watch() -> None:
        while True:
            peak.mb = max(peak.mb, resident_mb(pid))
            await asyncio.sleep(SAMPLE_S)

    async with asyncio.TaskGroup() as group:
        watching = group.create_task(watch())
        yield peak
        watching.cancel()
