"""Connections to PostgreSQL, and the one table that turns driver errors into ours.

Three pools: `api` answers people, `engine` moves batches, `jobs` repairs what they leave. The engine's planner is pinned to
nested loops, because without statistics after a large COPY it chose a hash join over a sequential scan for the report update
(12k rows/s instead of 70–98k). Its plans are made for each execution: planning costs a fraction of a millisecond of the tens
that a batch takes, and a plan made while a table was small would be kept long after it has grown.

The engine works as the owner of the tables. The callers' pool runs as a role to which row-level security shows one tenant's
rows: the one that the connection was told of when it was taken (roles.py).
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final, cast

import asyncpg

from penstock.config import Database
from penstock.domain.errors import UnavailableError
from penstock.domain.ids import TenantId
from penstock.store.roles import API_ROLE, is_wall_up

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
    _Pool = asyncpg.Pool[asyncpg.Record]
else:
    Connection = asyncpg.Connection
    _Pool = asyncpg.Pool

SET_TENANT: Final = "SELECT set_config('penstock.tenant_id', $1, false)"

# Set for the session, and not at its opening: servers before 17 do not know the name, and would refuse the connection.
BOUND_TRANSACTIONS: Final = """
SELECT set_config('transaction_timeout', $1, false) WHERE current_setting('server_version_num')::int4 >= 170000
"""
LONGEST_TRANSACTION: Final = timedelta(seconds=120)
"""A process that is stopped between two words of a transaction keeps its locks, and to the server it looks busy: neither the
timeout of statements nor that of idle transactions ends it, and what waits for its locks would wait for ever. A job ends it
(reconcile/transactions.py)."""
WITHOUT_A_LEADER: Final = 5 / 4
"""Times that, the server ends it by itself from version 17 on: later than the job would, because the job leaves a finding."""

NOBODY: Final = ""

CALLER_LOCK_TIMEOUT: Final = timedelta(seconds=5)
"""A caller's request waits for a lock no longer than this, whatever the stages do."""

JOBS_LOCK_TIMEOUT: Final = timedelta(seconds=1)
"""A periodic job waits for a lock no longer than this: it comes back to what it passes over."""
JOBS_POOL: Final = 4
"""Connections of the periodic jobs, at most: those of the leaders that run in this process, each with one thing at a time. They
are made when they are used, and are nobody else's: what frees the others must not wait for one of theirs."""

ENGINE: Final = "penstock-engine"
JOBS: Final = "penstock-jobs"
API: Final = "penstock-api"
SESSIONS: Final = (ENGINE, JOBS, API)
"""What the pools' sessions are called in the server's list. A migration, or whatever else may last, is not among them."""

CLOSE_S: Final = 5.0

ENGINE_PLANNER: Final[Mapping[str, str]] = {
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_custom_plan",
    "jit": "off",
}

# Lost or refused connections: nothing our caller can mend. What was in flight is not known to be rolled back.
_AWAY: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.DiskFullError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    # We stood still for so long that the server took its locks back.
    asyncpg.TransactionTimeoutError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.IdleSessionTimeoutError,
    asyncpg.OutOfMemoryError,
    # Whoever catches this repeats the whole transaction, which is what these two ask for.
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    # A node that was demoted: the next connection finds the new primary.
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InterfaceError,
    # What an idle pooled connection raises when the server has just said good-bye and the socket is not closed yet.
    asyncpg.InternalClientError,
    OSError,
)


class _PlainConnection(asyncpg.Connection):
    """A connection that carries no session state between uses, so that resetting it only costs (304 → 167 µs a checkout)."""

    def get_reset_query(self) -> str:
        return ""


class _CallersConnection(_PlainConnection):
    """One that knows whom it serves, so that serving the same tenant again costs no round trip."""

    _served: str | None = None

    async def serve(self, tenant: str) -> None:
        """Show this tenant's rows from now on; NOBODY: none. Outside a transaction only, because a rollback would undo it."""
        if self._served == tenant:
            return
        self._served = None  # until the server has said so: a cancelled statement may or may not have run
        await self.execute(SET_TENANT, tenant)
        self._served = tenant


class Store:
    """The pools, opened once by the composition root."""

    def __init__(self, api: _Pool, engine: _Pool, jobs: _Pool | None = None, *, is_walled: bool = False) -> None:
        """Without `jobs` the engine's connections serve the jobs as well."""
        self._api = api
        self._engine = engine
        self._jobs = jobs or engine
        self.is_walled = is_walled
        """Whether callers' connections are under row-level security."""

    @classmethod
    @asynccontextmanager
    async def open(cls, dsn: str, settings: Database) -> AsyncIterator["Store"]:
        """Connect. Raises UnavailableError when the server cannot be reached."""
        timeouts = {
            "statement_timeout": _milliseconds(settings.statement_timeout),
            "lock_timeout": _milliseconds(settings.lock_timeout),
            "idle_in_transaction_session_timeout": "60000",
        }
        callers = {**timeouts, "lock_timeout": _milliseconds(min(settings.lock_timeout, CALLER_LOCK_TIMEOUT))}
        hasty = {**timeouts, "lock_timeout": _milliseconds(min(settings.lock_timeout, JOBS_LOCK_TIMEOUT))}
        async with AsyncExitStack() as stack:
            with translated_errors():
                engine = await _pool(dsn, settings.engine_pool, ENGINE, {**timeouts, **ENGINE_PLANNER}, _PlainConnection)
                stack.push_async_callback(_close, engine)
                jobs = await _pool(dsn, JOBS_POOL, JOBS, {**hasty, **ENGINE_PLANNER}, _PlainConnection, least=0)
                stack.push_async_callback(_close, jobs)
                async with engine.acquire() as connection:
                    is_walled = await is_wall_up(connection)
                role = {"role": API_ROLE} if is_walled else {}
                api = await _pool(dsn, settings.api_pool, API, {**callers, **role}, _CallersConnection)
                stack.push_async_callback(_close, api)
            yield cls(api, engine, jobs, is_walled=is_walled)

    def tenant(self, tenant_id: TenantId) -> AbstractAsyncContextManager[Connection]:
        """A connection for one tenant's request: the database itself shows it nothing of another's."""
        return _acquire_for(self._api, str(tenant_id))

    def stranger(self) -> AbstractAsyncContextManager[Connection]:
        """A connection for a caller who is not known yet: it shows no tenant's rows at all."""
        return _acquire_for(self._api, NOBODY)

    def engine(self) -> AbstractAsyncContextManager[Connection]:
        """A connection for the stages and for operators: every tenant's rows."""
        return _acquire(self._engine)

    def for_jobs(self) -> "Store":
        """The same, with the connections of the periodic jobs as its engine."""
        return Store(self._api, self._jobs, is_walled=self.is_walled)

    async def check(self) -> None:
        """Raise when the database does not answer."""
        async with self.stranger() as connection:
            await connection.fetchval("SELECT 1")


async def _close(pool: _Pool) -> None:
    """Take leave of the server, or leave without a word where it does not answer: stopping must come to an end."""
    try:
        async with asyncio.timeout(CLOSE_S):
            await pool.close()
    except (TimeoutError, *_AWAY):
        pool.terminate()


def _milliseconds(span: timedelta) -> str:
    return str(int(span.total_seconds() * 1000))


async def connect(dsn: str) -> Connection:
    """One connection of its own, for migrations and leader locks."""
    with translated_errors():
        return await asyncpg.connect(dsn)


async def _pool(  # noqa: PLR0913 - what a pool is made of
    dsn: str, size: int, name: str, session: Mapping[str, str], kind: type[_PlainConnection], *, least: int = 1
) -> _Pool:
    return await asyncpg.create_pool(
        dsn,
        min_size=least,
        max_size=size,
        connection_class=kind,
        server_settings={"application_name": name, **session},
        command_timeout=120,
        init=_bound_transactions,
    )


async def _bound_transactions(connection: Connection) -> None:
    await connection.execute(BOUND_TRANSACTIONS, _milliseconds(LONGEST_TRANSACTION * WITHOUT_A_LEADER))


@asynccontextmanager
async def _acquire(pool: _Pool) -> AsyncIterator[Connection]:
    with translated_errors():
        async with pool.acquire() as connection:
            yield connection


@asynccontextmanager
async def _acquire_for(pool: _Pool, tenant: str) -> AsyncIterator[Connection]:
    async with _acquire(pool) as connection:
        await cast("_CallersConnection", connection).serve(tenant)
        yield connection


class translated_errors:  # noqa: N801 - used as a statement, reads as one
    """Turns a lost database into UnavailableError, with the driver's error as its cause. Other errors are bugs and fly."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, _AWAY) and not isinstance(error, UnavailableError):
            raise UnavailableError("The database is not reachable.") from error
