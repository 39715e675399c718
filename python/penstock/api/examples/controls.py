"""Campaigns that were told to send."""

from collections.abc import Mapping
from typing import Any, Final

from penstock.api.examples.campaigns import BOOKS, CAMPAIGN, DRAFT, SENDING
from penstock.api.examples.form import CAMPAIGN_ID, Example
from penstock.api.examples.messages import SINGLE

_RETRY: Final[dict[str, Any]] = {
    **DRAFT, "name": "Spring (retry)", "counts": BOOKS, "segments": 3, "longest": 1, "retry_of": CAMPAIGN_ID,
}  # fmt: skip
_CANCELED: Final[dict[str, Any]] = {
    **SENDING, "state": "canceled", "counts": {**BOOKS, "queued": 1, "sent": 2},
    "progress": {"handled": 2, "total": 3, "average_per_s": 1.0, "expected_finish_at": None},
}  # fmt: skip

EXAMPLES: Final[Mapping[str, Example]] = {
    f"POST {CAMPAIGN}/pause": Example(
        takes={"reason": "wrong text"},
        gives={**SENDING, "state": "paused", "paused_at": "2026-03-02T08:02:02Z", "pause_reason": "wrong text"},
    ),
    f"POST {CAMPAIGN}/resume": Example(takes={}, gives=SENDING),
    f"POST {CAMPAIGN}/cancel": Example(
        takes={}, gives={"stopped": 1, "in_flight": 0, "sent": 2, "unknown": 0, "refused": 0, "campaign": _CANCELED},
    ),
    f"POST {CAMPAIGN}/retry-failed": Example(takes={"send": False}, gives={"requeued": 0, "campaign": _RETRY}),
    f"POST {CAMPAIGN}/test": Example(takes={"to": "+4915100000009", "values": {"name": "Ada"}}, gives=SINGLE),
    f"POST {CAMPAIGN}/quote": Example(
        takes={},
        gives={
            "recipients": 3, "skipped": 0, "skipped_by_reason": {}, "segments": 3, "longest": 1, "encoding": "GSM-7",
            "forcing": [], "expected_start_at": "2026-03-02T08:02:00Z", "expected_finish_at": "2026-03-02T08:02:01Z",
            "would_send_now": False, "why_not": [{"code": "paused", "detail": "The campaign is paused: resume it."}],
        },
    ),
}  # fmt: skip
"""By the name of the route."""
