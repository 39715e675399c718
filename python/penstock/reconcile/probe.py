"""Whether the provider takes a message's reference and shows it again: one real message is sent, and looked up.

It is nobody's message and stands in no books; that it is to be sent is in the audit log before it leaves. It can be taken for
no message of ours: its reference has the form of all others and names a campaign that there never was, and its text is its
own. Its report finds no message, is tried again like an early one, and stays on record.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Final

from msgspec import Struct

from penstock import _core
from penstock.domain.audit import Act, Action, account_subject
from penstock.domain.evidence import Seen
from penstock.domain.ids import AccountId, CampaignId, message_id, message_id_prefix
from penstock.domain.look_up import Sight
from penstock.domain.outcome import Accepted, Held, NotSent, Outcome, Refused, Split, Throttled, Unknown
from penstock.store import audit
from penstock.store.pool import Connection

TEXT: Final = "Penstock: a test message, to see whether its reference comes back."
PATIENCE: Final = timedelta(seconds=60)
"""How long the message is looked for."""


class Probe(Struct, frozen=True):
    """The request with the message."""

    body: bytes
    reference: str


class Sent(Struct, frozen=True):
    """It was accepted."""

    provider_id: str


class Answer(StrEnum):
    """What is known afterwards."""

    RETURNED = "returned"
    MISSING = "missing"
    """The message was accepted, and is shown without."""
    CHANGED = "changed"
    REFUSED = "refused"
    """The message was, for whatever reason."""


class NothingLearned(Struct, frozen=True):
    """No answer."""

    reason: str
    is_sent: bool | None
    """None: nobody knows."""


def write_probe(account_id: AccountId, sender: str, number: int, campaign_id: CampaignId) -> Probe:
    """The same bytes as of any batch of one message. `campaign_id`: fresh, of no campaign."""
    encoded = _core.encode_batch(
        _core.pack_messages([number], [TEXT], 0), _core.Template("{text}"), traffic_account_id=account_id, sender=sender,
        first_seq=0, last_seq=0, max_messages=1, max_segments=1, max_bytes=1, reference=message_id_prefix(campaign_id),
    )  # fmt: skip
    return Probe(encoded.body, message_id(campaign_id, 0))


async def record_probe(connection: Connection, actor: str, account_id: AccountId, probe: Probe) -> None:
    """Write down that it is about to be sent."""
    act = Act(
        actor=actor, action=Action.ACCOUNT_PROBE, tenant_id=None, subject=account_subject(account_id),
        detail={"reference": probe.reference},
    )  # fmt: skip
    await audit.record_act(connection, act)


def judge_sending(outcome: Outcome) -> Sent | Answer | NothingLearned:
    """What the send came to."""
    match outcome:
        case Accepted(ids=[provider_id]):
            return Sent(provider_id)
        case Accepted() | Refused() | Split():
            return Answer.REFUSED
        case NotSent(reason) | Held(reason):
            return NothingLearned(reason, is_sent=False)
        case Throttled():
            return NothingLearned("http_429", is_sent=False)
        case Unknown(reason):
            return NothingLearned(reason, is_sent=None)


def judge_sight(sight: Sight, probe: Probe) -> Answer | None:
    """What one look-up shows; None: not yet."""
    if not isinstance(sight, Seen):
        return None
    if sight.reference is None:
        return Answer.MISSING
    return Answer.RETURNED if sight.reference == probe.reference else Answer.CHANGED
