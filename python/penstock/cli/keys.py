"""`penstock keys`: API keys of a tenant. A key is shown once, when it is made."""

import asyncio
import secrets
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli.failure import CommandError

if TYPE_CHECKING:
    from penstock.store.pool import Connection
    from penstock.store.tenants import Tenant

app = typer.Typer(no_args_is_help=True)

TenantName = Annotated[str, typer.Argument(help="The tenant's name.")]


@app.command("create")
def create(tenant: TenantName, label: Annotated[str, typer.Option(help="What it is for.")] = "") -> None:
    """Make a key and print it: the only time it can be seen."""
    print(asyncio.run(_create(tenant, label)))
    if sys.stdout.isatty():
        print("Keep it: it is not shown again. Commands read it from PENSTOCK_API_KEY.", file=sys.stderr)


@app.command("list")
def list_(tenant: TenantName) -> None:
    """List a tenant's keys, by their first characters."""
    asyncio.run(_list(tenant))


@app.command("revoke")
def revoke(tenant: TenantName, key_id: Annotated[int, typer.Argument(help="The id that `keys list` shows.")]) -> None:
    """Make a key useless from now on."""
    asyncio.run(_revoke(tenant, key_id))
    print(f"key {key_id} revoked")


async def _create(tenant_name: str, label: str) -> str:
    from penstock.cli.environment import open_store, read_settings
    from penstock.domain.keys import RANDOM_BYTES, new_key
    from penstock.store import tenants

    async with open_store(read_settings()) as store, store.api() as connection:
        tenant = await _tenant(connection, tenant_name)
        key = new_key(secrets.token_bytes(RANDOM_BYTES))
        await tenants.create_key(connection, tenant.tenant_id, key.digest, key.prefix, label)
    return key.text


async def _list(tenant_name: str) -> None:
    from penstock.cli.environment import open_store, read_settings
    from penstock.cli.tables import print_table
    from penstock.store import tenants

    async with open_store(read_settings()) as store, store.api() as connection:
        tenant = await _tenant(connection, tenant_name)
        keys = await tenants.list_keys(connection, tenant.tenant_id)
    rows = [
        (
            str(key.key_id),
            f"{key.prefix}…",
            key.label,
            key.created_at.isoformat(" ", "seconds"),
            "revoked" if key.revoked_at else "live",
        )
        for key in keys
    ]
    print_table(("id", "key", "label", "created", "state"), rows)


async def _revoke(tenant_name: str, key_id: int) -> None:
    from penstock.cli.environment import open_store, read_settings
    from penstock.store import tenants

    async with open_store(read_settings()) as store, store.api() as connection:
        tenant = await _tenant(connection, tenant_name)
        if not await tenants.revoke_key(connection, tenant.tenant_id, key_id):
            raise CommandError(f"tenant {tenant_name} has no live key {key_id}")


async def _tenant(connection: "Connection", name: str) -> "Tenant":
    from penstock.store import tenants

    tenant = await tenants.find_tenant(connection, name)
    if tenant is None:
        raise CommandError(f"there is no tenant {name}: penstock tenants create {name}")
    return tenant
