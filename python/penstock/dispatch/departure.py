"""The last word before a claimed batch leaves: its permit is good, and its claim is young.

Asked twice. First while nothing is held but the claim, because a permit may be long in coming; then by the provider's client in
the moment in which the request's head would be written. In between a connection may have been opened, which takes as long as
the network likes, and a permit is good for the moment for which it was given.
"""

import asyncio
from typing import Final

from msgspec import structs

from penstock.dispatch.claim import LEASE
from penstock.dispatch.parts import Parts
from penstock.limits.grant import Grant

RENEW_S: Final = 5.0
"""How long a claimed batch may wait for its permit to be renewed; then it goes back to the queue."""
RENEW_CONNECTED_S: Final = 0.25
"""The same while it has a connection: one that is kept waiting may be closed from the other end in the moment of its use."""
SEND_WITHIN_S: Final = LEASE.total_seconds() / 2
"""An attempt must be younger when its request begins: long before its lease is over, when others may decide what is to become
of it. A process that was stopped in between must not send on the strength of an old claim."""


class Departure:
    """Of one batch of so many segments; its claim began at `since`, by the monotonic clock."""

    def __init__(self, parts: Parts, permit: Grant, segments: int, since: float) -> None:
        self._parts = parts
        self._permit = permit
        self._segments = segments
        self._send_by = since + SEND_WITHIN_S
        self._patience_s = RENEW_S
        self.refusal: str | None = None
        """Why it did not leave."""

    async def is_free(self) -> bool:
        """Whether it may leave now. After the first no, the permit is given back and the answer stays no."""
        if self.refusal is None:
            await self._renew(self._patience_s)
            self._patience_s = RENEW_CONNECTED_S
            if not self._permit.granted:
                self.refusal = "permit_expired"
            elif self._parts.clock.monotonic() >= self._send_by:
                self.refusal = "claim_too_old"
            if self.refusal is not None:
                await self._parts.limiter.release(self._permit)
        return self.refusal is None

    async def _renew(self, patience_s: float) -> None:
        """Renew a permit that grew old (a slow disk, a busy machine, a slow answer) or is not for what was claimed.

        A claim is cut to what was granted, but for its first message: that one goes whole, however many segments it has. Less
        was claimed where less was left than was thought. The permit has granted 0 if there was none to be had in time.
        """
        parts = self._parts
        until = parts.clock.monotonic() + patience_s
        while True:
            self._permit = await parts.limiter.renew(self._permit, self._segments)
            if self._permit.granted and self._permit.is_good(self._segments, parts.clock.monotonic()):
                return
            if not self._permit.granted:
                await asyncio.sleep(min(self._permit.retry_after_s, patience_s))
            if parts.clock.monotonic() >= until:
                self._permit = structs.replace(self._permit, granted=0)
                return
