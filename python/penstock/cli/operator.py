"""An operator at the command line: works on the database itself, in one transaction, under a name for the audit log."""

import os
import pwd
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from penstock.cli.failure import CommandError, clear_failures

if TYPE_CHECKING:
    from penstock.store.pool import Connection
    from penstock.store.tenants import Tenant


def actor() -> str:
    """The account of the operating system that runs this command, whatever its environment says."""
    from penstock.domain.audit import by_command

    uid = os.getuid()
    try:
        return by_command(pwd.getpwuid(uid).pw_name)
    except KeyError:  # containers often run as a uid without a name
        return by_command(str(uid))


@asynccontextmanager
async def operating() -> AsyncIterator["Connection"]:
    """A transaction on the database of the settings; it is undone when the command fails."""
    from penstock.cli.environment import open_store, read_settings

    with clear_failures():
        async with open_store(read_settings()) as store, store.engine() as connection, connection.transaction():
            yield connection


async def find_tenant(connection: "Connection", name: str) -> "Tenant":
    """The tenant of that name. Raises CommandError."""
    from penstock.store import tenants

    tenant = await tenants.find_tenant(connection, name)
    if tenant is None:
        raise CommandError(f"there is no tenant {name}: penstock tenants create {name}")
    return tenant
