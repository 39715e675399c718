"""Numbers that a tenant must not write to: added, removed and listed in bulk.

Not for uploads: the parser leaves opted-out numbers out, and the claim looks again just before sending.
"""

import re
from collections.abc import Sequence
from typing import Final

from penstock.domain.errors import InvalidValueError
from penstock.domain.ids import TenantId
from penstock.store import opt_outs
from penstock.store.opt_outs import OptOut
from penstock.store.pool import Store

_STRICT_NUMBER: Final = re.compile(r"\+[1-9][0-9]{6,14}")

SOURCE_API: Final = "api"


def read_numbers(texts: Sequence[str]) -> list[int]:
    """E.164 numbers as integers, sorted and once each. Raises InvalidValueError that names the first wrong one by its place."""
    for index, text in enumerate(texts):
        if not _STRICT_NUMBER.fullmatch(text):
            raise InvalidValueError(
                "A number is written as + and 7 to 15 digits, country code first.", pointer=f"/numbers/{index}"
            )
    return sorted({int(text) for text in texts})


async def add_numbers(store: Store, tenant_id: TenantId, numbers: Sequence[int]) -> int:
    """How many were not opted out before."""
    async with store.tenant(tenant_id) as connection:
        return await opt_outs.add_opt_outs(connection, tenant_id, numbers, SOURCE_API)


async def remove_numbers(store: Store, tenant_id: TenantId, numbers: Sequence[int]) -> int:
    """How many were opted out before."""
    async with store.tenant(tenant_id) as connection:
        return await opt_outs.remove_opt_outs(connection, tenant_id, numbers)


async def list_numbers(store: Store, tenant_id: TenantId, after: int, limit: int) -> list[OptOut]:
    """A page of numbers greater than `after`."""
    async with store.tenant(tenant_id) as connection:
        return await opt_outs.list_opt_outs(connection, tenant_id, after, limit)
