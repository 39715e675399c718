"""Windows shared by all processes, kept in Redis or Valkey: one script call for all scopes of a request.

Every call ends within the timeout of the settings: redis-py's own defaults would hold a caller for seconds when the server is
gone. A call that ended early may still have been counted by the server; its permits are simply never used.
"""

import asyncio
import itertools
from collections.abc import Sequence

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from penstock import config
from penstock.clock import Clock
from penstock.limits import script
from penstock.limits.demand import Demand, Verdict, WindowsAwayError
from penstock.limits.scopes import SECOND_US, Quotas

# By how much a server's clock may run ahead of ours between two calls before it counts as having been set forward.
_DRIFT_US = 2_000


def open_client(settings: config.Redis) -> "Redis":
    """Make a client whose every wait is bounded and that never retries by itself. Raises ValueError without an address."""
    if settings.url is None:
        raise ValueError("REDIS_URL is not set")
    timeout_s = settings.timeout.total_seconds()
    pool = ConnectionPool.from_url(
        settings.url.reveal(),
        protocol=2,  # one round trip less on connecting, and no server-sent notices between replies
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,  # a PING before a call would double the hot path
        driver_info=None,
    )
    return Redis.from_pool(pool)


class RedisWindows:
    """The windows behind one client, which it owns."""

    def __init__(self, client: "Redis", quotas: Quotas, *, timeout_s: float, clock: Clock) -> None:
        self._client = client
        self._script = client.register_script(script.SOURCE)
        self._quotas = quotas
        self._timeout_s = timeout_s
        self._clock = clock
        self._nonces = itertools.count(1)
        self._latest: tuple[float, int] | None = None

    async def acquire(self, demands: Sequence[Demand]) -> Verdict:
        """Take what is demanded from every scope, or nothing. Raises WindowsAwayError within the timeout."""
        nonce = next(self._nonces)
        began = self._clock.monotonic()
        words = script.arguments(nonce, self._quotas.stamp, self._quotas.span_us, demands)
        try:
            async with asyncio.timeout(self._timeout_s):
                raw = await self._script(keys=script.keys(demands), args=words)
                reply = script.read_reply(raw, nonce, demands)
                if self._has_leapt(began, reply.now_us):
                    return await self._begin_anew()
        except script.BadReplyError as error:
            await self._client.connection_pool.disconnect()  # whatever else waits in these sockets is not to be trusted
            raise WindowsAwayError(f"reply_{error}") from error
        # A timeout is an OSError; a RuntimeError is what uvloop makes of writing to a connection that was reset in the pool.
        except (RedisError, OSError, RuntimeError) as error:
            raise WindowsAwayError(type(error).__name__) from error
        return reply.verdict

    async def aclose(self) -> None:
        """Close the client and its connections."""
        await self._client.aclose(close_connection_pool=True)

    def _has_leapt(self, began: float, now_us: int) -> bool:
        """Whether the server's clock was set forward since our last call, which would empty windows that are full.

        Between the moments at which the server answered two calls lies no more of our time than from the beginning of the
        first call to the end of the second. After more than a span our earlier permits have ceased to count anyway.
        """
        latest, self._latest = self._latest, (began, now_us)
        if latest is None:
            return False
        ours_us = (self._clock.monotonic() - latest[0]) * SECOND_US
        return ours_us < self._quotas.span_us and now_us - latest[1] > ours_us + _DRIFT_US

    async def _begin_anew(self) -> Verdict:
        await self._client.delete(script.EPOCH_KEY)
        return Verdict(wait_us=self._quotas.span_us, blocker="window")
