"""Examples for the API's document: requests that tests run, answers that tests read as their types."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct


class Example(Struct, frozen=True, kw_only=True):
    """One request of a route and its answer."""

    takes: Any = None
    gives: Any = None


_ID: Final = "0199f3a0-7c00-7000-8000-000000000001"
_BOOKS: Final[dict[str, Any]] = {
    "received": 3, "skipped": 0, "skipped_by_reason": {}, "queued": 3, "unknown": 0, "sent": 0, "delivered": 0,
    "undelivered": 0, "expired": 0, "rejected": 0, "canceled": 0,
}  # fmt: skip
_NO_BOOKS: Final[dict[str, Any]] = {**_BOOKS, "received": 0, "queued": 0}
_SUMMARY: Final[dict[str, Any]] = {
    "id": _ID, "name": "Spring", "state": "draft", "created_at": "2026-03-02T08:00:00Z", "started_at": None,
    "completed_at": None, "segments": 0, "counts": _NO_BOOKS,
}  # fmt: skip
_DRAFT: Final[dict[str, Any]] = {
    **_SUMMARY, "text": "Hi {name}, spring is here.", "from": "Shop", "default_region": "DE", "countries": None,
    "max_parts": 10, "validity_s": 86400, "expires_at": None, "sent_without_report": 0, "uploads": [], "progress": None,
}  # fmt: skip
_UPLOAD: Final[dict[str, Any]] = {
    "upload_id": "people", "state": "complete", "rows": 3, "line": 4, "accepted": 3, "skipped": 0,
    "started_at": "2026-03-02T08:01:00Z",
}  # fmt: skip
_SENDING: Final[dict[str, Any]] = {
    **_DRAFT, "state": "sending", "started_at": "2026-03-02T08:02:00Z", "expires_at": "2026-03-03T08:02:00Z", "segments": 3,
    "counts": _BOOKS, "uploads": [_UPLOAD],
    "progress": {"handled": 0, "total": 3, "average_per_s": 0.0, "expected_finish_at": None},
}  # fmt: skip
_MESSAGE: Final[dict[str, Any]] = {
    "id": f"{_ID}-0", "to": "+4915100000000", "state": "delivered", "segments": 1, "sent_at": "2026-03-02T08:02:01Z",
    "final_at": "2026-03-02T08:02:04Z", "report_closed_at": None, "provider_id": "7f0b6a3e-5d0c-4a53-9a55-1f1f3f2c0a10",
    "error": None,
}  # fmt: skip
_SKIPPED: Final[dict[str, Any]] = {"line": 5, "reason": "duplicate", "detail": "+49…00"}
_CAMPAIGN: Final = "/v1/campaigns/{campaign_id}"
_NUMBERS: Final[dict[str, Any]] = {"numbers": ["+4915100000001", "+4915100000002"]}

EXAMPLES: Final[Mapping[str, Example]] = {
    "POST /v1/campaigns": Example(
        takes={
            "name": "Spring", "text": "Hi {name}, spring is here.", "from": "Shop", "default_region": "DE",
            "validity_s": 86400,
        },
        gives=_DRAFT,
    ),
    "GET /v1/campaigns": Example(gives={"items": [_SUMMARY], "next": None}),
    f"GET {_CAMPAIGN}": Example(gives=_SENDING),
    f"POST {_CAMPAIGN}/send": Example(takes={"expect_recipients": 3}, gives=_SENDING),
    f"POST {_CAMPAIGN}/recipients": Example(
        gives={
            "upload_id": "people", "rows": 4, "accepted": 3, "skipped": {"duplicate": 1}, "segments": 3,
            "problems": [_SKIPPED],
        }
    ),
    f"GET {_CAMPAIGN}/skipped": Example(gives={"items": [{"upload_id": "people", **_SKIPPED}], "next": None}),
    f"GET {_CAMPAIGN}/messages": Example(
        gives={"items": [_MESSAGE], "next": f"/v1/campaigns/{_ID}/messages?limit=1&after=MA"}
    ),
    "GET /v1/opt-outs": Example(
        gives={
            "items": [{"number": "+4915100000001", "source": "api", "created_at": "2026-03-02T08:00:00Z"}], "next": None,
        }
    ),
    "POST /v1/opt-outs": Example(takes=_NUMBERS, gives={"added": 1, "known": 1}),
    "DELETE /v1/opt-outs": Example(takes=_NUMBERS, gives={"removed": 2, "unknown": 0}),
}  # fmt: skip
"""By the name of the route."""
