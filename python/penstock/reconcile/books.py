"""Counters: delta rows folded into one row a counter, so that reading the books stays cheap."""

from typing import Final

from penstock.store import campaigns
from penstock.store.pool import Store

FOLD_AT_ONCE: Final = 5000


async def fold_counts(store: Store) -> None:
    """Fold every delta that is committed by now."""
    while True:
        async with store.engine() as connection:
            folded = await campaigns.fold_counts(connection, FOLD_AT_ONCE)
        if folded < FOLD_AT_ONCE:
            return
