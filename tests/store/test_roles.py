"""The second wall: as the callers' role, a tenant sees and changes its own rows only, whatever the statement says."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from penstock.config import Database
from penstock.domain.ids import TenantId
from penstock.embedded import EmbeddedPostgres
from penstock.store.pool import SET_TENANT, Connection, Store, connect
from penstock.store.queries import query
from penstock.store.roles import API_ROLE, is_wall_up, raise_wall
from tests.conftest import migrate_database
from tests.servers import Databases, private_postgres

OURS, THEIRS = TenantId(1), TenantId(2)

TENANT_TABLES = """
SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1
"""
COLUMNS = """
SELECT a.attname::text AS name, format_type(a.atttypid, NULL) AS type,
       a.attidentity = '' AND has_column_privilege('penstock_api', a.attrelid, a.attnum, 'update') AS is_updatable
FROM pg_attribute a WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
RULES = "SELECT conname::text FROM pg_constraint WHERE conrelid = $1::regclass AND contype IN ('c', 'f')"
VALUES = {
    "integer": "{t}", "bigint": "{t}", "smallint": "{t}", "text": "'v{t}'", "boolean": "false", "jsonb": "'{{}}'",
    "date": "now()", "uuid": "uuid7_floor(now() + interval '{t} seconds')", "bytea": "'\\x0{t}'", "text[]": "'{{}}'",
    "interval": "'1 day'",
    "timestamp with time zone": "now()", "double precision": "0",
}  # fmt: skip
"""A value of each type, another for each tenant where it may have to be unique."""


HIDDEN = {"audit", "finding", "recount"}
"""For operators only, however many of their rows are about the tenant."""


class Walled:
    """A database in which two tenants have one row in every table."""

    def __init__(self, owner: Connection, caller: Connection, tables: list[str]) -> None:
        self.owner = owner
        self.caller = caller
        """Under the role, with the first tenant set."""
        self.tables = tables

    async def rows_of(self, table: str, tenant: int) -> list[str]:
        """Every row of a tenant as text, read by the owner."""
        rows = await self.owner.fetch(f"SELECT t::text FROM {table} t WHERE tenant_id = $1 ORDER BY 1", tenant)  # noqa: S608
        return [row[0] for row in rows]

    async def attempt(self, statement: str) -> str:
        """Run it as the caller and undo it: its command tag, or `refused` where the role may not."""
        transaction = self.caller.transaction()
        await transaction.start()
        try:
            return await self.caller.execute(statement)
        except (asyncpg.InsufficientPrivilegeError, asyncpg.GeneratedAlwaysError):
            return "refused"
        finally:
            await transaction.rollback()


async def fill(dsn: str) -> None:
    """A migrated database with a row of each tenant in every table that has a tenant; no rule asks about values there."""
    await migrate_database(dsn)
    superuser = await connect(dsn.replace("penstock@", "postgres@"))
    tables = [row[0] for row in await superuser.fetch(TENANT_TABLES)]
    for table in tables:
        for (name,) in await superuser.fetch(RULES, table):
            await superuser.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    for table in tables:
        for tenant in (OURS, THEIRS):
            await superuser.execute(await insertion(superuser, table, tenant))
    await superuser.close()


async def insertion(connection: Connection, table: str, tenant: int) -> str:
    """The statement that puts a row of the tenant there."""
    columns = [row for row in await connection.fetch(COLUMNS, table) if row["type"] in VALUES]  # others have defaults
    values = ", ".join(VALUES[row["type"]].format(t=tenant) for row in columns)
    names = ", ".join(row["name"] for row in columns)
    return f"INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE VALUES ({values})"  # noqa: S608


@pytest.fixture
async def walled(databases: Databases) -> AsyncIterator[Walled]:
    """Such a database, as owner and as a caller of the first tenant."""
    async with databases.clone("walled", fill) as dsn:
        owner, caller = await connect(dsn), await connect(dsn)
        await caller.execute(f"SET ROLE {API_ROLE}")
        await caller.execute(SET_TENANT, str(OURS))
        yield Walled(owner, caller, [row[0] for row in await owner.fetch(TENANT_TABLES)])
        await caller.close()
        await owner.close()


async def test_every_table_of_tenants_is_walled(walled: Walled) -> None:
    """A table with a tenant_id, also one that was added yesterday, is under row-level security with our policy."""
    walls = (
        "SELECT tablename::text FROM pg_policies JOIN pg_tables t USING (schemaname, tablename) WHERE t.rowsecurity ORDER BY 1"
    )
    assert {row[0] for row in await walled.owner.fetch(walls)} == {*walled.tables, "report_conflict"}
    assert len(walled.tables) >= 19


async def test_a_tenant_sees_its_own_rows_only(walled: Walled) -> None:
    """No table shows a row of another tenant, and those that callers may read show their own."""
    for table in walled.tables:
        assert len(await walled.rows_of(table, THEIRS)) == 1
        try:
            seen = [row[0] for row in await walled.caller.fetch(f"SELECT tenant_id FROM {table}")]  # noqa: S608
        except asyncpg.InsufficientPrivilegeError:
            assert table in HIDDEN
        else:
            assert seen == [OURS], table


async def test_nothing_of_another_tenant_changes(walled: Walled) -> None:
    """UPDATE and DELETE without a predicate reach the tenant's own row at most; nothing can be given to another or taken."""
    for table in walled.tables:
        before = await walled.rows_of(table, THEIRS)
        columns = [row["name"] for row in await walled.owner.fetch(COLUMNS, table) if row["is_updatable"]]
        tags = [await walled.attempt(f"UPDATE {table} SET {name} = {name}") for name in columns]  # noqa: S608
        tags += [await walled.attempt(f"DELETE FROM {table}"), await walled.attempt(f"TRUNCATE {table}")]  # noqa: S608
        tags += [await walled.attempt(f"UPDATE {table} SET tenant_id = {THEIRS}")]  # noqa: S608
        assert set(tags) <= {"refused", "UPDATE 1", "DELETE 1"}, (table, tags)
        assert tags[-2:] == ["refused", "refused"], (table, tags)
        assert await walled.attempt(await insertion(walled.owner, table, THEIRS)) == "refused", table
        assert await walled.rows_of(table, THEIRS) == before


async def test_without_a_tenant_nothing_is_shown(walled: Walled) -> None:
    """No tenant, and an empty one, show nothing and are no error."""
    for forget in ("RESET penstock.tenant_id", "SELECT set_config('penstock.tenant_id', '', false)"):
        await walled.caller.execute(forget)
        for table in set(walled.tables) - HIDDEN:
            assert await walled.caller.fetch(f"SELECT tenant_id FROM {table}") == []  # noqa: S608


async def test_what_is_everybodys_is_out_of_reach(walled: Walled) -> None:
    """Callers reach no table that has no tenant, but for accounts in part; and no hash of a key, not even their own."""
    for table in ("report_page", "parked_report", "installation", "schema_migration"):
        for statement in (f"SELECT FROM {table}", f"DELETE FROM {table}", f"SELECT count(*) FROM {table}"):  # noqa: S608
            assert await walled.attempt(statement) == "refused"
    for statement in ("SELECT held_reason FROM account", "DELETE FROM account", "UPDATE account SET held_until = NULL"):
        assert await walled.attempt(statement) == "refused"
    assert await walled.attempt("SELECT key_hash FROM api_key") == "refused"
    assert await walled.attempt("SELECT * FROM audit") == "refused"
    assert await walled.attempt("INSERT INTO account (account_id) VALUES ('new') ON CONFLICT DO NOTHING") == "INSERT 0 1"


async def test_conflicting_reports_go_with_their_message(walled: Walled) -> None:
    """A second final is shown to whoever sees the message it is about, and can be changed by nobody."""
    record = "INSERT INTO report_conflict (provider_id, status) SELECT provider_id, 'x' FROM message"
    assert await walled.owner.execute(record) == "INSERT 0 2"
    ours = await walled.owner.fetchval("SELECT provider_id FROM message WHERE tenant_id = $1", OURS)
    assert [row[0] for row in await walled.caller.fetch("SELECT provider_id FROM report_conflict")] == [ours]
    assert await walled.attempt("DELETE FROM report_conflict") == "refused"


async def test_a_partition_is_reached_through_its_parent_only(walled: Walled) -> None:
    """A month's partition answers to no caller, also one that was made after the wall."""
    await walled.owner.execute("SELECT premake_message_partitions(now() + interval '4 months', 1)")
    parts = await walled.owner.fetch("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'message'::regclass")
    assert len(parts) >= 5
    for (part,) in parts:
        assert await walled.attempt(f"SELECT FROM {part}") == "refused"
    assert len(await walled.caller.fetch("SELECT seq FROM message")) == 1


async def test_a_stranger_finds_the_owner_of_one_key_only(store: Store) -> None:
    """The one look-up that needs no tenant gives the owner of a key that is known, and no other way to any key."""
    async with store.stranger() as connection:
        assert await connection.fetch("SELECT * FROM find_key_owner($1)", b"x" * 32) == []
        assert await connection.fetch("SELECT key_id FROM api_key") == []


async def served(connection: Connection) -> list[Any]:
    """Whose rows a connection shows."""
    return [row[0] for row in await connection.fetch("SELECT tenant_id FROM tenant ORDER BY 1")]


async def two_tenants(store: Store) -> tuple[TenantId, TenantId]:
    """Two tenants."""
    async with store.engine() as connection:
        made = await connection.fetch("INSERT INTO tenant (name) VALUES ('a'), ('b') RETURNING tenant_id")
    return made[0][0], made[1][0]


async def test_a_connection_keeps_no_tenant(dsn: str) -> None:
    """With one connection for all, each use shows its own tenant's rows, a stranger none, also after failures."""
    async with Store.open(dsn, Database(api_pool=1)) as store:
        first, second = await two_tenants(store)
        for tenant in (first, second, second, first):
            async with store.tenant(tenant) as connection:
                assert await served(connection) == [tenant]
            async with store.stranger() as connection:
                assert await served(connection) == []
        with pytest.raises(asyncpg.DivisionByZeroError):
            async with store.tenant(first) as connection, connection.transaction():
                await connection.fetch("SELECT 1 / 0")
        async with store.tenant(second) as connection:
            assert await served(connection) == [second]


async def test_a_cancelled_checkout_leaves_no_doubt(dsn: str) -> None:
    """Whoever gives up while the tenant is being set does not leave the next one with another's rows."""
    async with Store.open(dsn, Database(api_pool=1)) as store:
        first, second = await two_tenants(store)
        for turn in range(20):
            tenant = (first, second)[turn % 2]
            taking = asyncio.timeout(0.0002 * (turn % 5))
            try:
                async with taking, store.tenant(tenant) as connection:
                    assert await served(connection) == [tenant]
            except TimeoutError:
                pass
            async with store.tenant(first) as connection:
                assert await served(connection) == [first]


async def test_the_same_tenant_costs_no_round_trip(dsn: str) -> None:
    """Serving the tenant that the connection serves already sends nothing."""
    async with Store.open(dsn, Database(api_pool=1)) as store:
        first, second = await two_tenants(store)
        sent: list[str] = []
        async with store.tenant(first) as connection:
            connection._con.add_query_logger(lambda logged: sent.append(logged.query))  # type: ignore[union-attr]
        for tenant in (first, first, second, second, first):
            async with store.tenant(tenant):
                pass
        assert sent == [SET_TENANT, SET_TENANT]


@asynccontextmanager
async def logins(server: EmbeddedPostgres, login: str, names: list[str]) -> AsyncIterator[list[Connection]]:
    """Connections to migrated databases of this login, in which nobody has made the roles yet."""
    superuser = await connect(server.superuser_dsn)
    for name in names:
        await superuser.execute(f'CREATE DATABASE "{name}" OWNER {login}')
    for name in names:
        await migrate_database(server.dsn_for(name, user=login))
    await superuser.close()
    connections = [await connect(server.dsn_for(name, user=login)) for name in names]
    yield connections
    for connection in connections:
        await connection.close()


@pytest.fixture(scope="module")
def bare(postgres_binaries: Path | None) -> Iterator[EmbeddedPostgres]:
    """A server of its own without the callers' role, as a managed one is at first."""
    with private_postgres(binaries=postgres_binaries) as server:
        asyncio.run(_forget_role(server))
        yield server


async def _forget_role(server: EmbeddedPostgres) -> None:
    superuser = await connect(server.superuser_dsn)
    await superuser.execute(f"DROP ROLE {API_ROLE}")
    await superuser.execute("CREATE ROLE maker LOGIN CREATEROLE")
    await superuser.close()


async def test_a_login_that_may_not_make_roles_goes_without(bare: EmbeddedPostgres) -> None:
    """It migrates and opens, and says that the second wall does not stand; once an operator has made the role, it does."""
    async with logins(bare, "penstock", ["plain"]) as (connection,):
        assert not await is_wall_up(connection)
        async with Store.open(bare.dsn_for("plain"), Database()) as store, store.tenant(TenantId(1)) as caller:
            assert not store.is_walled
            assert await caller.fetchval("SELECT current_user") == "penstock"
        superuser = await connect(bare.superuser_dsn)
        await superuser.execute(f"CREATE ROLE {API_ROLE} NOLOGIN; GRANT {API_ROLE} TO penstock")
        await superuser.close()
        assert await raise_wall(connection)
        async with Store.open(bare.dsn_for("plain"), Database()) as store, store.tenant(TenantId(1)) as caller:
            assert store.is_walled
            assert await caller.fetchval("SELECT current_user") == API_ROLE
        await forget_everywhere(bare, ["plain"])


async def forget_everywhere(server: EmbeddedPostgres, names: list[str]) -> None:
    """Leave the server as it was."""
    for name in names:
        superuser = await connect(server.dsn_for(name, user="postgres"))
        await superuser.execute(f"DROP OWNED BY {API_ROLE}")
        await superuser.close()
    superuser = await connect(server.superuser_dsn)
    await superuser.execute(f"DROP ROLE {API_ROLE}")
    await superuser.close()


async def test_databases_of_one_server_raise_it_together(bare: EmbeddedPostgres) -> None:
    """Roles belong to the server: databases that make them at the same moment all end with the wall, again and again."""
    names = [f"together{n}" for n in range(6)]
    async with logins(bare, "maker", names) as connections:
        for _ in range(5):
            await forget_everywhere(bare, names)
            assert await asyncio.gather(*map(raise_wall, connections)) == [True] * len(names)
        await forget_everywhere(bare, names)


async def test_raising_it_again_touches_nothing(store: Store) -> None:
    """Where all is done, another start writes nothing and waits for nobody: rows of the catalogue stay as they are."""
    versions = "SELECT oid, xmin::text FROM pg_class UNION ALL SELECT attrelid, xmin::text FROM pg_attribute"
    async with store.engine() as connection, store.engine() as other:
        before = set(await connection.fetch(versions))
        async with other.transaction():
            await other.execute("LOCK TABLE campaign IN ROW EXCLUSIVE MODE")
            assert await raise_wall(connection)
        assert set(await connection.fetch(versions)) == before


def test_the_role_is_named_once() -> None:
    """The statements and the pool mean the same role."""
    assert query("roles.become_role").endswith(API_ROLE)
