"""`penstock tenants`: whoever sends."""

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from penstock.cli.failure import CommandError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from penstock.domain.ids import TenantId
    from penstock.ingest.tenants import SettingChanges
    from penstock.store.pool import Connection
    from penstock.store.tenants import Tenant

app = typer.Typer(no_args_is_help=True)

PAGE: Final = 1000

TenantName = Annotated[str, typer.Argument(help="The tenant's name.")]
Changes = Annotated[
    list[str],
    typer.Argument(
        help="As sender=Acme default_region=DE traffic_account_id=… idempotency=key_and_body "
        """quiet_hours=21:00-08:00 (or 21:00-08:00,sat,sun) requests_max=20 limits=trial or """
        """limits='{"sends_per_hour": 10}'; with nothing behind =, reset."""
    ),
]


@app.command("create")
def create(name: Annotated[str, typer.Argument(help="A name that is not taken; 1–100 characters.")]) -> None:
    """Create a tenant."""
    asyncio.run(_create(name))
    print(f"tenant {name} created; make a key for it: penstock keys create {name}")


@app.command("list")
def list_() -> None:
    """List the tenants."""
    asyncio.run(_list())


@app.command("show")
def show(tenant: TenantName) -> None:
    """Show a tenant and its settings."""
    _print(asyncio.run(_show(tenant)))


@app.command("set")
def set_(tenant: TenantName, changes: Changes) -> None:
    """Change settings: those that are named, and no other."""
    _print(asyncio.run(_set(tenant, changes)))


@app.command("deactivate")
def deactivate(tenant: TenantName) -> None:
    """Close a tenant's keys and stop its sending; nothing of it is lost."""
    from penstock.ingest.tenants import deactivate_tenant

    asyncio.run(_switch(tenant, deactivate_tenant))
    print(f"tenant {tenant} is deactivated")


@app.command("activate")
def activate(tenant: TenantName) -> None:
    """Let a deactivated tenant go on from where it stopped."""
    from penstock.ingest.tenants import activate_tenant

    asyncio.run(_switch(tenant, activate_tenant))
    print(f"tenant {tenant} is active")


async def _create(name: str) -> None:
    from penstock.cli.operator import actor, operating
    from penstock.ingest.tenants import MOST_NAME_CHARS, create_tenant

    if not 1 <= len(name) <= MOST_NAME_CHARS or "\x00" in name:
        raise CommandError(f"a tenant's name has 1 to {MOST_NAME_CHARS} characters")
    async with operating() as connection:
        await create_tenant(connection, actor(), name, {})


async def _list() -> None:
    from penstock.cli.operator import operating
    from penstock.cli.tables import print_table
    from penstock.store import tenants

    rows, after = [], tenants.BEFORE_FIRST
    async with operating() as connection:
        while found := await tenants.list_tenants(connection, after, PAGE):
            rows += [(str(t.tenant_id), t.name, _time(t.created_at), _state(t)) for t in found]
            after = found[-1].tenant_id
    print_table(("id", "name", "created", "state"), rows)


async def _show(name: str) -> "Tenant":
    from penstock.cli.operator import find_tenant, operating

    async with operating() as connection:
        return await find_tenant(connection, name)


async def _set(name: str, texts: list[str]) -> "Tenant":
    from penstock.cli.operator import actor, find_tenant, operating
    from penstock.ingest.tenants import change_settings

    changes = _read_changes(texts)
    async with operating() as connection:
        tenant = await find_tenant(connection, name)
        return await change_settings(connection, actor(), tenant.tenant_id, changes)


async def _switch(name: str, act: "Callable[[Connection, str, TenantId], Awaitable[Tenant]]") -> None:
    from penstock.cli.operator import actor, find_tenant, operating

    async with operating() as connection:
        tenant = await find_tenant(connection, name)
        await act(connection, actor(), tenant.tenant_id)


def _read_changes(texts: list[str]) -> "SettingChanges":
    """`name=value` as the API would have it, under the same checks."""
    import msgspec

    from penstock.api.schemas.tenants import SettingsChange
    from penstock.cli.quiet_hours import read_quiet_hours
    from penstock.domain.errors import GatewayError
    from penstock.ingest.tenants import check_settings

    pairs = {name: value or None for name, _, value in (text.partition("=") for text in texts)}
    try:
        given = {name: msgspec.json.decode(value) if value and value[0] == "{" else value for name, value in pairs.items()}
        if isinstance(hours := given.get("quiet_hours"), str):
            given["quiet_hours"] = read_quiet_hours(hours)
        changes = msgspec.convert(given, SettingsChange, strict=False).changes()
        check_settings(changes)
    except (msgspec.DecodeError, GatewayError) as error:
        raise CommandError(str(error)) from error
    return changes


def _print(tenant: "Tenant") -> None:
    import msgspec

    from penstock.cli.quiet_hours import write_quiet_hours
    from penstock.cli.tables import print_table

    fields = msgspec.structs.asdict(tenant.settings)
    if (hours := tenant.settings.quiet_hours) is not None:
        fields["quiet_hours"] = write_quiet_hours(hours)
    settings = [(name, _setting(value)) for name, value in fields.items()]
    print_table(("tenant", tenant.name), [("id", str(tenant.tenant_id)), ("state", _state(tenant)), *settings])


def _setting(value: object) -> str:
    """As `set` takes it."""
    import msgspec

    return value if isinstance(value, str) else "" if value is None else msgspec.json.encode(value).decode()


def _state(tenant: "Tenant") -> str:
    return "active" if tenant.deactivated_at is None else f"deactivated {_time(tenant.deactivated_at)}"


def _time(instant: datetime) -> str:
    return instant.isoformat(" ", "seconds")
