"""API keys: what is asked for and what is shown. The key itself is in one answer only, the one that makes it."""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from penstock.api.schemas.forms import Instant, Request
from penstock.domain.keys import Scope

DAY_S: Final = 86_400
MOST_OVERLAP_S: Final = 30 * DAY_S


class NewKey(Request, frozen=True, kw_only=True):
    """What a key is to open, and for how long."""

    label: Annotated[str, Meta(max_length=100)] = ""
    scopes: Annotated[list[Scope], Meta(min_length=1, max_length=len(Scope))]
    expires_at: Instant | None = None


class Rotation(Request, frozen=True, kw_only=True):
    """How long the old key goes on opening."""

    overlap_s: Annotated[int, Meta(ge=0, le=MOST_OVERLAP_S)] = DAY_S


class KeyView(Struct, frozen=True, kw_only=True):
    """A key, by what may be shown of it."""

    id: int
    prefix: str
    label: str
    scopes: list[Scope]
    state: Literal["live", "expired", "revoked"]
    created_at: Instant
    expires_at: Instant | None
    last_used_at: Instant | None
    revoked_at: Instant | None


class ShownKey(KeyView, frozen=True, kw_only=True):
    """A key that was just made, with the key itself: it cannot be shown again."""

    key: str
