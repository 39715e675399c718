"""Limits of provider requests that differ from the settings: of traffic accounts and of tenants."""

from msgspec import Struct

from penstock.domain.ids import AccountId, TenantId
from penstock.store.pool import Connection
from penstock.store.queries import query

LIST_ACCOUNT_LIMITS = query("limits.list_account_limits")
LIST_TENANT_LIMITS = query("limits.list_tenant_limits")
HAS_SINGLES = query("limits.has_singles")


class AccountLimit(Struct, frozen=True):
    """Of a traffic account; None: as the settings say."""

    account_id: AccountId
    requests_max: int | None
    segments_per_s: int | None


class TenantLimit(Struct, frozen=True):
    """Of a tenant."""

    tenant_id: TenantId
    requests_max: int


async def list_account_limits(connection: Connection) -> list[AccountLimit]:
    """Accounts with limits of their own."""
    return [AccountLimit(**row) for row in await connection.fetch(LIST_ACCOUNT_LIMITS)]


async def list_tenant_limits(connection: Connection) -> list[TenantLimit]:
    """Tenants with a limit of their own."""
    return [TenantLimit(**row) for row in await connection.fetch(LIST_TENANT_LIMITS)]


async def has_singles(connection: Connection) -> bool:
    """Whether single messages are sent these days."""
    found: bool = await connection.fetchval(HAS_SINGLES)
    return found
