"""The second wall between tenants: callers' requests run as a role under row-level security, which shows a tenant its own rows.

The first wall is that every statement carries its tenant. Where the login may not make roles, the first stands alone: the
gateway works all the same, and says so.
"""

from typing import TYPE_CHECKING, Final

import asyncpg

from penstock.store.queries import query

if TYPE_CHECKING:
    from penstock.store.pool import Connection

ENSURE_ROLE = query("roles.ensure_role")
BECOME_ROLE = query("roles.become_role")
PROTECT_TABLES = query("roles.protect_tables")
GRANT_NEEDED = query("roles.grant_needed")
IS_EVERY_TABLE_PROTECTED = query("roles.is_every_table_protected")

API_ROLE: Final = "penstock_api"
SECOND_WALL_OFF: Final = (
    "tenants are kept apart by the statements alone, not by row-level security too: let the login of DATABASE_URL make roles, "
    "or run CREATE ROLE penstock_api NOLOGIN and GRANT penstock_api to it, then start again"
)
"""What an operator is told where the wall does not stand."""


async def raise_wall(connection: "Connection") -> bool:
    """Make the role, the policies and the grants that are missing; whether the wall stands now. Needs the migrations' lock."""
    try:
        if not await _may_become(connection):
            await _ensure_role(connection)
        async with connection.transaction():
            await connection.execute(PROTECT_TABLES)
            await connection.execute(GRANT_NEEDED)
    except asyncpg.InsufficientPrivilegeError:
        return False
    return await is_wall_up(connection)


async def _ensure_role(connection: "Connection") -> None:
    try:
        await connection.execute(ENSURE_ROLE)
    except asyncpg.UndefinedObjectError:
        # Another database made it at this very moment, and this session still knew that there is none; now it looks again.
        await connection.execute(ENSURE_ROLE)


async def is_wall_up(connection: "Connection") -> bool:
    """Whether connections of this login may take the role, and every table of tenants is protected."""
    if not await _may_become(connection):
        return False
    protected: bool = await connection.fetchval(IS_EVERY_TABLE_PROTECTED)
    return protected


async def _may_become(connection: "Connection") -> bool:
    try:
        async with connection.transaction():
            await connection.execute(BECOME_ROLE)
    except (asyncpg.InvalidParameterValueError, asyncpg.InsufficientPrivilegeError):
        return False
    return True
