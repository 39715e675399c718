"""The index of numbers is filled behind: a little at a time, oldest first, so that storing and sending never wait for it."""

from typing import Final

from penstock.store import message_search, singles
from penstock.store.pool import Store

MOST_NUMBERS: Final = 20_000
"""Numbers that one step adds, but for one chunk that has more by itself."""


async def index_numbers(store: Store) -> None:
    """One step. Chunks that change while their numbers are read are not marked, and read again."""
    async with store.engine() as connection:
        if not (chunks := await message_search.choose_unindexed(connection, MOST_NUMBERS)):
            return
        async with connection.transaction():
            await message_search.index_numbers(connection, chunks)
            # Last, because a claim that joins chunks waits for these rows.
            await message_search.mark_indexed(connection, chunks)


async def forget_days(store: Store) -> None:
    """Drop the pointers to rolling campaigns that take nothing any more."""
    async with store.engine() as connection:
        await singles.forget_days(connection)
