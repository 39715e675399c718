"""Windows shared by all processes, kept in Redis or Valkey: one script call for all scopes of a request.

Every call ends within the timeout of the settings. A call that ended early may still have been counted by the server; its
permits are simply never used.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any

from redis.exceptions import NoScriptError, RedisError

from penstock import config
from penstock.clock import Clock
from penstock.limits import script
from penstock.limits.connections import Connections, Deadline
from penstock.limits.demand import Demand, Epoch, Verdict, WindowsAwayError, closed

# By how much a server's clock may run ahead of ours between two calls before it counts as having been set forward; and by which
# share of the time between them, as clocks differ and are slewed. A faster slew is taken for a leap, which is safe.
_DRIFT_US = 2_000
_DRIFT_SHARE = 0.0005


class RedisWindows:
    """The windows behind one address."""

    def __init__(self, settings: config.Redis, epoch: Epoch, *, clock: Clock) -> None:
        """Nothing is connected yet. `epoch` is for calls that bring none of their own. Raises ValueError without an address."""
        self._connections = Connections(settings)
        self._epoch = epoch
        self._timeout_s = settings.timeout.total_seconds()
        self._clock = clock
        self._nonces = itertools.count(1)
        self._latest: tuple[float, int] | None = None
        self._is_doubted = False
        """Whether the server's clock was set forward, and its windows have not begun anew."""
        self._anew_at = -math.inf
        """When they last began anew: what was asked before is not to be relied on."""

    async def acquire(self, demands: Sequence[Demand], epoch: Epoch | None = None) -> Verdict:
        """Take what is demanded from every scope, or nothing. Raises WindowsAwayError within the timeout."""
        epoch = epoch or self._epoch
        nonce = next(self._nonces)
        began = self._clock.monotonic()
        try:
            with Deadline(self._timeout_s):
                reply = script.read_reply(await self._run(epoch, nonce, demands), nonce, demands)
                self._is_doubted |= self._has_leapt(began, reply.now_us, epoch)
                if self._is_doubted:
                    await self._begin_anew(epoch)
                if began <= self._anew_at:
                    return closed(demands, epoch.span_us)
        except script.BadReplyError as error:
            await self._connections.drop()  # whatever else waits in these sockets is not to be trusted
            raise WindowsAwayError(f"reply_{error}") from error
        # A timeout is an OSError; a RuntimeError is what uvloop makes of writing to a connection that was reset in the pool.
        except (RedisError, OSError, RuntimeError) as error:
            raise WindowsAwayError(type(error).__name__) from error
        return reply.verdict

    async def aclose(self) -> None:
        """Close the connections; a later call would open new ones."""
        await self._connections.drop()

    async def _run(self, epoch: Epoch, nonce: int, demands: Sequence[Demand]) -> Any:  # noqa: ANN401 - as the server says
        operands = script.operands(nonce, epoch, demands)
        try:
            return await self._connections.call(epoch.key, ("EVALSHA", script.DIGEST, *operands))
        except NoScriptError:
            return await self._connections.call(epoch.key, ("EVAL", script.SOURCE, *operands))

    def _has_leapt(self, began: float, now_us: int, epoch: Epoch) -> bool:
        """Whether the server's clock was set forward since our last call, which would empty windows that are full.

        Between the moments at which the server answered two calls lies no more of our time than from the beginning of the
        first call to the end of the second.
        """
        if not epoch.span_us:
            return False
        latest, self._latest = self._latest, (began, now_us)
        if latest is None:
            return False
        ours_us = (self._clock.monotonic() - latest[0]) * 1_000_000
        return now_us - latest[1] > ours_us * (1 + _DRIFT_SHARE) + _DRIFT_US

    async def _begin_anew(self, epoch: Epoch) -> None:
        """Let the windows begin with an empty one. If that fails the next call tries it again, and grants nothing either."""
        await self._connections.call(epoch.key, ("DEL", epoch.key))
        self._is_doubted, self._anew_at = False, self._clock.monotonic()
