"""Messages that were sent and of which nothing was heard are asked about once, before the report window closes.

Two thirds of the window have passed by then: of the usual 72 hours that is 48, the provider's own validity, after which every
message has its end. Silence is no state: those that stay silent stay `sent`, and are closed with the window.
"""

from datetime import timedelta
from typing import Final

from penstock.domain.evidence import Seen
from penstock.domain.look_up import LookUpKind, Result
from penstock.reconcile.hearsay import pass_on
from penstock.store import look_ups, samples
from penstock.store.look_ups import LookUp
from penstock.store.pool import Connection, Store

MOST_WAITING: Final = 1000
"""Questions in the queue; further batches wait until there is room, the oldest first."""
BATCHES_AT_ONCE: Final = 200


def silent_after(report_window: timedelta) -> timedelta:
    """How long a message may be silent before it is asked about."""
    return report_window * 2 / 3


async def queue_silent(store: Store, after: timedelta) -> None:
    """Make questions of the silent messages of a few batches."""
    async with store.engine() as connection:
        room = MOST_WAITING - (await look_ups.count_waiting(connection))[LookUpKind.SILENT]
        # Of most batches every message has its report: these cost no question.
        for messages in await samples.list_unasked(connection, after, BATCHES_AT_ONCE):
            if room <= 0:
                return
            async with connection.transaction():
                found = await samples.list_silent(connection, messages)
                await look_ups.queue_messages(connection, LookUpKind.SILENT, messages.attempt_id, found, timedelta())
                await samples.mark_asked(connection, messages.attempt_id)
            room -= len(found)


async def judge(connection: Connection, look_up: LookUp, seen: Seen) -> Result | None:  # noqa: ARG001 - the id in `seen` is all
    """Its end, if it has one, becomes a report like any other."""
    return Result.REPORTED if await pass_on(connection, seen.report) else Result.NOTHING
