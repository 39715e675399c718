"""Traffic accounts, for operators: their holds, and what was learned about the size of their batches."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from aiohttp import web

from penstock.api import queries, schemas, views
from penstock.api.answers import answer
from penstock.api.bodies import read_json, read_optional_json
from penstock.api.parts import PARTS
from penstock.domain.audit import ADMIN
from penstock.domain.errors import InvalidValueError
from penstock.domain.ids import AccountId
from penstock.reconcile import accounts as acts
from penstock.store import accounts
from penstock.store.accounts import Account
from penstock.store.pool import Connection

_MOST_BYTES: Final = 256


async def index(request: web.Request) -> web.Response:
    """List the accounts with their holds."""
    page = queries.page(queries.parameters(request))
    after = queries.position(page, _read_position, accounts.BEFORE_FIRST)
    async with request.app[PARTS].store.engine() as connection:
        found = await accounts.list_accounts(connection, after, page.limit)
    more = queries.next_url(request, found[-1].account_id.encode()) if len(found) == page.limit else None
    return answer(schemas.Listing([views.account(one) for one in found], more))


async def hold(request: web.Request) -> web.Response:
    """Send nothing for this account, for a time or until it is released. What waits keeps waiting; nothing is lost."""
    asked = await read_optional_json(request, schemas.AccountHold)
    if "\0" in asked.reason:
        raise InvalidValueError("A reason may not contain the character U+0000.", pointer="/reason")
    wait = acts.LONGEST_HOLD if asked.for_s is None else timedelta(seconds=asked.for_s)
    return await _act(request, lambda connection, account: acts.hold(connection, ADMIN, account, wait, asked.reason))


async def release(request: web.Request) -> web.Response:
    """End a hold, whoever caused it, and send again at once. If the cause is still there, the next call holds it again."""
    return await _act(request, lambda connection, account: acts.release(connection, ADMIN, account))


async def change(request: web.Request) -> web.Response:
    """Set the limits of the account, or how many messages a request may carry; null: as the settings have it.

    Limits hold within a second, without a restart. What was sent before counts under the new limit.
    """
    changes = (await read_json(request, schemas.AccountChange)).changes()
    return await _act(request, lambda connection, account: acts.change(connection, ADMIN, account, changes))


async def _act(request: web.Request, act: Callable[[Connection, AccountId], Awaitable[Account]]) -> web.Response:
    account_id = AccountId(request.match_info["account_id"])
    async with request.app[PARTS].store.engine() as connection, connection.transaction():
        return answer(views.account(await act(connection, account_id)))


def _read_position(text: bytes) -> str:
    """The name of the page's last account. Raises ValueError."""
    if len(text) > _MOST_BYTES or b"\0" in text:
        raise ValueError("not a name of ours")
    return text.decode()
