"""Requests with single messages, stored together: one transaction for all that a tenant sends while the one before commits.

A request alone is stored at once; waiting for company would only delay it. Under load a commit takes longer than the next
request, so requests gather by themselves. Everything of a request (its key, messages, books and answer) is in that one
transaction, and nobody is answered before it is durable.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from msgspec import Struct

from penstock import failpoint
from penstock.domain.errors import GatewayError, InProgressError, UnavailableError
from penstock.domain.fairness import Lane
from penstock.domain.ids import TenantId
from penstock.domain.single import Placed, Single
from penstock.failpoint import Point
from penstock.ingest.placing import lanes_of, place_messages
from penstock.ingest.repeats import Replied, replay
from penstock.store import idempotency
from penstock.store.idempotency import RequestKey, StoredAnswer
from penstock.store.pool import Connection, Store
from penstock.telemetry.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)

WRITERS: Final = 4
"""Tenants whose messages are stored at the same time."""
MOST_TOGETHER: Final = 1000
"""Messages in one transaction, but for one request that has more by itself."""
MOST_WAITING: Final = 10_000
"""Messages that wait to be stored; beyond this callers are told to come back."""
PATIENCE_S: Final = 10.0
"""How long a request waits for its turn."""
RETRY_AFTER_S: Final = 1

Result = Placed | GatewayError
Render = Callable[[Sequence[Result]], StoredAnswer]
"""The answer to a request, from what became of each of its messages."""


class Waiting(Struct, eq=False):
    """A request that is not stored yet."""

    key: RequestKey | None
    messages: Sequence[Single | GatewayError]
    """An error stands for a message that was refused before."""
    render: Render
    replied: "asyncio.Future[Replied]"
    is_begun: bool = False
    """Its transaction runs: from here on its end is waited for."""

    @property
    def weight(self) -> int:
        """What it counts for among those that wait."""
        return max(1, len(self.messages))


class _Stored(Struct, frozen=True):
    """What a transaction did, once it is committed."""

    lanes: list[Lane]
    ends: dict[Waiting, Replied | GatewayError]
    accepted: int
    refused: int


class Singles:
    """The service that stores what `send` hands it."""

    name = "singles"

    def __init__(  # noqa: PLR0913 - what the process hands to it
        self,
        store: Store,
        metrics: Metrics,
        *,
        new_id: Callable[[], UUID],
        kept: timedelta,
        announce: Callable[[Lane], None],
        most_waiting: int = MOST_WAITING,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """`kept`: how long an answer is repeated; `announce` is told what was stored and may be sent now."""
        self._store = store
        self._metrics = metrics
        self._new_id = new_id
        self._kept = kept
        self._announce = announce
        self._most_waiting = most_waiting
        self._patience_s = patience_s
        self._queues: dict[TenantId, deque[Waiting]] = {}
        self._turns: asyncio.Queue[TenantId] = asyncio.Queue()
        """Tenants with something waiting, each once, and not while one of its groups is being stored."""
        self._waiting = 0

    async def send(
        self, tenant_id: TenantId, key: RequestKey | None, messages: Sequence[Single | GatewayError], render: Render
    ) -> Replied:
        """Store the messages of one request and answer it; with a key, once. When this returns it is durable.

        Raises UnavailableError: nothing is stored, unless the database was lost while it committed. Raises KeyReusedError
        and InProgressError as ingest/repeats.py says.
        """
        waiting = Waiting(key, messages, render, asyncio.get_running_loop().create_future())
        if self._waiting + waiting.weight > self._most_waiting:
            raise UnavailableError("As many messages wait to be stored as this server holds.", retry_after_s=RETRY_AFTER_S)
        self._enqueue(tenant_id, waiting)
        done, _ = await asyncio.wait({waiting.replied}, timeout=self._patience_s)
        if not done and not waiting.is_begun:
            waiting.replied.cancel()
            raise UnavailableError("The message could not be stored in time.", retry_after_s=RETRY_AFTER_S)
        return await waiting.replied

    def announce(self, tenant_id: TenantId, messages: Sequence[Single], results: Sequence[Result]) -> None:
        """Tell the senders what somebody else stored (placing.py) and has committed."""
        for lane in lanes_of(tenant_id, messages, results):
            self._announce(lane)

    async def run(self, halt: asyncio.Event) -> None:
        """Store whatever waits; what was handed in before the halt is stored before this returns."""
        async with asyncio.TaskGroup() as group:
            writers = [group.create_task(self._write()) for _ in range(WRITERS)]
            await halt.wait()
            await self._turns.join()
            for writer in writers:
                writer.cancel()

    def _enqueue(self, tenant_id: TenantId, waiting: Waiting) -> None:
        self._count(waiting.weight)
        queue = self._queues.get(tenant_id)
        if queue is None:
            queue = self._queues[tenant_id] = deque()
            self._turns.put_nowait(tenant_id)
        queue.append(waiting)

    async def _write(self) -> None:
        """One writer: a tenant's group, then another tenant's."""
        while True:
            tenant_id = await self._turns.get()
            if group := self._gather(tenant_id):
                await self._store_group(tenant_id, group)
            if self._queues[tenant_id]:
                self._turns.put_nowait(tenant_id)
            else:
                del self._queues[tenant_id]
            self._turns.task_done()

    def _gather(self, tenant_id: TenantId) -> list[Waiting]:
        """What came meanwhile and is still waited for, up to a transaction's worth."""
        queue, group, weight = self._queues[tenant_id], list[Waiting](), 0
        while queue and (not group or weight + queue[0].weight <= MOST_TOGETHER):
            waiting = queue.popleft()
            self._count(-waiting.weight)
            if not waiting.replied.done():
                waiting.is_begun = True
                group.append(waiting)
                weight += waiting.weight
        return group

    def _count(self, messages: int) -> None:
        self._waiting += messages
        self._metrics.singles_waiting.set(self._waiting)

    async def _store_group(self, tenant_id: TenantId, group: Sequence[Waiting]) -> None:
        """One transaction; every request of the group learns its end."""
        try:
            with self._metrics.db_duration.labels("singles").time():
                async with self._store.tenant(tenant_id) as connection, connection.transaction():
                    stored = await self._store_in(connection, tenant_id, group)
                    failpoint.reach(Point.SINGLES_BEFORE_COMMIT)
                failpoint.reach(Point.SINGLES_AFTER_COMMIT)
        except Exception as error:  # noqa: BLE001 - each of the callers raises it, as its own
            log.warning("singles_not_stored", requests=len(group), kind=type(error).__name__)
            for waiting in group:
                _finish(waiting, _own_error(error, waiting))
            return
        for lane in stored.lanes:
            self._announce(lane)
        for waiting in group:
            _finish(waiting, stored.ends[waiting])
        self._metrics.single_commits.inc()
        self._metrics.singles.labels("accepted").inc(stored.accepted)
        self._metrics.singles.labels("refused").inc(stored.refused)

    async def _store_in(self, connection: Connection, tenant_id: TenantId, group: Sequence[Waiting]) -> _Stored:
        """Keys first, answers last, as for any request; a key that is taken is answered as it was before."""
        keys = [waiting.key for waiting in group if waiting.key is not None]
        claimed = await idempotency.claim_keys(connection, tenant_id, keys, self._kept)
        fresh = [waiting for waiting in group if waiting.key is None or waiting.key in claimed]
        ends: dict[Waiting, Replied | GatewayError] = {}
        for waiting in group:
            if waiting.key is not None and waiting.key not in claimed:
                ends[waiting] = await _replay(connection, waiting.key)
        asked = [message for waiting in fresh for message in waiting.messages]
        messages = [message for message in asked if isinstance(message, Single)]
        placed = await place_messages(connection, tenant_id, messages, self._new_id) if messages else []
        results, answers = iter(placed), dict[RequestKey, StoredAnswer]()
        for waiting in fresh:
            answer = waiting.render([next(results) if isinstance(one, Single) else one for one in waiting.messages])
            ends[waiting] = Replied(answer, is_repeat=False)
            if waiting.key is not None:
                answers[waiting.key] = answer
        await idempotency.store_answers(connection, answers)
        accepted = sum(isinstance(place, Placed) for place in placed)
        return _Stored(lanes_of(tenant_id, messages, placed), ends, accepted, len(asked) - accepted)


def _own_error(error: Exception, waiting: Waiting) -> Exception:
    """A key that is held elsewhere stopped them all; to a request without a key that says nothing."""
    if isinstance(error, InProgressError) and waiting.key is None:
        return UnavailableError("The message could not be stored in time.", retry_after_s=RETRY_AFTER_S)
    return error


async def _replay(connection: Connection, key: RequestKey) -> Replied | GatewayError:
    try:
        return await replay(connection, key)
    except GatewayError as error:
        return error


def _finish(waiting: Waiting, end: Replied | Exception) -> None:
    if waiting.replied.done():
        return
    if isinstance(end, Replied):
        waiting.replied.set_result(end)
    else:
        waiting.replied.set_exception(end)
