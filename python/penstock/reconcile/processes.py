"""Rows of processes that ended without a word go after a while; until then they show what died."""

from datetime import timedelta
from typing import Final

from penstock.store import processes
from penstock.store.pool import Store

KEPT: Final = timedelta(minutes=10)


async def sweep_processes(store: Store) -> None:
    """Remove those that were not seen for ten minutes."""
    async with store.engine() as connection:
        await processes.sweep_processes(connection, KEPT)
