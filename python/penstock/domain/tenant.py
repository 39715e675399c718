"""What a tenant may decide for itself, as one value; a field that was never set has its default."""

import re
from typing import Final, Literal

from msgspec import Struct

from penstock.domain.quiet_hours import QuietHours

MOST_REQUESTS: Final = 1_000_000
"""The largest limit of requests that can be set."""

_ACCOUNT_ID: Final = re.compile(r"[!-~]{1,64}")


class CallLimits(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How often a tenant may call the API; None: as everybody, 0: without a limit."""

    calls_per_s: int | None = None
    """Calls of the whole tenant in any second."""
    calls_per_hour: int | None = None
    calls_per_day: int | None = None
    sends_per_hour: int | None = None
    """Calls that send, with each of its keys."""


class TenantSettings(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Stored as JSON; fields are only ever added, so that an older release can read what a newer one wrote."""

    sender: str | None = None
    """Sender of messages that name none; None: the gateway's."""
    traffic_account_id: str | None = None
    """Mitto account that sends and is billed; None: the gateway's."""
    default_region: str | None = None
    """Region of national numbers where a campaign names none (ISO 3166)."""
    requests_max: int | None = None
    """Requests to the provider in any RATE_LIMIT_TENANT_WINDOW_MS; None: what the gateway allows every tenant."""
    idempotency: Literal["key", "key_and_body"] = "key"
    """Whether the same Idempotency-Key with another body is an error, or another request."""
    quiet_hours: QuietHours | None = None
    """Of campaigns that do not say otherwise when they are made; None: at any hour."""
    limits: CallLimits | Literal["trial"] | None = None
    """Of its calls to the API; `trial`: few sends, as many as the gateway's settings say; None: as everybody."""


def is_account_id(text: str) -> bool:
    """Whether this can be the name of a traffic account: Mitto gives GUIDs, and others are not ours to refuse."""
    return _ACCOUNT_ID.fullmatch(text) is not None
