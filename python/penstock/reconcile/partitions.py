"""Message partitions are made ahead of time, so that no campaign ever waits for one."""

import structlog

from penstock.store import system
from penstock.store.pool import Store

log = structlog.stdlib.get_logger(__name__)


async def premake_partitions(store: Store) -> None:
    """Make the partitions of this month and the next two."""
    async with store.engine() as connection:
        made = await system.premake_partitions(connection)
    if made:
        log.info("partitions_made", partitions=made)
