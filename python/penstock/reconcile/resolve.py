"""An operator's word about a batch whose outcome is not known, for what of it evidence has not settled: an act, on record.

Each outcome is a claim that somebody can answer for, with the provider's portal or support at hand. There is none for "nobody
knows": that is what unknown says.
"""

from enum import StrEnum
from typing import Final, assert_never

from msgspec import Struct

from penstock.domain.audit import Act, Action, batch_subject
from penstock.domain.batch import TRANSITIONS, BatchEvent, BatchState
from penstock.domain.errors import NotFoundError, StateConflictError
from penstock.domain.ids import BatchId, CampaignId, TenantId
from penstock.domain.message import MessageState
from penstock.store import attempts, audit, campaigns, unknown
from penstock.store.attempts import Attempt
from penstock.store.pool import Connection

DETAIL: Final = "resolved_by_operator"


class Claim(StrEnum):
    """What became of the messages, by the operator's word."""

    SENT = "sent"
    """The provider accepted them. They count as sent, without an id, so that no report will reach them; never sent again."""
    NOT_SENT = "not_sent"
    """The provider never saw them. They are queued again; if it did see them they arrive twice."""
    REJECTED = "rejected"
    """The provider never sent them, and they are not wanted any more: final, and proven unsent."""


class Resolution(Struct, frozen=True):
    """What the claim settled."""

    batch_id: BatchId
    tenant_id: TenantId
    campaign_id: CampaignId
    claim: Claim
    messages: int
    batch: BatchState
    """Where the batch stands now."""


async def resolve_batch(connection: Connection, actor: str, batch_id: BatchId, claim: Claim) -> Resolution:
    """Settle what is still unknown of a batch, in the caller's transaction. Raises NotFoundError, StateConflictError."""
    attempt = await _lock_unknown(connection, batch_id, claim)
    match claim:
        case Claim.SENT:
            n = await unknown.settle_rest(connection, attempt, MessageState.SENT, None)
            becomes, ended, event = MessageState.SENT, "accepted", BatchEvent.RESOLVE
        case Claim.REJECTED:
            n = await unknown.settle_rest(connection, attempt, MessageState.REJECTED, DETAIL)
            becomes, ended, event = MessageState.REJECTED, "refused", BatchEvent.RESOLVE
        case Claim.NOT_SENT:
            n = await unknown.requeue(connection, attempt)
            becomes, ended, event = MessageState.QUEUED, "not_sent", BatchEvent.SEND_AGAIN
        case _:
            assert_never(claim)
    deltas = {MessageState.UNKNOWN: -n, becomes: n}
    await campaigns.add_counts(connection, attempt.tenant_id, attempt.campaign_id, deltas)
    batch = TRANSITIONS[BatchState.UNKNOWN, event]
    await attempts.close_attempt(connection, attempt.attempt_id, ended, batch, detail=DETAIL)
    await audit.record_act(connection, _act(actor, attempt, claim, n))
    return Resolution(batch_id, attempt.tenant_id, attempt.campaign_id, claim, n, batch)


async def _lock_unknown(connection: Connection, batch_id: BatchId, claim: Claim) -> Attempt:
    """The batch's last attempt, locked: a late answer or evidence waits, or has come first."""
    batch = await unknown.find_batch(connection, batch_id)
    if batch is None:
        raise NotFoundError("There is no such batch.")
    attempt = None if batch.attempt_id is None else await attempts.find_attempt(connection, batch.attempt_id)
    if attempt is None or await attempts.lock_attempt(connection, attempt.attempt_id) != "unknown":
        raise StateConflictError(f"The outcome of a batch can be resolved while it is unknown; this one is {batch.state}.")
    if claim is not Claim.SENT and batch.leased_until is not None:
        raise StateConflictError(
            f"The process that holds this batch may only be stopped and send it until {batch.leased_until:%H:%M:%S} UTC."
        )
    return attempt


def _act(actor: str, attempt: Attempt, claim: Claim, messages: int) -> Act:
    return Act(
        actor=actor, action=Action.BATCH_RESOLVE, tenant_id=attempt.tenant_id, subject=batch_subject(attempt.batch_id),
        detail={"outcome": claim.value, "messages": messages, "campaign_id": str(attempt.campaign_id)},
    )  # fmt: skip
