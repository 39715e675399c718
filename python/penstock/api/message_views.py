"""One message as it is shown by itself, and its timeline: no I/O."""

from collections.abc import Iterable, Sequence

from penstock.api import schemas, views
from penstock.domain.ids import message_id
from penstock.domain.message import MessageState, is_final
from penstock.domain.single import Placed, Single
from penstock.store.message_search import Conflict, FoundMessage, TriedAttempt


def placed(message: Single, place: Placed) -> schemas.MessageDetail:
    """A message that was stored just now."""
    return schemas.MessageDetail(
        id=message_id(place.campaign_id, place.seq), to=views.number(message.number), state=MessageState.QUEUED,
        segments=message.segments, sent_at=None, final_at=None, report_closed_at=None, provider_id=None, error=None,
        sender=message.sender, campaign_id=None, reference=message.reference, created_at=place.stored_at,
        due_at=message.due_at or place.stored_at,
    )  # fmt: skip


def detail(found: FoundMessage) -> schemas.MessageDetail:
    """A message as it stands."""
    return schemas.MessageDetail(
        id=message_id(found.campaign_id, found.seq), to=views.number(found.msisdn), state=MessageState(found.state),
        segments=found.segments, sent_at=found.sent_at, final_at=found.final_at, report_closed_at=found.report_closed_at,
        provider_id=found.provider_id, error=found.error, sender=found.sender,
        campaign_id=None if found.is_rolling else str(found.campaign_id), reference=found.reference,
        created_at=found.created_at, due_at=found.due_at,
    )  # fmt: skip


def timeline(found: FoundMessage, attempts: Sequence[TriedAttempt], conflicts: Sequence[Conflict]) -> schemas.Timeline:
    """What happened, in the order of what must come before what: the provider's clock is not ours."""
    events = [schemas.TimelineEvent(event="queued", at=found.created_at), *map(_attempt, attempts), *_ends(found, conflicts)]
    return schemas.Timeline(id=message_id(found.campaign_id, found.seq), state=MessageState(found.state), items=events)


def _attempt(attempt: TriedAttempt) -> schemas.TimelineEvent:
    return schemas.TimelineEvent(
        event=f"attempt_{attempt.state}", at=attempt.started_at, ended_at=attempt.closed_at, detail=attempt.detail
    )


def _ends(found: FoundMessage, conflicts: Sequence[Conflict]) -> Iterable[schemas.TimelineEvent]:
    if found.sent_at is not None:
        yield schemas.TimelineEvent(event=MessageState.SENT.value, at=found.sent_at)
    if found.report_closed_at is not None:
        yield schemas.TimelineEvent(event="report_window_over", at=found.report_closed_at)
    if found.final_at is not None and is_final(MessageState(found.state)):
        yield schemas.TimelineEvent(event=found.state, at=found.final_at, detail=found.error)
    for conflict in conflicts:
        yield schemas.TimelineEvent(event="conflicting_report", at=conflict.recorded_at, detail=conflict.status)
