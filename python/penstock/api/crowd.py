"""How many connections are open, in all and from one address, and how one more is turned away.

Not about requests: a connection that is turned away is never parsed.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Final, Literal, cast

from penstock.api.address import PROXIES, Party

LINGER_S: Final = 1.0
"""A connection that is turned away has so long to say something and hear why."""
MOST_TURNED_AWAY: Final = 100
"""Connections that are being told so; beyond, they are cut without a word."""

Reason = Literal["full", "address"]
"""All are taken, or one address has too many."""


class Crowd:
    """The connections of one listener."""

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._inside: Counter[Party] = Counter()
        self._turned_away = 0

    @property
    def size(self) -> int:
        """Connections inside."""
        return self._inside.total()

    def enter(self, party: Party) -> Reason | None:
        """Let one more in, or say why not. Trusted proxies bring everybody's connections: only all together are too many."""
        if self.size >= self._most:
            return "full"
        if self._inside[party] >= self._most_of_one and party != PROXIES:
            return "address"
        self._inside[party] += 1
        return None

    def leave(self, party: Party) -> None:
        """One less."""
        self._inside[party] -= 1
        if not self._inside[party]:
            del self._inside[party]

    def turn_away(self, transport: asyncio.Transport, answer: bytes) -> None:
        """Say `answer` to whatever comes, and close."""
        if self._turned_away >= MOST_TURNED_AWAY:
            transport.abort()
            return
        self._turned_away += 1
        refusal = Refusal(answer, self._one_turned_away_less)
        transport.set_protocol(refusal)
        refusal.connection_made(transport)

    def _one_turned_away_less(self) -> None:
        self._turned_away -= 1


class Refusal(asyncio.Protocol):
    """Answers the first bytes, whatever they are. Not sooner: clients take an answer before their question for a defect."""

    def __init__(self, answer: bytes, done: Callable[[], None]) -> None:
        self._answer = answer
        self._done = done
        self._has_answered = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The peer may speak."""
        # Not an instance of asyncio's class where uvloop runs.
        self._transport = cast("asyncio.Transport", transport)
        self._end = asyncio.get_running_loop().call_later(LINGER_S, self._transport.abort)

    def data_received(self, _: bytes) -> None:
        """It spoke. What follows is read and dropped, so that the answer is not lost in a reset."""
        if not self._has_answered:
            self._has_answered = True
            self._transport.write(self._answer)
            if self._transport.can_write_eof():
                self._transport.write_eof()

    def connection_lost(self, _: Exception | None) -> None:
        """It is over."""
        self._end.cancel()
        self._done()
