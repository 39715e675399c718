"""What reconciliation comes upon: something that should not be, repaired or left for an operator."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct, field

from penstock.domain.ids import CampaignId, TenantId


class FindingKind(StrEnum):
    """Every kind there is; a label of a metric, so the set is closed."""

    ATTEMPT_LAPSED = "attempt_lapsed"
    """A process ended between its claim and its answer: the batch is unknown now."""
    TRANSACTION_ENDED = "transaction_ended"
    """A process began a transaction and did not go on with it: it was ended, so that others get what it had locked."""
    CAMPAIGN_STUCK = "campaign_stuck"
    """It is to be sent, something of it is due, and nothing has moved for a quarter of an hour."""
    BOOKS_WRONG = "books_wrong"
    """The counters differ from the messages: they are set right."""
    MESSAGES_WITHOUT_BATCH = "messages_without_batch"
    """Queued messages that no batch would ever send: they get one."""
    MESSAGES_UNACCOUNTED = "messages_unaccounted"
    """Queued messages of no batch that a request may have carried: never sent again by themselves."""
    BATCHES_OVERLAP = "batches_overlap"
    """Two batches would send the same messages."""
    UPLOAD_ABANDONED = "upload_abandoned"
    """Begun, in part stored, and not continued for a day: its campaign cannot be sent."""
    MONTH_KEPT = "month_kept"
    """The time of a month's messages is over, and some of its campaigns are still open: none of it goes."""


class Finding(Struct, frozen=True, kw_only=True):
    """One of them."""

    kind: FindingKind
    subject: str
    """What it is about: `campaign:…`, `batch:40`. The same thing has the same subject again."""
    tenant_id: TenantId | None = None
    campaign_id: CampaignId | None = None
    is_repaired: bool = False
    detail: Mapping[str, object] = field(default_factory=dict)
    """Numbers and names of ours; never a customer's text or number."""


def about_campaign(
    kind: FindingKind, tenant_id: TenantId, campaign_id: CampaignId, detail: Mapping[str, object], *, is_repaired: bool = False
) -> Finding:
    """A finding whose subject is a campaign."""
    return Finding(
        kind=kind, subject=f"campaign:{campaign_id}", tenant_id=tenant_id, campaign_id=campaign_id, is_repaired=is_repaired,
        detail=detail,
    )  # fmt: skip
