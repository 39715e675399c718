"""Answers that were kept for repeated requests go when their time is over, a step at a time."""

from typing import Final

from penstock.store import idempotency
from penstock.store.pool import Store

STEP: Final = 1000


async def drop_expired_keys(store: Store) -> None:
    """Until none is left."""
    dropped = STEP
    while dropped == STEP:
        async with store.engine() as connection:
            dropped = await idempotency.drop_expired_keys(connection, STEP)
