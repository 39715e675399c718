"""Complete refusals: the request is answered, nothing is accepted."""
# ruff: noqa: ARG002 - a scenario is offered more than it needs

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Literal

from aiohttp import web

from penstock.simulator.scenarios.base import Call, Scenario
from penstock.simulator.settings import Share, Span
from penstock.simulator.wire import problem


class KeyRefused(Scenario):
    """401 although the key is right (key rotation)."""

    def judge(self, call: Call, messages: int) -> web.StreamResponse | None:
        """Refuse the key."""
        return problem(401, trace=call.ordinal)


class AccountRefused(Scenario):
    """403, 400 with problem details that name `trafficAccountId`, or 404."""

    status: Literal[403, 400, 404] = 403

    def judge(self, call: Call, messages: int) -> web.StreamResponse | None:
        """Refuse the account."""
        errors = {"trafficAccountId": ["The traffic account is not available."]} if self.status == 400 else None  # noqa: PLR2004
        return problem(self.status, errors, call.ordinal)


def too_many(call: Call, retry_after: str | None) -> web.Response:
    """Build a 429."""
    answer = problem(429, trace=call.ordinal)
    if retry_after is not None:
        answer.headers["Retry-After"] = retry_after
    return answer


class TooMany(Scenario):
    """429 with `Retry-After` in seconds, as a date, without it, or absurd."""

    retry_after: Literal["seconds", "date", "none", "absurd"] = "seconds"
    seconds: int = 3

    def judge(self, call: Call, messages: int) -> web.StreamResponse | None:
        """Send the client away."""
        return too_many(call, self._header(call.at))

    def _header(self, at: float) -> str | None:
        match self.retry_after:
            case "seconds":
                return str(self.seconds)
            case "date":
                return format_datetime(datetime.fromtimestamp(at, UTC) + timedelta(seconds=self.seconds), usegmt=True)
            case "absurd":
                return "99999999999999999999"
            case "none":
                return None


class _Bucket:
    """A token bucket that holds one second's worth."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._level = rate
        self._seen: float | None = None

    def lacks(self, amount: float, at: float) -> float:
        """Return how many seconds are missing until `amount` is there; 0 if it is. More than fits needs a full bucket."""
        if not self._rate:
            return 0.0
        self._level = min(self._rate, self._level + (at - (self._seen or at)) * self._rate)
        self._seen = at
        return max(0.0, (min(amount, self._rate) - self._level) / self._rate)

    def take(self, amount: float) -> None:
        """Take tokens; a request larger than the bucket leaves a debt."""
        self._level -= amount


class Throttled(Scenario):
    """Token buckets for requests and messages per second (0 is unlimited); 429 when one is empty."""

    requests_per_s: Span = 20.0
    messages_per_s: Span = 1000.0
    with_retry_after: bool = True

    def __post_init__(self) -> None:
        """Fill the buckets."""
        self._requests = _Bucket(self.requests_per_s)
        self._messages = _Bucket(self.messages_per_s)

    def judge(self, call: Call, messages: int) -> web.StreamResponse | None:
        """Take from both buckets, or from neither."""
        wait = max(self._requests.lacks(1, call.at), self._messages.lacks(messages, call.at))
        if wait:
            return too_many(call, str(int(wait) + 1) if self.with_retry_after else None)
        self._requests.take(1)
        self._messages.take(messages)
        return None


class TooLarge(Scenario):
    """413 or 400 above a number of messages or bytes."""

    status: Literal[413, 400] = 413
    max_messages: int = 500
    max_bytes: int = 1_000_000

    def judge(self, call: Call, messages: int) -> web.StreamResponse | None:
        """Refuse what is too large."""
        if messages <= self.max_messages and len(call.body) <= self.max_bytes:
            return None
        return problem(self.status, {"messages": ["The request is too large."]}, call.ordinal)


class ErrorBefore(Scenario):
    """500, 502, 503 or 504 before anything is accepted."""

    status: Literal[500, 502, 503, 504] = 503
    share: Share = 1.0

    def judge(self, call: Call, messages: int) -> web.StreamResponse | None:
        """Fail."""
        return problem(self.status, trace=call.ordinal) if call.chance.random() < self.share else None
