"""API keys. Stored as SHA-256 only; making and showing them is the caller's business."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final, Literal

from asyncpg import Record
from msgspec import Struct

from penstock.domain.ids import KeyId, TenantId
from penstock.domain.keys import NewKey, Scope
from penstock.domain.tenant import TenantSettings
from penstock.store.pool import Connection
from penstock.store.queries import query
from penstock.store.tenants import read_settings

CREATE_KEY = query("keys.create_key")
LIST_KEYS = query("keys.list_keys")
GET_KEY = query("keys.get_key")
LOCK_KEY = query("keys.lock_key")
EXPIRE_KEY = query("keys.expire_key")
REVOKE_KEY = query("keys.revoke_key")
FIND_KEY_OWNER = query("keys.find_key_owner")
RECORD_KEY_USE = query("keys.record_key_use")

BEFORE_FIRST: Final = KeyId(0)
MOST_KEYS: Final = 1000

KeyState = Literal["live", "expired", "revoked"]


class KeyOwner(Struct, frozen=True, kw_only=True):
    """The tenant that a live key opens, and how far."""

    tenant_id: TenantId
    key_id: KeyId
    scopes: frozenset[Scope]
    settings: TenantSettings
    expires_in_s: float | None
    """By the database's clock; None: never."""
    is_use_unrecorded: bool
    """Its last use on record is more than a minute old."""


class ApiKey(Struct, frozen=True, kw_only=True):
    """What may be shown of a key after it was made."""

    key_id: KeyId
    prefix: str
    label: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    """To the minute."""
    revoked_at: datetime | None

    def state(self, now: datetime) -> KeyState:
        """What it opens at this instant: something, or nothing and why."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "live"


class LockedKey(Struct, frozen=True, kw_only=True):
    """A key that is to be replaced."""

    label: str
    scopes: frozenset[Scope]
    is_live: bool
    renewed_until: datetime | None
    """Until when a key made now for as long as this one was would last; None: without end."""


async def create_key(  # noqa: PLR0913 - one argument a column
    connection: Connection,
    tenant_id: TenantId,
    key: NewKey,
    label: str,
    *,
    scopes: Collection[Scope] = tuple(Scope),
    expires_at: datetime | None = None,
) -> KeyId:
    """Store a key's hash and the few characters by which people recognise it."""
    key_id: KeyId = await connection.fetchval(CREATE_KEY, tenant_id, key.digest, key.prefix, label, sorted(scopes), expires_at)
    return key_id


async def list_keys(
    connection: Connection, tenant_id: TenantId, after: KeyId = BEFORE_FIRST, limit: int = MOST_KEYS
) -> list[ApiKey]:
    """A page of a tenant's keys behind `after`, oldest first, revoked ones too."""
    return [_key(row) for row in await connection.fetch(LIST_KEYS, tenant_id, after, limit)]


async def get_key(connection: Connection, tenant_id: TenantId, key_id: KeyId) -> ApiKey | None:
    """The tenant's key of that id."""
    row = await connection.fetchrow(GET_KEY, tenant_id, key_id)
    return _key(row) if row else None


async def lock_key(connection: Connection, tenant_id: TenantId, key_id: KeyId) -> LockedKey | None:
    """The tenant's key of that id, locked until the transaction ends."""
    row = await connection.fetchrow(LOCK_KEY, tenant_id, key_id)
    return LockedKey(**{**row, "scopes": _scopes(row)}) if row else None


async def expire_key(connection: Connection, tenant_id: TenantId, key_id: KeyId, wait: timedelta) -> None:
    """Let it end after `wait`, if it does not end before."""
    await connection.execute(EXPIRE_KEY, tenant_id, key_id, wait)


async def revoke_key(connection: Connection, tenant_id: TenantId, key_id: KeyId) -> bool:
    """Whether there was such a key that was not revoked."""
    return await connection.fetchval(REVOKE_KEY, tenant_id, key_id) is not None


async def find_key_owner(connection: Connection, key_hash: bytes) -> KeyOwner | None:
    """Whom a live key belongs to."""
    row = await connection.fetchrow(FIND_KEY_OWNER, key_hash)
    return KeyOwner(**{**row, "scopes": _scopes(row), "settings": read_settings(row["settings"])}) if row else None


async def record_key_use(connection: Connection, tenant_id: TenantId, key_id: KeyId) -> None:
    """Note that the key was used just now, to the minute."""
    await connection.execute(RECORD_KEY_USE, tenant_id, key_id)


def _key(row: Record) -> ApiKey:
    return ApiKey(**{**row, "scopes": _scopes(row)})


def _scopes(row: Record) -> frozenset[Scope]:
    return frozenset(map(Scope, row["scopes"]))
