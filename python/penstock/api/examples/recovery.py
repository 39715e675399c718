"""Accounts that cannot send, and batches that died."""

from collections.abc import Mapping
from typing import Any, Final

from penstock.api.examples.form import ACCOUNT_ID, CAMPAIGN_ID, Example

_OPEN: Final[dict[str, Any]] = {
    "id": ACCOUNT_ID, "state": "open", "held_until": None, "held_reason": None, "failures_in_a_row": 0,
    "learned_batch_size": None, "requests_max": None, "segments_per_s": 400,
}  # fmt: skip
_HELD: Final[dict[str, Any]] = {
    **_OPEN, "state": "held", "held_until": "2026-03-02T08:15:00Z", "held_reason": "http_401", "failures_in_a_row": 7,
    "learned_batch_size": 1250,
}  # fmt: skip
_DEAD: Final[dict[str, Any]] = {
    "batch_id": 40, "state": "dead", "tenant_id": 3, "campaign_id": CAMPAIGN_ID, "campaign_state": "sending", "first_seq": 5000,
    "last_seq": 9999, "messages": 5000, "failures": 8, "failure": "PayloadError", "failed_at": "2026-03-02T08:10:00Z",
}  # fmt: skip
_FINDING: Final[dict[str, Any]] = {
    "id": 12, "kind": "books_wrong", "subject": f"campaign:{CAMPAIGN_ID}", "tenant_id": 3, "campaign_id": CAMPAIGN_ID,
    "is_repaired": True, "detail": {"queued": -5, "sent": 5}, "times": 1, "found_at": "2026-03-02T08:10:00Z",
    "seen_at": "2026-03-02T08:10:00Z",
}  # fmt: skip
_ACCOUNTS: Final = "/admin/v1/accounts"
_ACCOUNT: Final = f"{_ACCOUNTS}/{{account_id}}"
_LETTERS: Final = "/admin/v1/dead-letters"
_LETTER: Final = f"{_LETTERS}/{{batch_id}}"

EXAMPLES: Final[Mapping[str, Example]] = {
    f"GET {_ACCOUNTS}": Example(gives={"items": [_HELD], "next": None}),
    f"PATCH {_ACCOUNT}": Example(takes={"learned_batch_size": None, "segments_per_s": 400}, gives=_OPEN),
    f"POST {_ACCOUNT}/hold": Example(
        takes={"reason": "invoice", "for_s": 3600},
        gives={**_OPEN, "state": "held", "held_until": "2026-03-02T09:00:00Z", "held_reason": "invoice"},
    ),
    f"POST {_ACCOUNT}/release": Example(gives={**_OPEN, "learned_batch_size": 1250}),
    f"GET {_LETTERS}": Example(gives={"items": [_DEAD], "next": None}),
    f"POST {_LETTERS}/redrive": Example(takes={"campaign_id": CAMPAIGN_ID}, gives={"batches": 1}),
    f"POST {_LETTER}/redrive": Example(gives={**_DEAD, "state": "pending", "failures": 0}),
    "GET /admin/v1/findings": Example(gives={"items": [_FINDING], "next": None}),
    f"POST {_LETTER}/cancel": Example(gives={**_DEAD, "state": "settled", "messages": 0}),
}  # fmt: skip
"""By the name of the route."""
