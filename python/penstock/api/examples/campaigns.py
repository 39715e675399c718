"""Campaigns and their recipients."""

from collections.abc import Mapping
from typing import Any, Final

from penstock.api.examples.form import CAMPAIGN_ID, Example
from penstock.api.examples.messages import MESSAGE

CAMPAIGN: Final = "/v1/campaigns/{campaign_id}"
BOOKS: Final[dict[str, Any]] = {
    "received": 3, "skipped": 0, "skipped_by_reason": {}, "queued": 3, "unknown": 0, "sent": 0, "delivered": 0,
    "undelivered": 0, "expired": 0, "rejected": 0, "canceled": 0,
}  # fmt: skip
_NO_BOOKS: Final[dict[str, Any]] = {**BOOKS, "received": 0, "queued": 0}
_SUMMARY: Final[dict[str, Any]] = {
    "id": CAMPAIGN_ID, "name": "Spring", "state": "draft", "created_at": "2026-03-02T08:00:00Z", "started_at": None,
    "completed_at": None, "segments": 0, "counts": _NO_BOOKS,
}  # fmt: skip
DRAFT: Final[dict[str, Any]] = {
    **_SUMMARY, "text": "Hi {name}, spring is here.", "from": "Shop", "default_region": "DE", "countries": None,
    "max_parts": 10, "validity_s": 86400, "expires_at": None, "send_at": None,
    "pace": None, "auto_pause": None, "quiet_hours": {"from": "21:00", "to": "08:00", "days": ["sun"]},
    "paused_at": None, "pause_reason": None, "longest": 0, "retry_of": None,
    "sent_without_report": 0, "resend_unknown_after_s": None, "possible_duplicates": 0, "messages_dropped_at": None,
    "uploads": [], "progress": None,
}  # fmt: skip
_UPLOAD: Final[dict[str, Any]] = {
    "upload_id": "people", "state": "complete", "rows": 3, "line": 4, "accepted": 3, "skipped": 0,
    "started_at": "2026-03-02T08:01:00Z",
}  # fmt: skip
SENDING: Final[dict[str, Any]] = {
    **DRAFT, "state": "sending", "started_at": "2026-03-02T08:02:00Z", "expires_at": "2026-03-03T08:02:00Z", "segments": 3,
    "longest": 1, "counts": BOOKS, "uploads": [_UPLOAD],
    "progress": {"handled": 0, "total": 3, "average_per_s": 0.0, "expected_finish_at": None},
}  # fmt: skip
_SKIPPED: Final[dict[str, Any]] = {"line": 5, "reason": "duplicate", "detail": "+49…00"}

EXAMPLES: Final[Mapping[str, Example]] = {
    "POST /v1/campaigns": Example(
        takes={
            "name": "Spring", "text": "Hi {name}, spring is here.", "from": "Shop", "default_region": "DE",
            "validity_s": 86400, "quiet_hours": {"from": "21:00", "to": "08:00", "days": ["sun"]},
        },
        gives=DRAFT,
    ),
    "GET /v1/campaigns": Example(gives={"items": [_SUMMARY], "next": None}),
    f"GET {CAMPAIGN}": Example(gives=SENDING),
    f"POST {CAMPAIGN}/send": Example(takes={"expect_recipients": 3}, gives=SENDING),
    f"POST {CAMPAIGN}/recipients": Example(
        gives={
            "upload_id": "people", "rows": 4, "accepted": 3, "skipped": {"duplicate": 1}, "segments": 3,
            "problems": [_SKIPPED],
        }
    ),
    f"GET {CAMPAIGN}/skipped": Example(gives={"items": [{"upload_id": "people", **_SKIPPED}], "next": None}),
    f"GET {CAMPAIGN}/messages": Example(
        gives={"items": [MESSAGE], "next": f"/v1/campaigns/{CAMPAIGN_ID}/messages?limit=1&after=MA"}
    ),
}  # fmt: skip
"""By the name of the route."""
