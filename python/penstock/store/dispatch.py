"""Batches on their way out: due lanes, the claim, and the attempt that is committed before any byte leaves."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from penstock.domain.fairness import Lane
from penstock.domain.ids import AccountId, BatchId, CampaignId, TenantId
from penstock.domain.quiet_hours import QuietHours
from penstock.store.attempts import Attempt
from penstock.store.pool import Connection
from penstock.store.queries import query, row_count

LIST_DUE_LANES = query("dispatch.list_due_lanes")
LOCK_FOR_SENDING = query("dispatch.lock_for_sending")
CLAIM_DUE_BATCH = query("dispatch.claim_due_batch")
LIST_RECENT_OPT_OUTS = query("dispatch.list_recent_opt_outs")
OPEN_ATTEMPT = query("dispatch.open_attempt")
CLOSE_BATCH = query("dispatch.close_batch")
COUNT_BATCH_FAILURE = query("dispatch.count_batch_failure")
CANCEL_MESSAGES = query("dispatch.cancel_messages")
EXPIRE_MESSAGES = query("dispatch.expire_messages")


class SendingCampaign(Struct, frozen=True):
    """What the claim needs of a campaign that may send."""

    text: str
    sender: str
    account_id: AccountId
    learned_batch_size: int | None
    is_expired: bool
    paced_to: int | None
    """The first sequence number that may not be sent yet; None for a campaign without a pace."""
    due_to: int | None
    """The first that is not due yet, which is less: a slice is sent with its first message."""
    quiet_hours: QuietHours | None
    now: datetime
    """By the database's clock, when the claim's transaction began."""


class DueBatch(Struct, frozen=True):
    """A locked batch and the chunk it lies in."""

    batch_id: BatchId
    chunk_no: int
    first_seq: int
    last_seq: int
    segments: int
    attempts: int
    excluded: bytes | None
    chunk_first_seq: int
    chunk_messages: int
    payload: bytes
    opt_outs_at: datetime
    """An instant before the opt-outs that the chunk leaves out were read."""
    zone_group: str | None = None
    """Whose clocks count for it, where the campaign has quiet hours."""


class Intent(Struct, frozen=True, kw_only=True):
    """What else is written with an attempt: enough, with the batch, to render the same body again."""

    segments: int
    left_segments: int
    """Of what is behind the attempt's range and becomes a batch of its own."""
    digest: bytes
    codec: int
    worker: str
    lease: timedelta
    has_references: bool


async def list_due_lanes(connection: Connection, limit: int) -> list[Lane]:
    """Campaigns with a batch to claim."""
    return [Lane(**row) for row in await connection.fetch(LIST_DUE_LANES, limit)]


async def lock_for_sending(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> SendingCampaign | None:
    """The campaign if it may send now; pause and cancel wait until the transaction ends."""
    row = await connection.fetchrow(LOCK_FOR_SENDING, tenant_id, campaign_id)
    if row is None:
        return None
    hours = row["quiet_hours"]
    return SendingCampaign(**{**row, "quiet_hours": None if hours is None else msgspec.json.decode(hours, type=QuietHours)})


async def claim_due_batch(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> DueBatch | None:
    """The campaign's next due batch that nobody else holds."""
    row = await connection.fetchrow(CLAIM_DUE_BATCH, tenant_id, campaign_id)
    return DueBatch(**row) if row else None


async def list_recent_opt_outs(connection: Connection, tenant_id: TenantId, since: datetime) -> list[int]:
    """Numbers that opted out since the chunk was stored."""
    return [row["msisdn"] for row in await connection.fetch(LIST_RECENT_OPT_OUTS, tenant_id, since)]


async def open_attempt(connection: Connection, attempt: Attempt, intent: Intent) -> None:
    """Write the attempt, cut the locked batch to it, and put the rest back as a batch of its own."""
    await connection.execute(
        OPEN_ATTEMPT, attempt.attempt_id, attempt.tenant_id, attempt.campaign_id, attempt.batch_id, attempt.first_seq,
        attempt.last_seq, attempt.account_id, attempt.messages, intent.segments, attempt.excluded, intent.digest, intent.codec,
        intent.worker, intent.lease, intent.left_segments, intent.has_references,
    )  # fmt: skip


async def close_batch(connection: Connection, batch_id: BatchId) -> None:
    """Nothing of it is left to send."""
    await connection.execute(CLOSE_BATCH, batch_id)


async def count_batch_failure(
    connection: Connection, batch_id: BatchId, kind: str, limit: int, longest_wait: timedelta
) -> str | None:
    """The batch's state after one more failure of its own, or None when somebody else has it."""
    state: str | None = await connection.fetchval(COUNT_BATCH_FAILURE, batch_id, limit, longest_wait, kind)
    return state


async def cancel_messages(
    connection: Connection, tenant_id: TenantId, campaign_id: CampaignId, seqs: Sequence[int], reason: str
) -> int:
    """How many of these queued messages were left out."""
    return row_count(await connection.execute(CANCEL_MESSAGES, tenant_id, campaign_id, seqs, reason))


async def expire_messages(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId, first: int, last: int) -> int:
    """How many queued messages of the range ran out of validity."""
    return row_count(await connection.execute(EXPIRE_MESSAGES, tenant_id, campaign_id, first, last))
