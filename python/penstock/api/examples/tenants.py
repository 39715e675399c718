"""What operators see and do: tenants, their keys, batches in doubt, and the record of all that."""

from collections.abc import Mapping
from typing import Any, Final

from penstock.api.examples.form import ACCOUNT_ID, CAMPAIGN_ID, Example

_SETTINGS: Final[dict[str, Any]] = {
    "sender": "Shop", "traffic_account_id": None, "default_region": "DE", "idempotency": "key", "requests_max": None,
    "quiet_hours": {"from": "21:00", "to": "08:00", "days": []},
    "limits": None,
}  # fmt: skip
_LIMITS: Final[dict[str, Any]] = {
    "calls_per_s": None, "calls_per_hour": None, "calls_per_day": None, "sends_per_hour": 60,
}  # fmt: skip
_TENANT: Final[dict[str, Any]] = {
    "id": 3, "name": "Shop", "state": "active", "created_at": "2026-03-01T09:00:00Z", "deactivated_at": None,
    "settings": _SETTINGS,
}  # fmt: skip
_KEY: Final[dict[str, Any]] = {
    "id": 17, "prefix": "pk_example", "label": "web shop", "scopes": ["read", "send"], "state": "live",
    "created_at": "2026-03-01T09:05:00Z", "expires_at": None, "last_used_at": "2026-03-02T08:00:00Z", "revoked_at": None,
}  # fmt: skip
_SHOWN: Final[dict[str, Any]] = {**_KEY, "last_used_at": None, "key": "pk_example_not_a_real_key"}
_ACT: Final[dict[str, Any]] = {
    "id": 41, "at": "2026-03-01T09:05:00Z", "actor": "admin", "action": "key.create", "tenant_id": 3, "subject": "key:17",
    "detail": {"scopes": ["read", "send"]},
}  # fmt: skip
_UNKNOWN_BATCH: Final[dict[str, Any]] = {
    "id": 812, "tenant_id": 3, "campaign_id": CAMPAIGN_ID, "state": "unknown", "account_id": ACCOUNT_ID, "messages": 5000,
    "unknown": 4200, "reason": "timeout", "order": None, "sent_at": "2026-03-02T08:02:00Z", "since": "2026-03-02T08:03:00Z",
}  # fmt: skip
_NEW_KEY: Final[dict[str, Any]] = {"label": "web shop", "scopes": ["read", "send"]}
_ROTATION: Final[dict[str, Any]] = {"overlap_s": 3600}
_ADMIN: Final = "/admin/v1/tenants"
_ONE: Final = f"{_ADMIN}/{{tenant_id}}"

EXAMPLES: Final[Mapping[str, Example]] = {
    "GET /v1/tenant": Example(gives=_TENANT),
    "PATCH /v1/tenant": Example(
        takes={"settings": {"sender": "Shop", "default_region": "DE", "quiet_hours": {"from": "21:00", "to": "08:00"}}},
        gives=_TENANT,
    ),
    "GET /v1/limits": Example(
        gives={
            "counted": "together",
            "calls": [
                {
                    "name": "key_second", "counts": "calls with one key", "limit": 5000, "window_s": 1, "remaining": 4999,
                    "resets_in_s": 1.004,
                },
            ],
            "provider": [
                {
                    "name": "tenant", "counts": "requests of one tenant", "limit": 50, "window_s": 1.0, "remaining": 48,
                    "resets_in_s": 0.744,
                },
            ],
        }
    ),
    "GET /v1/keys": Example(gives={"items": [_KEY], "next": None}),
    "POST /v1/keys": Example(takes=_NEW_KEY, gives=_SHOWN),
    "POST /v1/keys/{key_id}/rotate": Example(takes=_ROTATION, gives={**_SHOWN, "id": 18}),
    f"GET {_ADMIN}": Example(gives={"items": [_TENANT], "next": None}),
    f"POST {_ADMIN}": Example(
        takes={"name": "Shop", "settings": {"sender": "Shop", "default_region": "DE", "traffic_account_id": ACCOUNT_ID}},
        gives={**_TENANT, "settings": {**_SETTINGS, "traffic_account_id": ACCOUNT_ID, "quiet_hours": None}},
    ),
    f"GET {_ONE}": Example(gives=_TENANT),
    f"PATCH {_ONE}": Example(
        takes={"settings": {"idempotency": "key_and_body", "sender": None, "limits": {"sends_per_hour": 60}}},
        gives={**_TENANT, "settings": {**_SETTINGS, "idempotency": "key_and_body", "sender": None, "limits": _LIMITS}},
    ),
    f"POST {_ONE}/deactivate": Example(
        gives={**_TENANT, "state": "deactivated", "deactivated_at": "2026-03-03T10:00:00Z"}
    ),
    f"POST {_ONE}/activate": Example(gives=_TENANT),
    f"GET {_ONE}/keys": Example(gives={"items": [_KEY], "next": None}),
    f"POST {_ONE}/keys": Example(takes=_NEW_KEY, gives=_SHOWN),
    f"POST {_ONE}/keys/{{key_id}}/rotate": Example(takes=_ROTATION, gives={**_SHOWN, "id": 18}),
    "GET /admin/v1/batches": Example(gives={"items": [_UNKNOWN_BATCH], "next": None}),
    "POST /admin/v1/batches/{batch_id}/resolve": Example(
        takes={"outcome": "sent"},
        gives={
            "id": 812, "tenant_id": 3, "campaign_id": CAMPAIGN_ID, "outcome": "sent", "messages": 4200, "state": "settled",
        },
    ),
    "GET /admin/v1/audit": Example(gives={"items": [_ACT], "next": None}),
}  # fmt: skip
"""By the name of the route."""
