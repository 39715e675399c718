"""What a campaign did not send, for another one that tries again."""

from msgspec import Struct

from penstock.domain.ids import CampaignId, TenantId
from penstock.store.pool import Connection
from penstock.store.queries import query

FIND_RETRY = query("retries.find_retry")
NEXT_CHUNK = query("retries.next_chunk")
READ_PAYLOAD = query("retries.read_payload")
LIST_UNSENT = query("retries.list_unsent")
HAS_UNSENT = query("retries.has_unsent")


class StoredChunk(Struct, frozen=True):
    """A chunk by its place."""

    chunk_no: int
    first_seq: int
    messages: int


async def find_retry(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> CampaignId | None:
    """The campaign that tries this one again."""
    found: CampaignId | None = await connection.fetchval(FIND_RETRY, tenant_id, campaign_id)
    return found


async def next_chunk(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId, after: int) -> StoredChunk | None:
    """The chunk behind number `after`."""
    row = await connection.fetchrow(NEXT_CHUNK, tenant_id, campaign_id, after)
    return StoredChunk(**row) if row else None


async def read_payload(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId, chunk_no: int) -> bytes:
    """The packed messages of a chunk that exists."""
    payload: bytes = await connection.fetchval(READ_PAYLOAD, tenant_id, campaign_id, chunk_no)
    return payload


async def list_unsent(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId, chunk: StoredChunk) -> list[int]:
    """Sequence numbers of its messages that are final and were never accepted by the provider."""
    last_seq = chunk.first_seq + chunk.messages - 1
    return [row["seq"] for row in await connection.fetch(LIST_UNSENT, tenant_id, campaign_id, chunk.first_seq, last_seq)]


async def has_unsent(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> bool:
    """Whether the campaign has any."""
    found: bool = await connection.fetchval(HAS_UNSENT, tenant_id, campaign_id)
    return found
