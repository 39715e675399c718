"""Numbers that a tenant must not write to."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from penstock.domain.ids import TenantId
from penstock.store.pool import Connection
from penstock.store.queries import query

ADD_OPT_OUTS = query("opt_outs.add_opt_outs")
REMOVE_OPT_OUTS = query("opt_outs.remove_opt_outs")
LIST_OPT_OUTS = query("opt_outs.list_opt_outs")
PACK_OPT_OUTS = query("opt_outs.pack_opt_outs")


class OptOut(Struct, frozen=True):
    """One number."""

    msisdn: int
    source: str
    created_at: datetime


async def add_opt_outs(connection: Connection, tenant_id: TenantId, numbers: Sequence[int], source: str) -> int:
    """How many were new."""
    return len(await connection.fetch(ADD_OPT_OUTS, tenant_id, numbers, source))


async def remove_opt_outs(connection: Connection, tenant_id: TenantId, numbers: Sequence[int]) -> int:
    """How many of them were there."""
    return len(await connection.fetch(REMOVE_OPT_OUTS, tenant_id, numbers))


async def list_opt_outs(connection: Connection, tenant_id: TenantId, after: int, limit: int) -> list[OptOut]:
    """A page of numbers greater than `after`."""
    return [OptOut(**row) for row in await connection.fetch(LIST_OPT_OUTS, tenant_id, after, limit)]


async def pack_opt_outs(connection: Connection, tenant_id: TenantId) -> bytes:
    """Every number, as packed big-endian int64."""
    packed: bytes = await connection.fetchval(PACK_OPT_OUTS, tenant_id)
    return packed
