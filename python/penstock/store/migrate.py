"""Brings a database to this version's schema: numbered files, each in one transaction, under one advisory lock; then the roles.

Not for data repair: a migration is forward-only and safe for the release before it.
"""

import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Final

import asyncpg
from msgspec import Struct

from penstock import failpoint
from penstock.failpoint import Point
from penstock.store.pool import Connection
from penstock.store.roles import raise_wall

LOCK_KEY: Final = 0x70656E73746F636B
"""`penstock` in ASCII: one migrator at a time, whatever else the database is used for."""

_LEDGER: Final = """
CREATE TABLE IF NOT EXISTS schema_migration (
    number     int4 PRIMARY KEY,
    name       text NOT NULL,
    checksum   bytea NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


class Migration(Struct, frozen=True):
    """One numbered file."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> bytes:
        """SHA-256 of the text: a migration that was applied never changes."""
        return hashlib.sha256(self.sql.encode()).digest()


class SchemaMismatchError(Exception):
    """The database and this program do not belong together; says who must act."""


def migrations() -> list[Migration]:
    """Every migration of this version, in order."""
    folder = files("penstock.store").joinpath("sql", "migrations")
    names = sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
    return [Migration(int(name[:4]), name.removesuffix(".sql"), folder.joinpath(name).read_text()) for name in names]


async def migrate(connection: Connection, mode: str) -> list[str]:
    """Apply what is missing, stamp a new database with `mode`, and return the names applied.

    Raises SchemaMismatchError when the database is newer, was changed by hand, or belongs to the other mode.
    """
    await connection.execute("SELECT pg_advisory_lock($1)", LOCK_KEY)
    try:
        await connection.execute("SET client_min_messages = warning")
        await connection.execute(_LEDGER)
        applied = []
        for migration in _missing(await _ledger(connection)):
            async with connection.transaction():
                await connection.execute(migration.sql)
                await connection.execute(
                    "INSERT INTO schema_migration (number, name, checksum) VALUES ($1, $2, $3)",
                    migration.number, migration.name, migration.checksum,
                )  # fmt: skip
                failpoint.reach(Point.MIGRATE_BEFORE_COMMIT)
            failpoint.reach(Point.MIGRATE_AFTER_COMMIT)
            applied.append(migration.name)
        await _stamp(connection, mode)
        await raise_wall(connection)
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", LOCK_KEY)
    return applied


async def check_schema(connection: Connection, mode: str) -> None:
    """Raise SchemaMismatchError unless the database is exactly at this version and of this mode."""
    try:
        ledger = await _ledger(connection)
    except asyncpg.UndefinedTableError:
        raise SchemaMismatchError("the database has no Penstock schema: run `penstock migrate`") from None
    if missing := _missing(ledger):
        raise SchemaMismatchError(f"the database lacks {len(missing)} migration(s): run `penstock migrate`")
    await _stamp(connection, mode)


async def _ledger(connection: Connection) -> dict[int, bytes]:
    rows = await connection.fetch("SELECT number, checksum FROM schema_migration ORDER BY number")
    return {row["number"]: row["checksum"] for row in rows}


def _missing(ledger: dict[int, bytes]) -> Sequence[Migration]:
    known = migrations()
    if unknown := set(ledger) - {migration.number for migration in known}:
        raise SchemaMismatchError(f"the database is newer than this program (migration {max(unknown)}): upgrade Penstock")
    for migration in known:
        if migration.number in ledger and ledger[migration.number] != migration.checksum:
            raise SchemaMismatchError(
                f"migration {migration.name} differs from the one that was applied: restore the release's file"
            )
    return [migration for migration in known if migration.number not in ledger]


async def _stamp(connection: Connection, mode: str) -> None:
    """Write the mode once; ever after it must be the same."""
    await connection.execute("INSERT INTO installation (mode) VALUES ($1) ON CONFLICT DO NOTHING", mode)
    stamped = await connection.fetchval("SELECT mode FROM installation")
    if stamped != mode:
        raise SchemaMismatchError(
            f"the database is stamped for {stamped} mode, this program runs in {mode} mode: use another database"
        )
