"""Batches that somebody should look at: what is shown, and what an operator says of them."""

from typing import Literal

from msgspec import Struct

from penstock.api.schemas.forms import Instant, Request
from penstock.domain.batch import BatchState
from penstock.reconcile.resolve import Claim


class DoubtfulBatchView(Struct, frozen=True, kw_only=True):
    """A batch whose outcome is not known, or whose answer was out of order."""

    id: int
    tenant_id: int
    campaign_id: str
    state: BatchState
    account_id: str
    messages: int
    unknown: int
    reason: str | None
    order: Literal["sampled", "confirmed", "contradicted", "unproven"] | None
    sent_at: Instant
    since: Instant


class BatchClaim(Request, frozen=True, kw_only=True):
    """What became of the messages that are still unknown."""

    outcome: Claim


class ResolutionView(Struct, frozen=True, kw_only=True):
    """What that settled."""

    id: int
    tenant_id: int
    campaign_id: str
    outcome: Claim
    messages: int
    state: BatchState
