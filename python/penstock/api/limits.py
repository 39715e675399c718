"""The limits that a tenant lives under: of its calls, and of what the gateway sends to the provider for it."""

from aiohttp import web

from penstock.api import limited, schemas, views
from penstock.api.answers import answer
from penstock.api.auth import Caller
from penstock.api.parts import PARTS, Parts
from penstock.domain.ids import AccountId
from penstock.limits.demand import WindowsAwayError


async def show(request: web.Request, caller: Caller) -> web.Response:
    """Show every limit, and what remains of it."""
    parts = request.app[PARTS]
    standings = await parts.callers.look(limited.who(request, caller))
    return answer(
        schemas.LimitsView(
            counted="alone" if parts.callers.is_alone else "together",
            calls=[views.limit(standing) for standing in standings],
            provider=await _of_provider(parts, caller),
        )
    )


async def _of_provider(parts: Parts, caller: Caller) -> list[schemas.ProviderLimitView] | None:
    scopes, account_id = parts.provider_scopes, caller.settings.traffic_account_id
    try:
        verdict = await scopes.look(AccountId(account_id) if account_id else parts.account_id, caller.tenant_id)
    except WindowsAwayError:
        return None
    return [views.provider_limit(one, scopes.window_s[one.scope]) for one in verdict.standings if one.scope in scopes.window_s]
