"""Tenants and their API keys. Keys are stored as SHA-256 only; making and showing them is the caller's business."""

from datetime import datetime

import msgspec
from msgspec import Struct

from penstock.domain.ids import TenantId
from penstock.domain.keys import Scope
from penstock.domain.tenant import TenantSettings
from penstock.store.pool import Connection
from penstock.store.queries import query

CREATE_TENANT = query("tenants.create_tenant")
FIND_TENANT = query("tenants.find_tenant")
LIST_TENANTS = query("tenants.list_tenants")
CREATE_KEY = query("tenants.create_key")
LIST_KEYS = query("tenants.list_keys")
REVOKE_KEY = query("tenants.revoke_key")
FIND_KEY_OWNER = query("tenants.find_key_owner")
RECORD_KEY_USE = query("tenants.record_key_use")


class Tenant(Struct, frozen=True):
    """Whoever owns campaigns, keys and opt-outs."""

    tenant_id: TenantId
    name: str
    created_at: datetime


class KeyOwner(Struct, frozen=True, kw_only=True):
    """The tenant that a live key opens, and how far."""

    tenant_id: TenantId
    key_id: int
    scopes: frozenset[Scope]
    settings: TenantSettings
    is_use_unrecorded: bool
    """Its last use on record is more than a minute old."""


class ApiKey(Struct, frozen=True):
    """What may be shown of a key after it was made."""

    key_id: int
    prefix: str
    label: str
    created_at: datetime
    revoked_at: datetime | None


async def create_tenant(connection: Connection, name: str) -> TenantId | None:
    """The new tenant's id, or None when the name is taken."""
    tenant_id: TenantId | None = await connection.fetchval(CREATE_TENANT, name)
    return tenant_id


async def find_tenant(connection: Connection, name: str) -> Tenant | None:
    """The tenant of that name."""
    row = await connection.fetchrow(FIND_TENANT, name)
    return Tenant(**row) if row else None


async def list_tenants(connection: Connection) -> list[Tenant]:
    """Every tenant, oldest first."""
    return [Tenant(**row) for row in await connection.fetch(LIST_TENANTS)]


async def create_key(connection: Connection, tenant_id: TenantId, key_hash: bytes, prefix: str, label: str) -> int:
    """Store a key's hash and the few characters by which people recognise it."""
    key_id: int = await connection.fetchval(CREATE_KEY, tenant_id, key_hash, prefix, label)
    return key_id


async def list_keys(connection: Connection, tenant_id: TenantId) -> list[ApiKey]:
    """A tenant's keys, oldest first, revoked ones too."""
    return [ApiKey(**row) for row in await connection.fetch(LIST_KEYS, tenant_id)]


async def revoke_key(connection: Connection, tenant_id: TenantId, key_id: int) -> bool:
    """Whether there was such a live key."""
    return await connection.fetchval(REVOKE_KEY, tenant_id, key_id) is not None


async def find_key_owner(connection: Connection, key_hash: bytes) -> KeyOwner | None:
    """Whom a live key belongs to."""
    row = await connection.fetchrow(FIND_KEY_OWNER, key_hash)
    if row is None:
        return None
    scopes = frozenset(map(Scope, row["scopes"]))
    return KeyOwner(**{**row, "scopes": scopes, "settings": read_settings(row["settings"])})


async def record_key_use(connection: Connection, key_id: int) -> None:
    """Note that the key was used just now, to the minute."""
    await connection.execute(RECORD_KEY_USE, key_id)


def read_settings(stored: str) -> TenantSettings:
    """A tenant's settings as they are stored."""
    return msgspec.json.decode(stored, type=TenantSettings)
