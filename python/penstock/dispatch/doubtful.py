"""Claims that ended without a word from the database: committed or not, nobody knows yet."""

import asyncio
from contextlib import suppress
from typing import Final

from penstock.dispatch.claim import LEASE
from penstock.dispatch.parts import Parts
from penstock.dispatch.until import RETRY_S
from penstock.domain.errors import UnavailableError
from penstock.domain.ids import AttemptId
from penstock.store import attempts

LOOK_AGAIN_S: Final = 1.0
"""How often they are looked for."""
LAST_LOOKS_S: Final = 5.0
"""How long a process that ends goes on looking. A COMMIT that hangs for longer leaves an attempt that ends as unknown."""


class DoubtfulClaims:
    """Those of this process, until each is found or cannot come any more."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._look_again_at = float("-inf")
        self._since = dict[AttemptId, float]()

    async def hand_back(self) -> None:
        """What was committed after all goes back to the queue; nothing had left.

        A COMMIT may still hang on the server, so that a miss proves nothing before an attempt's lease would be over.
        """
        doubtful, now = self._parts.claimer.doubtful, self._parts.clock.monotonic()
        if not doubtful or now < self._look_again_at:
            return
        self._look_again_at = now + LOOK_AGAIN_S
        for attempt_id in list(doubtful):
            since = self._since.setdefault(attempt_id, now)
            async with self._parts.store.engine() as connection:
                attempt = await attempts.find_attempt(connection, attempt_id)
            if attempt is not None:
                await self._parts.settler.hand_back(attempt, "claim_unconfirmed")
            if attempt is not None or now - since > LEASE.total_seconds():
                doubtful.discard(attempt_id)
                self._since.pop(attempt_id, None)

    async def hand_back_last(self) -> None:
        """The same before this process ends: that nothing of them was sent is known to nobody else."""
        clock, doubtful = self._parts.clock, self._parts.claimer.doubtful
        until = clock.monotonic() + LAST_LOOKS_S
        while doubtful and clock.monotonic() < until:
            with suppress(UnavailableError):
                await self.hand_back()
            if doubtful:
                await asyncio.sleep(RETRY_S)
