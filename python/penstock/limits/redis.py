"""Windows shared by all processes, kept in Redis or Valkey: one script call for all scopes of a request.

Every call ends within the timeout of the settings: redis-py's own defaults would hold a caller for seconds when the server is
gone. A call that ended early may still have been counted by the server; its permits are simply never used.

The address may be that of one node of a cluster. The first answer that says so makes the client one that knows the others; all
keys of a call have one hash tag, so a call always concerns one node.
"""

import asyncio
import itertools
from collections.abc import Sequence
from typing import Any

from redis.asyncio import ConnectionPool, Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import MovedError, NoScriptError, RedisError

from penstock import config
from penstock.clock import Clock
from penstock.limits import script
from penstock.limits.demand import Demand, Epoch, Verdict, WindowsAwayError, closed

# By how much a server's clock may run ahead of ours between two calls before it counts as having been set forward.
_DRIFT_US = 2_000


def open_client(settings: config.Redis) -> "Redis":
    """Make a client that never retries by itself and never waits longer than the settings say to connect.

    How long it waits for an answer is its caller's to say. Raises ValueError without an address.
    """
    pool = ConnectionPool.from_url(
        _address(settings),
        protocol=2,  # one round trip less on connecting, and no server-sent notices between replies
        socket_timeout=None,  # a second deadline inside the one of the call would only cost time
        socket_connect_timeout=settings.timeout.total_seconds(),
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,  # a PING before a call would double the hot path
        driver_info=None,
    )
    return Redis.from_pool(pool)


def open_cluster(settings: config.Redis) -> "RedisCluster":
    """Make a client of the cluster to which the address belongs; it asks again only where it is told to."""
    return RedisCluster.from_url(
        _address(settings),
        protocol=2,
        socket_timeout=None,
        socket_connect_timeout=settings.timeout.total_seconds(),
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
        driver_info=None,
    )


def _address(settings: config.Redis) -> str:
    if settings.url is None:
        raise ValueError("REDIS_URL is not set")
    return settings.url.reveal()


class RedisWindows:
    """The windows behind one address."""

    def __init__(self, settings: config.Redis, epoch: Epoch, *, clock: Clock) -> None:
        """Nothing is connected yet. `epoch` is for calls that bring none of their own. Raises ValueError without an address."""
        self._settings = settings
        self._client: Redis | RedisCluster = open_client(settings)
        self._epoch = epoch
        self._timeout_s = settings.timeout.total_seconds()
        self._clock = clock
        self._nonces = itertools.count(1)
        self._latest: tuple[float, int] | None = None

    async def acquire(self, demands: Sequence[Demand], epoch: Epoch | None = None) -> Verdict:
        """Take what is demanded from every scope, or nothing. Raises WindowsAwayError within the timeout."""
        epoch = epoch or self._epoch
        nonce = next(self._nonces)
        began = self._clock.monotonic()
        try:
            async with asyncio.timeout(self._timeout_s):
                raw = await self._call(script.keys(epoch, demands), script.arguments(nonce, epoch, demands))
                reply = script.read_reply(raw, nonce, demands)
                if self._has_leapt(began, reply.now_us, epoch):
                    return await self._begin_anew(epoch, demands)
        except script.BadReplyError as error:
            await self.aclose()  # whatever else waits in these sockets is not to be trusted
            raise WindowsAwayError(f"reply_{error}") from error
        except (RedisError, OSError) as error:  # a timeout is an OSError
            raise WindowsAwayError(type(error).__name__) from error
        return reply.verdict

    async def aclose(self) -> None:
        """Close the connections; a later call would open new ones."""
        await self._client.aclose()
        if isinstance(self._client, Redis):
            await self._client.connection_pool.disconnect()

    async def _call(self, keys: Sequence[str], words: Sequence[int | str | bytes]) -> Any:  # noqa: ANN401 - as the driver says
        try:
            return await self._evaluate("EVALSHA", script.DIGEST, keys, words)
        except NoScriptError:
            return await self._evaluate("EVAL", script.SOURCE, keys, words)
        except MovedError:
            alone, self._client = self._client, open_cluster(self._settings)
            await alone.aclose()
            return await self._call(keys, words)

    def _evaluate(self, command: str, what: str, keys: Sequence[str], words: Sequence[int | str | bytes]) -> Any:  # noqa: ANN401 - as the driver says
        return self._client.execute_command(command, what, len(keys), *keys, *words)

    def _has_leapt(self, began: float, now_us: int, epoch: Epoch) -> bool:
        """Whether the server's clock was set forward since our last call, which would empty windows that are full.

        Between the moments at which the server answered two calls lies no more of our time than from the beginning of the
        first call to the end of the second. After more than a span our earlier permits have ceased to count anyway.
        """
        if not epoch.span_us:
            return False
        latest, self._latest = self._latest, (began, now_us)
        if latest is None:
            return False
        ours_us = (self._clock.monotonic() - latest[0]) * 1_000_000
        return ours_us < epoch.span_us and now_us - latest[1] > ours_us + _DRIFT_US

    async def _begin_anew(self, epoch: Epoch, demands: Sequence[Demand]) -> Verdict:
        await self._client.delete(epoch.key)
        return closed(demands, epoch.span_us)
