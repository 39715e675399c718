"""What operators look at and mend: accounts that cannot send, batches that died, findings of reconciliation."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from penstock.api.schemas.forms import Instant, Request
from penstock.domain.batch import BatchState
from penstock.domain.campaign import CampaignState
from penstock.domain.tenant import MOST_REQUESTS
from penstock.reconcile.accounts import BY_OPERATOR, LONGEST_HOLD, AccountChanges

CampaignText = Annotated[str, Meta(max_length=36, pattern="^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]


class AccountHold(Request, frozen=True, kw_only=True):
    """How long an account is to send nothing, and why."""

    reason: Annotated[str, Meta(min_length=1, max_length=100, description="Shown as `held_reason`.")] = BY_OPERATOR
    for_s: Annotated[int, Meta(ge=1, le=int(LONGEST_HOLD.total_seconds()), description="Not given: until released.")] | None = (
        None
    )


class AccountChange(Request, frozen=True, kw_only=True):
    """What may be changed of an account; null resets it."""

    learned_batch_size: Annotated[int, Meta(ge=1, le=50_000)] | UnsetType | None = UNSET
    requests_max: Annotated[int, Meta(ge=1, le=MOST_REQUESTS)] | UnsetType | None = UNSET
    segments_per_s: Annotated[int, Meta(ge=1, le=MOST_REQUESTS)] | UnsetType | None = UNSET

    def changes(self) -> AccountChanges:
        """The fields that are given."""
        return {name: value for name, value in msgspec.structs.asdict(self).items() if value is not UNSET}


class AccountView(Struct, frozen=True, kw_only=True):
    """A traffic account at the provider."""

    id: str
    state: Literal["open", "held"]
    held_until: Instant | None
    held_reason: str | None
    failures_in_a_row: int
    learned_batch_size: (
        Annotated[int, Meta(description="The most messages in a request; null: as the settings have it.")] | None
    )
    requests_max: Annotated[int, Meta(description="Requests in a window; null: as the settings have it.")] | None
    segments_per_s: Annotated[int, Meta(description="Segments in a second; null: as the settings have it.")] | None


class DeadLetterView(Struct, frozen=True, kw_only=True):
    """A batch that failed too often by itself. Nothing of it was sent."""

    batch_id: int
    state: BatchState
    tenant_id: int
    campaign_id: str
    campaign_state: CampaignState
    first_seq: int
    last_seq: int
    messages: Annotated[int, Meta(description="Messages of the range that still wait.")]
    failures: int
    failure: Annotated[str, Meta(description="The kind of the latest failure.")] | None
    failed_at: Instant | None


class Redrive(Request, frozen=True, kw_only=True):
    """Which dead batches are to be tried again; with neither field, all."""

    tenant_id: Annotated[int, Meta(ge=1, le=(1 << 31) - 1)] | None = None
    campaign_id: Annotated[str, Meta(max_length=36, pattern="^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")] | None = (
        None
    )


class Redriven(Struct, frozen=True, kw_only=True):
    """What was put back into the queue."""

    batches: int


class FindingView(Struct, frozen=True, kw_only=True):
    """Something that should not be, and whether it was repaired."""

    id: int
    kind: str
    subject: str
    tenant_id: int | None
    campaign_id: str | None
    is_repaired: bool
    detail: dict[str, Any]
    times: Annotated[int, Meta(description="How often it was come upon.")]
    found_at: Instant
    seen_at: Annotated[Instant, Meta(description="The last time.")]
