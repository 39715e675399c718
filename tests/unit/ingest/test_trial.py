"""One recipient of the caller's choice, rendered as an upload would."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from penstock.domain.campaign import CampaignState
from penstock.domain.errors import InvalidValueError
from penstock.domain.ids import AccountId, CampaignId, TenantId
from penstock.ingest.trial import render_trial
from penstock.store.campaigns import Campaign

CAMPAIGN = Campaign(
    tenant_id=TenantId(1), campaign_id=CampaignId(UUID(int=7)), state=CampaignState.DRAFT, name="n", text="Hi {Name}, {code}!",
    sender="Shop", account_id=AccountId("a"), default_region="DE", countries=["GR"], max_parts=1, validity_s=None, next_seq=0,
    next_chunk=0, next_upload=0, segments=0, created_at=datetime(2026, 11, 1, tzinfo=UTC), started_at=None, expires_at=None,
    completed_at=None,
)  # fmt: skip


def test_text_and_number_are_those_of_an_upload() -> None:
    """National numbers are read by the campaign's region, names without regard to case, values trimmed."""
    made = render_trial(CAMPAIGN, "0151 00000000", {"NAME": " Ann ", "code": "{x}"})
    assert (made.msisdn, made.text, made.segments) == (4915100000000, "Hi Ann, {x}!", 1)


@pytest.mark.parametrize(
    ("to", "values", "pointer"),
    [
        ("nobody", {"name": "A", "code": "1"}, "/to"),
        ("+4915100000000\n+4915100000001", {"name": "A", "code": "1"}, "/to"),
        ("+4915100000000", {"name": "A"}, "/values/code"),
        ("+4915100000000", {"name": " ", "code": "1"}, "/values/name"),
        ("+4915100000000", {"name": "A", "code": "1", "nmae": "B"}, "/values/nmae"),
        ("+4915100000000", {"name": "A", "code": "1", "+": "B"}, "/values/+"),
        ("+4915100000000", {"name": "A" * 160, "code": "1"}, "/values"),
    ],
)
def test_what_cannot_be_sent_is_named(to: str, values: Any, pointer: str) -> None:
    """The refusal points to the field at fault and repeats nothing of it."""
    with pytest.raises(InvalidValueError) as caught:
        render_trial(CAMPAIGN, to, values)
    assert caught.value.pointer == pointer
    assert "49151" not in caught.value.detail


def test_text_without_placeholders_needs_no_values() -> None:
    """A plain text is sent as it is, literal braces included."""
    assert render_trial(msgspec.structs.replace(CAMPAIGN, text="Hi {{you}}"), "+4915100000000", {}).text == "Hi {you}"
