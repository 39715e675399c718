"""What operators do to traffic accounts: hold one, release it, set its limits and the size of its batches.

Each act is in the audit log, and works in a transaction that its caller opens. Holds that the provider's answers cause are
dispatch/settle.py's.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from msgspec import structs

from penstock.domain.audit import Act, Action, account_subject
from penstock.domain.errors import NotFoundError
from penstock.domain.ids import AccountId
from penstock.store import accounts, audit
from penstock.store.accounts import Account
from penstock.store.pool import Connection

LONGEST_HOLD: Final = timedelta(days=366)
"""Also the hold of an operator who names no end: until it is released."""
BY_OPERATOR: Final = "by_operator"

AccountChanges = Mapping[str, int | None]
"""`learned_batch_size`, `requests_max` and `segments_per_s` with their new values; None: as the settings have it."""


async def hold(connection: Connection, actor: str, account_id: AccountId, wait: timedelta, reason: str) -> Account:
    """Claim nothing for this account until `wait` is over; a longer hold stays. Raises NotFoundError."""
    await find(connection, account_id)
    await accounts.hold_account(connection, account_id, wait, reason)
    await _record(connection, actor, Action.ACCOUNT_HOLD, account_id, seconds=wait // timedelta(seconds=1))
    return await find(connection, account_id)


async def release(connection: Connection, actor: str, account_id: AccountId) -> Account:
    """Let it send again at once, as if no call had failed. Raises NotFoundError."""
    before = await find(connection, account_id)
    await accounts.release_account(connection, account_id)
    await _record(connection, actor, Action.ACCOUNT_RELEASE, account_id, reason=before.held_reason)
    return await find(connection, account_id)


async def change(connection: Connection, actor: str, account_id: AccountId, changes: AccountChanges) -> Account:
    """Set the fields that are given; limits hold in every process within a second. Raises NotFoundError."""
    before = await find(connection, account_id)
    if changes:
        await accounts.change_account(connection, structs.replace(before, **changes))
        was = {field: getattr(before, field) for field in changes}
        await _record(connection, actor, Action.ACCOUNT_CHANGE, account_id, **changes, before=was)
    return await find(connection, account_id)


async def find(connection: Connection, account_id: AccountId) -> Account:
    """The account of that name, kept from changing. Raises NotFoundError."""
    if "\0" in account_id:
        raise NotFoundError("There is no such account.")
    account = await accounts.lock_account(connection, account_id)
    if account is None:
        raise NotFoundError("There is no such account.")
    return account


async def _record(connection: Connection, actor: str, action: Action, account_id: AccountId, **detail: object) -> None:
    act = Act(actor=actor, action=action, tenant_id=None, subject=account_subject(account_id), detail=detail)
    await audit.record_act(connection, act)
