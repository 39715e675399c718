"""What an example is."""

from typing import Any, Final

from msgspec import Struct


class Example(Struct, frozen=True, kw_only=True):
    """One request of a route and its answer."""

    takes: Any = None
    gives: Any = None


CAMPAIGN_ID: Final = "0199f3a0-7c00-7000-8000-000000000001"
MESSAGE_ID: Final = "0199f3a07c0070008000000000000001-0"
ACCOUNT_ID: Final = "00000000-0000-4000-8000-000000000001"
