"""Puts the questions that wait to the provider, the most urgent first, within the one budget, and hears the answers.

One process at a time asks, so that the budget is one. What an answer means is decided by the questions' own modules; here it is
decided what is asked again and when.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Final, Protocol, assert_never

import structlog

from penstock.clock import Clock
from penstock.domain.budget import Budget
from penstock.domain.evidence import Seen
from penstock.domain.look_up import Absent, LookUpKind, Obscured, Result, Sight
from penstock.domain.retry import look_up_delay_s
from penstock.providers.port import Provider, Reply
from penstock.store import look_ups
from penstock.store.locks import unless_locked
from penstock.store.look_ups import LookUp
from penstock.store.pool import Connection, Store
from penstock.telemetry.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)

NOT_YET_S: Final = 5.0
"""An answer that cannot be judged yet is asked for again after this."""
PAUSE_S: Final = 5.0
"""Nothing is asked for so long when nothing at all could be seen."""
DROP_AT_ONCE: Final = 5000

Judge = Callable[[Connection, LookUp, Seen], Awaitable[Result | None]]
"""What becomes of a message that was seen, in the caller's transaction; None: it cannot be said yet."""


class Reader(Protocol):
    """What a reply means; pure."""

    def __call__(self, reply: Reply, provider_id: str, *, now: datetime) -> Sight:
        """What a look-up of that id came to."""


class LookUps:
    """Asks for one process."""

    def __init__(  # noqa: PLR0913 - one argument a seam
        self, store: Store, provider: Provider, read: Reader, judges: Mapping[LookUpKind, Judge], *,
        clock: Clock, metrics: Metrics, per_s: int,
    ) -> None:  # fmt: skip
        self._store = store
        self._provider = provider
        self._read = read
        self._judges = judges
        self._clock = clock
        self._metrics = metrics
        self._per_s = per_s
        self._budget = Budget(per_s, clock.monotonic())
        self._not_before = float("-inf")

    async def ask(self) -> None:
        """Put as many questions as the budget allows now, together, and record each answer by itself."""
        now = self._clock.monotonic()
        if now < self._not_before:
            return
        async with self._store.engine() as connection:
            due = await look_ups.take_due(connection, self._per_s)
        due = due[: self._budget.take(len(due), now)]
        replies = await asyncio.gather(*(self._provider.get_message(one.provider_id) for one in due))
        sights = [self._read(reply, one.provider_id, now=self._clock.now()) for one, reply in zip(due, replies, strict=True)]
        self._pause(sights)
        for one, sight in zip(due, sights, strict=True):
            with unless_locked(look_up_id=one.look_up_id):
                await self._record(one, sight)

    def _pause(self, sights: list[Sight]) -> None:
        """As long as the provider asks for, and a little when it shows nothing at all."""
        obscured = [sight for sight in sights if isinstance(sight, Obscured)]
        wait_s = max((sight.wait_s for sight in obscured), default=0.0)
        if obscured and len(obscured) == len(sights):
            wait_s = max(wait_s, PAUSE_S)
        if wait_s > 0:
            self._not_before = self._clock.monotonic() + wait_s
            log.warning("look_ups_pause", reason=obscured[0].reason, seconds=wait_s)

    async def _record(self, look_up: LookUp, sight: Sight) -> None:
        """The answer and what follows from it, in one transaction; asked again if it is lost."""
        async with self._store.engine() as connection, connection.transaction():
            match sight:
                case Seen():
                    result, delay_s = await self._judges[look_up.kind](connection, look_up, sight), NOT_YET_S
                case Absent() | Obscured():
                    result, delay_s = _ask_again(look_up, is_missing=isinstance(sight, Absent))
                case _:
                    assert_never(sight)
            if result is None:
                await look_ups.postpone(connection, look_up, delay_s)
            else:
                await look_ups.answer(connection, look_up, result)
        self._metrics.look_ups.labels(look_up.kind, result or "again").inc()


def _ask_again(look_up: LookUp, *, is_missing: bool) -> tuple[Result | None, float]:
    """The end of it, or in how many seconds the same is asked again."""
    delay_s = look_up_delay_s(look_up.tries + 1, is_missing=is_missing)
    if delay_s is not None:
        return None, delay_s
    return (Result.MISSING if is_missing else Result.UNREADABLE), 0.0


async def drop_answers(store: Store, age: timedelta) -> None:
    """Forget answers about messages whose reports are awaited no longer."""
    dropped = DROP_AT_ONCE
    while dropped == DROP_AT_ONCE:
        async with store.engine() as connection:
            dropped = await look_ups.drop_answered(connection, age, DROP_AT_ONCE)
