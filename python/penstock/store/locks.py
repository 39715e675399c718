"""Locks that others hold: passed over by the periodic jobs, and taken from sessions of ours that do not go on."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import asyncpg
import structlog
from msgspec import Struct

from penstock.domain.errors import UnavailableError
from penstock.store.pool import SESSIONS, Connection
from penstock.store.queries import query

END_TRANSACTIONS = query("locks.end_transactions")

log = structlog.stdlib.get_logger(__name__)


class Ended(Struct, frozen=True):
    """A transaction that was ended, with its session."""

    session: str
    """The same for the same transaction, and no other's."""
    pool: str
    age_s: int
    waited_for: str
    """What the server says that it was busy with: `ClientRead` when the process had fallen silent."""


async def end_transactions(connection: Connection, age: timedelta) -> list[Ended]:
    """End those of this program's pools that are older; other sessions, also of this role, are left alone."""
    return [Ended(**row) for row in await connection.fetch(END_TRANSACTIONS, age, list(SESSIONS))]


@contextmanager
def unless_locked(**what: object) -> Iterator[None]:
    """Pass over a transaction that would wait for somebody else's lock. For jobs, which come back to it.

    The log line says `what` it was about.
    """
    try:
        yield
    except UnavailableError as error:
        if not isinstance(error.__cause__, asyncpg.LockNotAvailableError):
            raise
        log.info("passed_over_while_locked", **what)
