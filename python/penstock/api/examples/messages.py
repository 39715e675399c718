"""Single messages, look-ups, events from elsewhere, opt-outs."""

from collections.abc import Mapping
from typing import Any, Final

from penstock.api.examples.form import MESSAGE_ID, Example

MESSAGE: Final[dict[str, Any]] = {
    "id": MESSAGE_ID, "to": "+4915100000000", "state": "delivered", "segments": 1, "sent_at": "2026-03-02T08:02:01Z",
    "final_at": "2026-03-02T08:02:04Z", "report_closed_at": None, "provider_id": "7f0b6a3e-5d0c-4a53-9a55-1f1f3f2c0a10",
    "error": None,
}  # fmt: skip
_DETAIL: Final[dict[str, Any]] = {
    **MESSAGE, "from": "Shop", "campaign_id": None, "reference": "order-1", "created_at": "2026-03-02T08:02:00Z",
    "due_at": None,
}  # fmt: skip
SINGLE: Final[dict[str, Any]] = {
    **_DETAIL, "state": "queued", "sent_at": None, "final_at": None, "provider_id": None, "due_at": "2026-03-02T08:02:00Z",
}  # fmt: skip
_EVENTS: Final[list[dict[str, Any]]] = [
    {"event": "queued", "at": "2026-03-02T08:02:00Z", "ended_at": None, "detail": None},
    {"event": "attempt_accepted", "at": "2026-03-02T08:02:00Z", "ended_at": "2026-03-02T08:02:01Z", "detail": None},
    {"event": "sent", "at": "2026-03-02T08:02:01Z", "ended_at": None, "detail": None},
    {"event": "delivered", "at": "2026-03-02T08:02:04Z", "ended_at": None, "detail": None},
]
_RULE: Final[dict[str, Any]] = {"text": "Thank you {name}.", "to": "phone", "from": "Shop", "when": {"event": "paid"}}
_SOURCE: Final[dict[str, Any]] = {
    "source": "shop", "identity": "reference", "rule": _RULE, "created_at": "2026-03-02T08:00:00Z",
}  # fmt: skip
_MESSAGES: Final = "/v1/messages"
_INGEST: Final = "/v1/ingest/{source}"
_NUMBERS: Final[dict[str, Any]] = {"numbers": ["+4915100000001", "+4915100000002"]}
_OPT_OUT: Final[dict[str, Any]] = {"number": "+4915100000001", "source": "api", "created_at": "2026-03-02T08:00:00Z"}

EXAMPLES: Final[Mapping[str, Example]] = {
    f"POST {_MESSAGES}": Example(
        takes={"to": "+4915100000000", "text": "Your order is on its way.", "from": "Shop", "reference": "order-1"},
        gives=SINGLE,
    ),
    f"POST {_MESSAGES}/search": Example(
        takes={"number": "+4915100000000", "limit": 10},
        gives={"items": [_DETAIL], "next": None, "indexed_until": "2026-03-02T08:02:05Z"},
    ),
    f"GET {_MESSAGES}/{{message_id}}": Example(gives=_DETAIL),
    f"DELETE {_MESSAGES}/{{message_id}}": Example(
        gives={**SINGLE, "state": "canceled", "final_at": "2026-03-02T08:02:01Z", "due_at": None}
    ),
    f"GET {_MESSAGES}/{{message_id}}/timeline": Example(
        gives={"id": MESSAGE_ID, "state": "delivered", "items": _EVENTS}
    ),
    "GET /v1/ingest": Example(gives={"items": [_SOURCE], "next": None}),
    f"PUT {_INGEST}": Example(takes={"identity": "reference", "rule": _RULE}, gives=_SOURCE),
    f"POST {_INGEST}": Example(
        takes={"reference": "order-1", "event": "paid", "phone": "+4915100000000", "name": "Ada", "amount": 12},
        gives={"id": "0199f3a0-7c00-7000-8000-000000000002", "message_id": MESSAGE_ID, "not_sent": None},
    ),
    "GET /v1/opt-outs": Example(gives={"items": [_OPT_OUT], "next": None}),
    "POST /v1/opt-outs": Example(takes=_NUMBERS, gives={"added": 1, "known": 1}),
    "DELETE /v1/opt-outs": Example(takes=_NUMBERS, gives={"removed": 2, "unknown": 0}),
}  # fmt: skip
"""By the name of the route."""
