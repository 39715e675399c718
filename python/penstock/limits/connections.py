"""Connections to Redis: one command, one answer, within one deadline; to the server of the address or to where it sends us.

redis-py's own client does the same with retries, hooks and a timeout a step, at twice the processor time of a call. Its
connections are used as they are: they know how to connect, log in, encrypt and read.

The address may be that of one node of a cluster. A node answers a command for keys that are not its own with the address of
their home; homes are remembered, and forgotten when a connection fails.
"""

import asyncio
from typing import Any, Final, Self

import hiredis
from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import MovedError, ResponseError

from penstock import config

Words = tuple[int | str | bytes, ...]
"""A command."""
Address = tuple[str, int]

_MOST_MOVES: Final = 3


def open_pool(settings: config.Redis) -> ConnectionPool:
    """Make a pool of the address that never retries by itself. Raises ValueError without an address."""
    if settings.url is None:
        raise ValueError("REDIS_URL is not set")
    return ConnectionPool.from_url(
        settings.url.reveal(),
        protocol=2,  # one round trip less on connecting, and no server-sent notices between replies
        socket_timeout=None,  # a second deadline inside the one of the call would only cost time
        socket_connect_timeout=settings.timeout.total_seconds(),
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,  # a PING before a call would double the hot path
        driver_info=None,
    )


class Connections:
    """Idle connections by address, and the homes of keys that are elsewhere."""

    def __init__(self, settings: config.Redis) -> None:
        """Nothing is connected yet. Raises ValueError without an address."""
        pool = open_pool(settings)
        self._kind, self._how = pool.connection_class, pool.connection_kwargs
        self._idle: dict[Address | None, list[AbstractConnection]] = {}
        self._homes: dict[str, Address] = {}

    async def call(self, home: str, words: Words) -> Any:  # noqa: ANN401 - as the server says
        """Send a command to where keys with the hash tag of `home` live; its answer. Raises RedisError or OSError."""
        for _ in range(_MOST_MOVES):
            try:
                return await self._ask(self._homes.get(home), words)
            except MovedError as moved:
                self._homes[home] = (moved.host, moved.port)
        raise ResponseError("moved too often")

    async def drop(self) -> None:
        """Close every idle connection and forget all homes."""
        idle, self._idle = self._idle, {}
        self._homes.clear()
        for connections in idle.values():
            for connection in connections:
                await connection.disconnect(nowait=True)

    async def _ask(self, address: Address | None, words: Words) -> Any:  # noqa: ANN401 - as the server says
        idle = self._idle.get(address)
        connection = idle.pop() if idle else self._open(address)
        try:
            packed = hiredis.pack_command(words)  # type: ignore[arg-type] # its stub says that a tuple holds one word
            await connection.send_packed_command([packed], check_health=False)
            answer = await connection.read_response()
        except ResponseError:
            self._keep(address, connection)  # a complete answer
            raise
        except BaseException:
            # An answer may still be under way: nobody else must read it. Other connections to this place are no better.
            await connection.disconnect(nowait=True)
            await self.drop()
            raise
        self._keep(address, connection)
        return answer

    def _keep(self, address: Address | None, connection: AbstractConnection) -> None:
        """Among those that are idle now: while this one worked, another's failure may have dropped what was idle then."""
        self._idle.setdefault(address, []).append(connection)

    def _open(self, address: Address | None) -> AbstractConnection:
        if address is None:
            return self._kind(**self._how)
        return self._kind(**{**self._how, "host": address[0], "port": address[1]})


class Deadline:
    """Ends what is awaited inside after so many seconds, with TimeoutError: asyncio.timeout at a quarter of its price."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._is_over = False

    def __enter__(self) -> Self:
        """Start the time."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - awaited by a task, like everything
        self._task, self._cancelling = task, task.cancelling()
        self._handle = asyncio.get_running_loop().call_later(self._seconds, self._end)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Stop it; turn our own cancellation, and nobody else's, into TimeoutError."""
        self._handle.cancel()
        if self._is_over and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError

    def _end(self) -> None:
        self._is_over = True
        self._task.cancel()
