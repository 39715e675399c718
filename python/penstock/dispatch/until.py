"""Steps that must be done, however long the database is away."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from penstock.domain.errors import UnavailableError

log = structlog.stdlib.get_logger(__name__)

RETRY_S: Final = 0.25
"""Pause before the database is tried again."""


async def until_available(step: Callable[[], Awaitable[None]]) -> None:
    """Repeat a step that is safe to repeat until the database takes it; the runner's grace bounds this when stopping."""
    while True:
        try:
            await step()
        except UnavailableError:
            log.warning("dispatch_waits_for_database")
            await asyncio.sleep(RETRY_S)
        else:
            return
