"""What operators do about dead batches: try them again, or leave their messages out. Each act is written to the audit log.

Each works in a transaction that its caller opens. Nothing of a dead batch was ever sent, so both are safe.
"""

from typing import Final

from penstock.domain.audit import Act, Action, batch_subject
from penstock.domain.batch import BatchEvent, BatchState, next_state
from penstock.domain.errors import NotFoundError, StateConflictError
from penstock.domain.ids import BatchId, CampaignId, TenantId
from penstock.domain.message import MessageState
from penstock.store import audit, campaigns, control, dead_letters
from penstock.store.control import UnsentBatch
from penstock.store.dead_letters import DeadLetter
from penstock.store.pool import Connection

REASON: Final = "dead_letter_canceled"
"""What a message that was left out shows as its error."""


async def redrive(connection: Connection, actor: str, batch_id: BatchId) -> DeadLetter:
    """Put it back into the queue with all its tries. Raises NotFoundError, StateConflictError."""
    letter = await _lock(connection, batch_id, BatchEvent.REDRIVE)
    await dead_letters.redrive_batches(connection, batch_id=batch_id)
    await _record(connection, actor, Action.DEAD_LETTER_REDRIVE, letter)
    return await _show(connection, batch_id)


async def redrive_all(
    connection: Connection, actor: str, *, tenant_id: TenantId | None = None, campaign_id: CampaignId | None = None
) -> int:
    """The same for every one, or for those of a tenant or a campaign; how many there were."""
    batches = await dead_letters.redrive_batches(connection, tenant_id=tenant_id, campaign_id=campaign_id)
    if batches:
        subject = "batch:*" if campaign_id is None else f"campaign:{campaign_id}"
        act = Act(
            actor=actor, action=Action.DEAD_LETTER_REDRIVE, tenant_id=tenant_id, subject=subject, detail={"batches": batches}
        )
        await audit.record_act(connection, act)
    return batches


async def cancel(connection: Connection, actor: str, batch_id: BatchId) -> DeadLetter:
    """Leave out what still waits in it; its messages are canceled. Raises NotFoundError, StateConflictError."""
    letter = await _lock(connection, batch_id, BatchEvent.LEAVE_OUT)
    unsent = UnsentBatch(batch_id, letter.first_seq, letter.last_seq)
    n = await control.cancel_range(connection, letter.tenant_id, letter.campaign_id, unsent, REASON)
    deltas = {MessageState.QUEUED: -n, MessageState.CANCELED: n}
    await campaigns.add_counts(connection, letter.tenant_id, letter.campaign_id, deltas)
    await control.drop_batch(connection, batch_id)
    await _record(connection, actor, Action.DEAD_LETTER_CANCEL, letter)
    return await _show(connection, batch_id)


async def _lock(connection: Connection, batch_id: BatchId, event: BatchEvent) -> DeadLetter:
    letter = await dead_letters.lock_letter(connection, batch_id)
    if letter is None:
        raise NotFoundError("There is no such batch.")
    if letter.state != BatchState.DEAD or next_state(BatchState.DEAD, event) is None:
        raise StateConflictError(f"The batch is {letter.state}, not dead.")
    return letter


async def _show(connection: Connection, batch_id: BatchId) -> DeadLetter:
    letter = await dead_letters.lock_letter(connection, batch_id)
    if letter is None:
        raise NotFoundError("There is no such batch.")
    return letter


async def _record(connection: Connection, actor: str, action: Action, letter: DeadLetter) -> None:
    detail = {"campaign_id": str(letter.campaign_id), "messages": letter.messages}
    subject = batch_subject(letter.batch_id)
    act = Act(actor=actor, action=action, tenant_id=letter.tenant_id, subject=subject, detail=detail)
    await audit.record_act(connection, act)
