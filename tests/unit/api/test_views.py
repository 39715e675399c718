"""What is stored, as it is shown."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest

from penstock.api import views
from penstock.domain.campaign import CampaignState
from penstock.domain.ids import AccountId, CampaignId, TenantId
from penstock.store.campaigns import Campaign

START = datetime(2026, 11, 1, tzinfo=UTC)
NOW = START + timedelta(seconds=10)
CAMPAIGN = Campaign(
    tenant_id=TenantId(1), campaign_id=CampaignId(UUID(int=7)), state=CampaignState.SENDING, name="n", text="t", sender="Shop",
    account_id=AccountId("a"), default_region=None, countries=None, max_parts=10, validity_s=None, next_seq=100, next_chunk=1,
    next_upload=1, segments=100, created_at=START, started_at=START, expires_at=None, completed_at=None,
)  # fmt: skip


def test_draft_has_no_progress() -> None:
    """Nothing is said about the speed of what has not begun."""
    assert views.progress(msgspec.structs.replace(CAMPAIGN, started_at=None), views.counts({}), NOW) is None


def test_progress_is_the_average_since_the_start() -> None:
    """40 of 100 in ten seconds are 4 a second and end 15 seconds from now."""
    books = views.counts({"received": 110, "skipped_duplicate": 10, "queued": 60, "sent": 30, "delivered": 10})
    progress = views.progress(CAMPAIGN, books, NOW)
    assert progress is not None
    assert (progress.handled, progress.total, progress.average_per_s) == (40, 100, 4.0)
    assert progress.expected_finish_at == NOW + timedelta(seconds=15)


@pytest.mark.parametrize(
    ("state", "queued"),
    [(CampaignState.PAUSED, 60), (CampaignState.SENDING, 0), (CampaignState.SENDING, 100), (CampaignState.COMPLETED, 0)],
)
def test_no_finish_is_guessed_without_ground(state: CampaignState, queued: int) -> None:
    """Paused, done, or not begun: there is nothing to expect."""
    books = views.counts({"received": 100, "queued": queued, "sent": 100 - queued})
    progress = views.progress(msgspec.structs.replace(CAMPAIGN, state=state), books, NOW)
    assert progress is not None
    assert progress.expected_finish_at is None


def test_very_slow_sending_has_no_date() -> None:
    """A finish beyond any use is not shown, and does not overflow."""
    books = views.counts({"received": 2**40, "queued": 2**40 - 1, "sent": 1})
    progress = views.progress(CAMPAIGN, books, NOW)
    assert progress is not None
    assert progress.expected_finish_at is None


def test_silent_messages_are_counted_when_the_campaign_is_complete() -> None:
    """What is sent when the report window is over has no report."""
    books = {"received": 5, "sent": 2, "delivered": 3}
    assert views.whole(CAMPAIGN, books, [], NOW).sent_without_report == 0
    done = msgspec.structs.replace(CAMPAIGN, state=CampaignState.COMPLETED, completed_at=NOW)
    assert views.whole(done, books, [], NOW).sent_without_report == 2
