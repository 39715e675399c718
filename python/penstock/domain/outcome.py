"""What one provider call came to. Unknown is its own case: it is the one that sends an SMS twice if it is taken for failure.

The provider has no idempotency key, so a call is repeated only where non-acceptance is certain.
"""

from typing import Final

from msgspec import Struct

MAX_RETRY_AFTER_S: Final = 300.0
"""A provider's Retry-After is believed up to five minutes."""


class NotSent(Struct, frozen=True):
    """No byte left: DNS, connect or TLS failed. The batch goes back; the account backs off."""

    reason: str


class Throttled(Struct, frozen=True):
    """A complete 429: not accepted. The batch goes back; the account waits."""

    retry_after_s: float | None


class Held(Struct, frozen=True):
    """A complete refusal that no retry mends (key, account, address): the account is held, nothing becomes final."""

    reason: str


class Split(Struct, frozen=True):
    """A complete refusal of the size, or of a request with several messages: halve the range and try again."""

    reason: str
    is_size: bool = False
    """Refused for its size as such: worth remembering for the account. A 400 may be one bad message in a good size."""


class Refused(Struct, frozen=True):
    """A complete refusal of a request with one message: that message is rejected."""

    reason: str


class Accepted(Struct, frozen=True):
    """A complete answer that accounts for every position."""

    positions: tuple[int, ...] | list[int]
    """Zero-based positions in the request that were accepted."""
    ids: tuple[str, ...] | list[str]
    """The provider's ids at those positions."""
    refused: tuple[tuple[int, str], ...] | list[tuple[int, str]] = ()
    """Positions refused, with the provider's short text."""


class Unknown(Struct, frozen=True):
    """Bytes may have left and no complete, trustworthy answer came: the whole range is held and resolved by evidence."""

    reason: str
    hints: tuple[str, ...] | list[str] = ()
    """Ids that could be read; evidence, no more."""


Outcome = NotSent | Throttled | Held | Split | Refused | Accepted | Unknown
