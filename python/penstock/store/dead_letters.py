"""Dead batches: those that failed too often by themselves. Their messages are queued all the while."""

from datetime import datetime
from typing import Final

from msgspec import Struct

from penstock.domain.ids import BatchId, CampaignId, TenantId
from penstock.store.pool import Connection
from penstock.store.queries import query, row_count

LIST_DEAD_LETTERS = query("dead_letters.list_dead_letters")
LOCK_LETTER = query("dead_letters.lock_letter")
REDRIVE_BATCHES = query("dead_letters.redrive_batches")

BEFORE_FIRST: Final = 0


class DeadLetter(Struct, frozen=True, kw_only=True):
    """A batch as an operator looks at it."""

    batch_id: BatchId
    tenant_id: TenantId
    campaign_id: CampaignId
    campaign_state: str
    first_seq: int
    last_seq: int
    state: str
    failures: int
    failure: str | None
    """The class of its latest failure."""
    failed_at: datetime | None
    messages: int
    """Those of its range that still wait."""


async def list_dead_letters(
    connection: Connection, after: int, limit: int, *,
    tenant_id: TenantId | None = None, campaign_id: CampaignId | None = None,
) -> list[DeadLetter]:  # fmt: skip
    """A page of dead batches behind the id `after`, oldest first."""
    return [DeadLetter(**row) for row in await connection.fetch(LIST_DEAD_LETTERS, after, tenant_id, campaign_id, limit)]


async def lock_letter(connection: Connection, batch_id: BatchId) -> DeadLetter | None:
    """One batch, whatever its state, until the transaction ends."""
    row = await connection.fetchrow(LOCK_LETTER, batch_id)
    return DeadLetter(**row) if row else None


async def redrive_batches(
    connection: Connection, *,
    tenant_id: TenantId | None = None, campaign_id: CampaignId | None = None, batch_id: BatchId | None = None,
) -> int:  # fmt: skip
    """How many dead batches of these are in the queue again; None: of every one."""
    return row_count(await connection.execute(REDRIVE_BATCHES, tenant_id, campaign_id, batch_id))
