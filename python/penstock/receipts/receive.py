"""Delivery reports at the door: parsed, stored durably, answered. Requests that arrive together share one commit."""

import asyncio
from typing import Final

import structlog
from msgspec import Struct

from penstock import _core, failpoint
from penstock.domain.errors import MalformedRequestError, UnavailableError
from penstock.failpoint import Point
from penstock.store import reports
from penstock.store.pool import Store
from penstock.telemetry.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)

WAITING_REQUESTS: Final = 10_000
"""Beyond this the provider is told to come back: its reports are safer with it than in our memory."""
PAGE_BYTES: Final = 1_000_000
PARSE_IN_THREAD_BYTES: Final = 64_000
"""From about a millisecond of parsing on, the event loop is left free."""
STORE_TIMEOUT_S: Final = 10.0


class Waiting(Struct, frozen=True, eq=False):
    """A request whose reports are not durable yet."""

    lines: bytes
    count: int
    stored: "asyncio.Future[None]"


class Receiver:
    """The service that stores what `accept` hands it."""

    name = "receive"

    def __init__(self, store: Store, metrics: Metrics) -> None:
        self._store = store
        self._metrics = metrics
        self._queue: asyncio.Queue[Waiting] = asyncio.Queue(WAITING_REQUESTS)

    async def accept(self, body: bytes, content_type: str) -> int:
        """Store the reports of one request; how many there are. When this returns they are durable.

        Raises MalformedRequestError, and UnavailableError when they could not be stored: the provider should try again.
        """
        found = await _read(body, content_type)
        count = len(found.ids) + found.unreadable
        if count == 0:
            return 0
        waiting = Waiting(found.lines, count, asyncio.get_running_loop().create_future())
        try:
            self._queue.put_nowait(waiting)
            async with asyncio.timeout(STORE_TIMEOUT_S):
                await waiting.stored
        except (asyncio.QueueFull, TimeoutError) as error:
            raise UnavailableError("The reports could not be stored; send them again.") from error
        if found.unreadable:
            self._metrics.reports.labels("unreadable").inc(found.unreadable)
        return count

    async def run(self, halt: asyncio.Event) -> None:
        """Store whatever waits; everything accepted before the halt is stored before this returns."""
        halted = asyncio.get_running_loop().create_task(halt.wait())
        try:
            while not (halt.is_set() and self._queue.empty()):
                first = await self._next(halted)
                if first is not None:
                    await self._store_page(self._gather(first))
        finally:
            halted.cancel()

    async def _next(self, halted: "asyncio.Task[bool]") -> Waiting | None:
        """The next request, or None on halt."""
        if not self._queue.empty():
            return self._queue.get_nowait()
        get = asyncio.get_running_loop().create_task(self._queue.get())
        try:
            await asyncio.wait({get, halted}, return_when=asyncio.FIRST_COMPLETED)
            return get.result() if get.done() else None
        finally:
            get.cancel()

    def _gather(self, first: Waiting) -> list[Waiting]:
        """Everything that came meanwhile, up to a page."""
        page, size = [first], len(first.lines)
        while not self._queue.empty() and size < PAGE_BYTES:
            page.append(self._queue.get_nowait())
            size += len(page[-1].lines)
        return page

    async def _store_page(self, page: list[Waiting]) -> None:
        """One INSERT, one commit; every waiting request learns its end."""
        try:
            async with self._store.engine() as connection:
                body = b"".join(waiting.lines for waiting in page)
                failpoint.reach(Point.RECEIPTS_BEFORE_STORE)
                await reports.insert_page(connection, sum(waiting.count for waiting in page), body)
            failpoint.reach(Point.RECEIPTS_AFTER_STORE)
        except UnavailableError as error:
            log.warning("reports_not_stored", requests=len(page))
            _finish(page, error)
        else:
            _finish(page, None)


def _finish(page: list[Waiting], error: UnavailableError | None) -> None:
    for waiting in page:
        if waiting.stored.done():
            continue
        if error is None:
            waiting.stored.set_result(None)
        else:
            waiting.stored.set_exception(error)


async def _read(body: bytes, content_type: str) -> _core.Reports:
    try:
        if len(body) >= PARSE_IN_THREAD_BYTES:
            return await asyncio.to_thread(_core.read_reports, body, content_type)
        return _core.read_reports(body, content_type)
    except _core.FormatError as error:
        raise MalformedRequestError(str(error)) from error
