"""A repeated request has one effect and one answer: the key's row is written in the transaction of the effect itself.

Within a process, repetitions of a request that is being answered wait for its answer in memory, without a connection; between
processes they wait in the database, for the row. Whoever waits longer than a moment is told to come back.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from msgspec import Struct

from penstock import failpoint
from penstock.domain.errors import InProgressError, KeyReusedError
from penstock.domain.ids import TenantId
from penstock.failpoint import Point
from penstock.store import idempotency
from penstock.store.idempotency import RequestKey, StoredAnswer
from penstock.store.pool import Connection, Store

PATIENCE_S: Final = 5.0
"""How long a repetition waits for the first."""

Effect = Callable[[Connection], Awaitable[StoredAnswer]]
"""All of a request's doing, inside a transaction that is handed in."""

_Place = tuple[TenantId, str, str, bytes]


class Replied(Struct, frozen=True):
    """An answer, and whether it had been given before."""

    answer: StoredAnswer
    is_repeat: bool


class _Told(Struct, frozen=True):
    """An answer that was just given, and what it was the answer to."""

    fingerprint: bytes
    answer: StoredAnswer

    def repeated_for(self, request: RequestKey) -> Replied:
        """The same answer for the same request. Raises KeyReusedError when it is another."""
        if self.fingerprint != request.fingerprint:
            raise KeyReusedError("The Idempotency-Key was used for another request: choose a new key for each request.")
        return Replied(self.answer, is_repeat=True)


class Refused(Exception):  # noqa: N818 - an answer that undoes its effect, not an error
    """Raised by an effect to undo it and answer so all the same; the answer is kept like any other."""

    def __init__(self, answer: StoredAnswer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class Repeats:
    """Answers requests that carry a key; one for the process."""

    def __init__(self, store: Store, kept: timedelta) -> None:
        """`kept`: how long an answer is repeated."""
        self._store = store
        self._kept = kept
        self._running: dict[_Place, asyncio.Future[_Told | None]] = {}

    async def answer(self, request: RequestKey, effect: Effect) -> Replied:
        """The effect's answer, or the one that was given before.

        Raises KeyReusedError, InProgressError, and whatever the effect raises but Refused: then nothing is kept.
        """
        return await self.first(request, lambda: self._decide(request, effect))

    async def first(self, request: RequestKey, decide: Callable[[], Awaitable[Replied]]) -> Replied:
        """Let one caller of this process at a time decide on a request; those who wait are told what came of it."""
        place = (request.tenant_id, request.route, request.key, request.variant)
        if (told := await self._told(place)) is not None:
            return told.repeated_for(request)
        told = None
        running = self._running[place] = asyncio.get_running_loop().create_future()
        try:
            replied = await decide()
            told = _Told(request.fingerprint, replied.answer)
            return replied
        finally:
            del self._running[place]
            running.set_result(told)

    async def _told(self, place: _Place) -> "_Told | None":
        """What the caller before was answered; None when there is none, or when it came to nothing."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while (running := self._running.get(place)) is not None:
                    if (told := await asyncio.shield(running)) is not None:
                        return told
        except TimeoutError:
            raise InProgressError("The same request is still being answered: repeat it in a moment.") from None
        return None

    async def _decide(self, request: RequestKey, effect: Effect) -> Replied:
        """As the one caller of this process."""
        try:
            async with self._store.tenant(request.tenant_id) as connection, connection.transaction():
                if not await idempotency.claim_key(connection, request, self._kept):
                    return await replay(connection, request)
                answer = await effect(connection)
                await idempotency.store_answer(connection, request, answer)
                failpoint.reach(Point.API_BEFORE_COMMIT)
            failpoint.reach(Point.API_AFTER_COMMIT)
        except Refused as refused:
            return await self._keep(request, refused.answer)
        return Replied(answer, is_repeat=False)

    async def _keep(self, request: RequestKey, answer: StoredAnswer) -> Replied:
        """Keep a refusal whose transaction was undone; if the key went to somebody else meanwhile, theirs is the answer."""
        async with self._store.tenant(request.tenant_id) as connection, connection.transaction():
            if not await idempotency.claim_key(connection, request, self._kept):
                return await replay(connection, request)
            await idempotency.store_answer(connection, request, answer)
        return Replied(answer, is_repeat=False)


async def replay(connection: Connection, request: RequestKey) -> Replied:
    """What was answered before, to this very request. Raises KeyReusedError when it was another."""
    known = await idempotency.find_answer(connection, request)
    if known is None:
        raise InProgressError("The same request is still being answered: repeat it in a moment.")
    return _Told(known.fingerprint, known.answer).repeated_for(request)
