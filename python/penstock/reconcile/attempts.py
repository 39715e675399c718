"""Attempts that nobody answers for: past their lease, their process is gone. What became of them is unknown."""

from typing import Final

import structlog

from penstock.domain.message import MessageState
from penstock.store import attempts
from penstock.store.pool import Store

log = structlog.stdlib.get_logger(__name__)

MOST_ATTEMPTS: Final = 100


async def give_up_lapsed_attempts(store: Store) -> None:
    """Mark their messages unknown. An answer that still comes, or is found in a spool, settles them after all."""
    async with store.engine() as connection:
        lapsed = await attempts.list_lapsed_attempts(connection, MOST_ATTEMPTS)
    for attempt_id in lapsed:
        async with store.engine() as connection, connection.transaction():
            attempt = await attempts.find_attempt(connection, attempt_id)
            if attempt is None or await attempts.lock_attempt(connection, attempt_id) != "open":
                continue
            await attempts.mark_unknown(connection, attempt, MessageState.QUEUED, "lease_lapsed")
        log.error("attempt_lapsed", batch_id=attempt.batch_id, messages=attempt.messages)
