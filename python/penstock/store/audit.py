"""The record of what operators did: rows are added, in the transaction of the act, and never changed."""

from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct

from penstock.domain.audit import Act, Action
from penstock.domain.ids import TenantId
from penstock.store.pool import Connection
from penstock.store.queries import query

RECORD_ACT = query("audit.record_act")
LIST_ACTS = query("audit.list_acts")

AFTER_LAST: Final = (1 << 63) - 1


class RecordedAct(Struct, frozen=True, kw_only=True):
    """One row."""

    audit_id: int
    at: datetime
    actor: str
    action: str
    """An Action, or one of a newer release."""
    tenant_id: TenantId | None
    subject: str
    detail: dict[str, object]


async def record_act(connection: Connection, act: Act) -> None:
    """Write down what this transaction does."""
    detail = msgspec.json.encode(act.detail).decode()
    await connection.execute(RECORD_ACT, act.actor, act.action.value, act.tenant_id, act.subject, detail)


async def list_acts(
    connection: Connection, before: int, limit: int, *, tenant_id: TenantId | None = None, action: Action | None = None
) -> list[RecordedAct]:
    """A page of acts older than `before`, newest first."""
    rows = await connection.fetch(LIST_ACTS, before, tenant_id, None if action is None else action.value, limit)
    return [RecordedAct(**{**row, "detail": msgspec.json.decode(row["detail"])}) for row in rows]
