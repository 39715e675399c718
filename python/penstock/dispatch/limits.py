"""Keeps the limiter's limits those of the database: a change there holds in every process within a second."""

import asyncio
from contextlib import suppress
from typing import Final

from penstock.domain.errors import UnavailableError
from penstock.lifecycle import wait_for_halt
from penstock.limits.limiter import Limiter
from penstock.limits.scopes import Overrides
from penstock.store import limits
from penstock.store.pool import Store

READ_EVERY_S: Final = 0.4


class LimitReader:
    """The service. Without the database the limits stay as they were; nothing can be claimed then either."""

    name = "limit_reader"

    def __init__(self, store: Store, limiter: Limiter) -> None:
        self._store = store
        self._limiter = limiter

    async def run(self, halt: asyncio.Event) -> None:
        """Read until halted."""
        while not halt.is_set():
            with suppress(UnavailableError):
                await self.run_once()
            await wait_for_halt(halt, READ_EVERY_S)

    async def run_once(self) -> None:
        """Read what differs from the settings. Raises UnavailableError."""
        async with self._store.engine() as connection:
            accounts = await limits.list_account_limits(connection)
            tenants = await limits.list_tenant_limits(connection)
            has_singles = await limits.has_singles(connection)
        self._limiter.override(
            Overrides(
                account_requests={one.account_id: one.requests_max for one in accounts if one.requests_max is not None},
                account_segments={one.account_id: one.segments_per_s for one in accounts if one.segments_per_s is not None},
                tenant_requests={one.tenant_id: one.requests_max for one in tenants},
                has_singles=has_singles,
            )
        )
