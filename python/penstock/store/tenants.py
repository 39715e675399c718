"""Tenants: who sends, and what they decided for themselves."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec
from asyncpg import Record
from msgspec import Struct

from penstock.domain.ids import TenantId
from penstock.domain.tenant import TenantSettings
from penstock.store.pool import Connection
from penstock.store.queries import query

CREATE_TENANT = query("tenants.create_tenant")
FIND_TENANT = query("tenants.find_tenant")
GET_TENANT = query("tenants.get_tenant")
LIST_TENANTS = query("tenants.list_tenants")
CHANGE_SETTINGS = query("tenants.change_settings")
DEACTIVATE_TENANT = query("tenants.deactivate_tenant")
ACTIVATE_TENANT = query("tenants.activate_tenant")
IS_ACTIVE = query("tenants.is_active")

BEFORE_FIRST: Final = TenantId(0)
NO_SETTINGS: Final = TenantSettings()


class Tenant(Struct, frozen=True, kw_only=True):
    """Whoever owns campaigns, keys and opt-outs."""

    tenant_id: TenantId
    name: str
    created_at: datetime
    deactivated_at: datetime | None
    """Since then its keys open nothing and nothing of it is sent; None: it is active."""
    settings: TenantSettings


async def create_tenant(connection: Connection, name: str, settings: TenantSettings = NO_SETTINGS) -> TenantId | None:
    """The new tenant's id, or None when the name is taken."""
    tenant_id: TenantId | None = await connection.fetchval(CREATE_TENANT, name, msgspec.json.encode(settings).decode())
    return tenant_id


async def find_tenant(connection: Connection, name: str) -> Tenant | None:
    """The tenant of that name."""
    row = await connection.fetchrow(FIND_TENANT, name)
    return _tenant(row) if row else None


async def get_tenant(connection: Connection, tenant_id: TenantId) -> Tenant | None:
    """The tenant of that id."""
    row = await connection.fetchrow(GET_TENANT, tenant_id)
    return _tenant(row) if row else None


async def list_tenants(connection: Connection, after: TenantId, limit: int) -> list[Tenant]:
    """A page of tenants behind `after`, oldest first."""
    return [_tenant(row) for row in await connection.fetch(LIST_TENANTS, after, limit)]


async def change_settings(connection: Connection, tenant_id: TenantId, changes: Mapping[str, object]) -> None:
    """Set these fields, and reset those whose value is None."""
    await connection.execute(CHANGE_SETTINGS, tenant_id, msgspec.json.encode(changes).decode())


async def deactivate_tenant(connection: Connection, tenant_id: TenantId) -> bool:
    """Whether it was active."""
    return await connection.fetchval(DEACTIVATE_TENANT, tenant_id) is not None


async def activate_tenant(connection: Connection, tenant_id: TenantId) -> bool:
    """Whether it was deactivated."""
    return await connection.fetchval(ACTIVATE_TENANT, tenant_id) is not None


async def is_active(connection: Connection, tenant_id: TenantId) -> bool:
    """Whether there is such a tenant and it may work."""
    active: bool = await connection.fetchval(IS_ACTIVE, tenant_id)
    return active


def read_settings(stored: str) -> TenantSettings:
    """A tenant's settings as they are stored."""
    return msgspec.json.decode(stored, type=TenantSettings)


def _tenant(row: Record) -> Tenant:
    return Tenant(**{**row, "settings": read_settings(row["settings"])})
