"""When a call is made again, and after how long: only what cannot take effect twice, and only what may end differently.

A GET may always be repeated. A POST only under an Idempotency-Key, which stays the same over all its repetitions.
"""

from collections.abc import Mapping
from typing import Final

import aiohttp
from msgspec import Struct

from penstock.client.errors import ProblemError

BUSY: Final = frozenset({429, 502, 503, 504})


class Retries(Struct, frozen=True, kw_only=True):
    """How patiently a client repeats."""

    times: int = 2
    """Repetitions after the first try; 0 for none."""
    first_s: float = 0.5
    longest_s: float = 8.0
    """No pause is longer, unless the gateway itself names one: then its own, up to a minute."""

    def pause_s(self, tried: int, retry_after: str | None, chance: float) -> float:
        """Before the next try, after `tried` so far. `chance` in 0 … 1 keeps many clients from coming back together."""
        if retry_after is not None and retry_after.isascii() and retry_after.isdigit():
            return min(int(retry_after), 60) + chance * self.first_s
        return float(min(self.longest_s, self.first_s * 2 ** (tried - 1)) * (0.5 + chance / 2))


def may_be_repeated(method: str, headers: Mapping[str, str]) -> bool:
    """Whether sending the same again cannot do the same twice."""
    return method == "GET" or "Idempotency-Key" in headers


def is_worth_repeating(error: Exception) -> bool:
    """Whether the next try may end differently."""
    if isinstance(error, ProblemError):
        return error.retryable or error.status in BUSY
    return isinstance(error, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError | TimeoutError)
