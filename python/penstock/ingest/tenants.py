"""What operators do to tenants, and tenants to their own settings: each act is written to the audit log where it happens.

Each works in a transaction that its caller opens. Not for keys: those are in keys.py.
"""

from collections.abc import Mapping
from typing import Final

from penstock.domain.audit import Act, Action, tenant_subject
from penstock.domain.errors import InvalidValueError, NotFoundError, StateConflictError
from penstock.domain.ids import TenantId
from penstock.domain.quiet_hours import QuietHours
from penstock.domain.tenant import TenantSettings, is_account_id
from penstock.ingest.control import check_quiet_hours, check_region, check_sender
from penstock.store import audit, tenants
from penstock.store.pool import Connection
from penstock.store.tenants import Tenant

MOST_NAME_CHARS: Final = 100

SettingChanges = Mapping[str, object]
"""Fields of TenantSettings with their new values; None resets one."""


def check_settings(changes: SettingChanges) -> None:
    """Raise InvalidValueError for what campaigns could not use: the same checks as theirs."""
    if isinstance(sender := changes.get("sender"), str):
        check_sender(sender, pointer="/settings/sender")
    if isinstance(region := changes.get("default_region"), str):
        check_region(region, pointer="/settings/default_region")
    if isinstance(hours := changes.get("quiet_hours"), QuietHours):
        check_quiet_hours(hours, "/settings/quiet_hours")
    if isinstance(account := changes.get("traffic_account_id"), str) and not is_account_id(account):
        raise InvalidValueError(
            "A traffic account is named by 1 to 64 visible ASCII characters.", pointer="/settings/traffic_account_id"
        )


async def create_tenant(connection: Connection, actor: str, name: str, changes: SettingChanges) -> Tenant:
    """A new tenant with these settings, checked before. Raises StateConflictError when the name is taken."""
    settings = TenantSettings(**{field: value for field, value in changes.items() if value is not None})  # type: ignore[arg-type]
    tenant_id = await tenants.create_tenant(connection, name, settings)
    if tenant_id is None:
        raise StateConflictError("There is already a tenant of this name.", pointer="/name")
    await _record(connection, actor, Action.TENANT_CREATE, tenant_id)
    return await find_tenant(connection, tenant_id)


async def change_settings(connection: Connection, actor: str, tenant_id: TenantId, changes: SettingChanges) -> Tenant:
    """Merge checked changes into the tenant's settings. The record names the fields, not what is in them."""
    await find_tenant(connection, tenant_id)
    if changes:
        await tenants.change_settings(connection, tenant_id, changes)
        act = Act(
            actor=actor, action=Action.TENANT_CHANGE, tenant_id=tenant_id, subject=tenant_subject(tenant_id),
            detail={"changed": sorted(changes)},
        )  # fmt: skip
        await audit.record_act(connection, act)
    return await find_tenant(connection, tenant_id)


async def deactivate_tenant(connection: Connection, actor: str, tenant_id: TenantId) -> Tenant:
    """Close its keys and stop its sending; all that it has stays as it is."""
    if await tenants.deactivate_tenant(connection, tenant_id):
        await _record(connection, actor, Action.TENANT_DEACTIVATE, tenant_id)
    return await find_tenant(connection, tenant_id)


async def activate_tenant(connection: Connection, actor: str, tenant_id: TenantId) -> Tenant:
    """Let everything go on where it stopped."""
    if await tenants.activate_tenant(connection, tenant_id):
        await _record(connection, actor, Action.TENANT_ACTIVATE, tenant_id)
    return await find_tenant(connection, tenant_id)


async def find_tenant(connection: Connection, tenant_id: TenantId) -> Tenant:
    """The tenant of that id. Raises NotFoundError."""
    tenant = await tenants.get_tenant(connection, tenant_id)
    if tenant is None:
        raise NotFoundError("There is no such tenant.")
    return tenant


async def _record(connection: Connection, actor: str, action: Action, tenant_id: TenantId) -> None:
    await audit.record_act(connection, Act(actor=actor, action=action, tenant_id=tenant_id, subject=tenant_subject(tenant_id)))
