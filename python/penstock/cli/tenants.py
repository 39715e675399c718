"""`penstock tenants`: whoever sends."""

import asyncio
from typing import Annotated

import typer

from penstock.cli.failure import CommandError

app = typer.Typer(no_args_is_help=True)


@app.command("create")
def create(name: Annotated[str, typer.Argument(help="A name that is not taken; 1–100 characters.")]) -> None:
    """Create a tenant."""
    asyncio.run(_create(name))
    print(f"tenant {name} created; make a key for it: penstock keys create {name}")


@app.command("list")
def list_() -> None:
    """List the tenants."""
    asyncio.run(_list())


async def _create(name: str) -> None:
    from penstock.cli.environment import open_store, read_settings
    from penstock.store import tenants

    if not 1 <= len(name) <= 100 or "\x00" in name:  # noqa: PLR2004 - as the schema says
        raise CommandError("a tenant's name has 1 to 100 characters")
    async with open_store(read_settings()) as store, store.api() as connection:
        if await tenants.create_tenant(connection, name) is None:
            raise CommandError(f"there is already a tenant {name}")


async def _list() -> None:
    from penstock.cli.environment import open_store, read_settings
    from penstock.cli.tables import print_table
    from penstock.store import tenants

    async with open_store(read_settings()) as store, store.api() as connection:
        found = await tenants.list_tenants(connection)
    print_table(("id", "name", "created"), [(str(t.tenant_id), t.name, t.created_at.isoformat(" ", "seconds")) for t in found])
