"""Limits of callers at the door: who is counted, what is said when there is no room, and the headers of every answer.

The headers `RateLimit-Policy` and `RateLimit` are those of draft-ietf-httpapi-ratelimit-headers-10: lists of quota policies by
name, with quota `q` and window `w` in seconds; what remains `r`, and the seconds `t` over which it has to last. Where a call is
refused, `t` is what `Retry-After` says.

Not for counting: that is limits/callers.py.
"""

import math
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from penstock.api.address import HEADERS, Party
from penstock.api.auth import Caller
from penstock.api.parts import PARTS
from penstock.domain.errors import LimitReachedError, UnauthenticatedError
from penstock.limits.callers import Who
from penstock.limits.demand import Standing, Verdict
from penstock.limits.rules import TABLE, WINDOW_S, Tier

STANDINGS: Final = web.RequestKey("standings", tuple[Standing, ...])
"""How the limits stood that the request was counted in."""

POLICY: Final = "RateLimit-Policy"
REMAINING: Final = "RateLimit"


async def find_caller(request: web.Request) -> Caller:
    """The caller. Raises UnauthenticatedError, or LimitReachedError where too much of that came from this address.

    Then of keys that are not in use hardly any is even looked up: neither guesses nor a forgotten client cost the database
    anything. Keys in use still open, because an address may be that of many.
    """
    try:
        return await request.app[PARTS].authenticator.authenticate(request, check_stranger=check_not_barred)
    except UnauthenticatedError as error:
        raise await refusal(request, error) from None


async def admit(request: web.Request, caller: Caller, tier: Tier) -> None:
    """Count the call. Raises LimitReachedError."""
    verdict = await request.app[PARTS].callers.admit(who(request, caller), tier)
    request[STANDINGS] = verdict.standings
    if verdict.blocker is not None:
        raise _reached(verdict)


def check_not_barred(request: web.Request) -> None:
    """Raise LimitReachedError when so many calls from this address had no valid credential that hardly any is tried now."""
    verdict = request.app[PARTS].callers.barred(party_of(request))
    if verdict.blocker is not None:
        raise _reached(verdict)


async def refusal(request: web.Request, error: UnauthenticatedError) -> UnauthenticatedError | LimitReachedError:
    """What to answer to a call without a valid credential, which is counted."""
    verdict = await request.app[PARTS].callers.refuse(party_of(request))
    return error if verdict.blocker is None else _reached(verdict)


def who(request: web.Request, caller: Caller) -> Who:
    """Whose call it is, as the limits see it."""
    return Who(party_of(request), caller.tenant_id, caller.key_id, caller.settings.limits)


def party_of(request: web.Request) -> Party:
    """Whose address the request comes from."""
    proxies = request.app[PARTS].proxies
    forwarded = {name: request.headers.getall(name, ()) for name in HEADERS} if proxies.networks else {}
    return proxies.party_of_request(request.get_extra_info("peername"), forwarded)


def add_limits(request: web.Request, response: web.StreamResponse) -> None:
    """Say in the headers how the limits stood."""
    standings = request.get(STANDINGS, ())
    if standings:
        response.headers[POLICY] = ", ".join(f'"{one.scope}";q={one.limit};w={_window_s(one)}' for one in standings)
        response.headers[REMAINING] = ", ".join(f'"{one.scope}";r={one.remaining};t={_last_s(one)}' for one in standings)


def _window_s(standing: Standing) -> int:
    return WINDOW_S[TABLE[standing.scope].window]


def _last_s(standing: Standing) -> int:
    return _seconds(standing.retry_after_us or standing.reset_us)


def _seconds(us: int) -> int:
    return math.ceil(us / 1_000_000)


def _reached(verdict: Verdict) -> LimitReachedError:
    rule, limit = TABLE[verdict.blocker or ""], _limit_of(verdict.standings, verdict.blocker)
    detail = f"There may be no more than {limit} {rule.counts} in any {rule.window}."
    return LimitReachedError(detail, retry_after_s=max(1, _seconds(verdict.wait_us)))


def _limit_of(standings: Sequence[Standing], name: str | None) -> int:
    return next(one.limit for one in standings if one.scope == name)
