"""Traffic accounts at the provider: holds, back-off and the learned batch size, shared by every process."""

from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from penstock.domain.ids import AccountId
from penstock.store.pool import Connection
from penstock.store.queries import query

ENSURE_ACCOUNT = query("accounts.ensure_account")
HOLD_ACCOUNT = query("accounts.hold_account")
BACK_OFF_ACCOUNT = query("accounts.back_off_account")
NOTE_SUCCESS = query("accounts.note_success")
NOTE_REFUSED = query("accounts.note_refused")
LEARN_BATCH_SIZE = query("accounts.learn_batch_size")
RELEASE_ACCOUNT = query("accounts.release_account")
CHANGE_ACCOUNT = query("accounts.change_account")
LIST_ACCOUNTS = query("accounts.list_accounts")
LOCK_ACCOUNT = query("accounts.lock_account")
COUNT_NOT_SENDING = query("accounts.count_not_sending")

BEFORE_FIRST: Final = ""
MOST_ACCOUNTS: Final = 1000


class Account(Struct, frozen=True):
    """A traffic account as it stands."""

    account_id: AccountId
    held_until: datetime | None
    """None: not held at the moment."""
    held_reason: str | None
    backoff_step: int
    """Calls that failed in a row."""
    learned_batch_size: int | None
    """The most messages a request may carry, after the provider refused more."""
    requests_max: int | None
    """Requests in any RATE_LIMIT_TRAFFIC_ACCOUNT_WINDOW_MS; None: as the settings have it."""
    segments_per_s: int | None
    """Segments in any second; None: as the settings have it."""


class NotSending(Struct, frozen=True):
    """How many accounts cannot send."""

    held: int
    failing: int


async def ensure_account(connection: Connection, account_id: AccountId) -> None:
    """Make the account known."""
    await connection.execute(ENSURE_ACCOUNT, account_id)


async def hold_account(connection: Connection, account_id: AccountId, wait: timedelta, reason: str) -> None:
    """Claim nothing for this account until `wait` is over."""
    await connection.execute(HOLD_ACCOUNT, account_id, wait, reason)


async def back_off_account(connection: Connection, account_id: AccountId) -> int:
    """Count one more failed call and return how many there were before it."""
    step: int = await connection.fetchval(BACK_OFF_ACCOUNT, account_id)
    return step


async def note_success(connection: Connection, account_id: AccountId) -> None:
    """A call was accepted: forget failures and an ended hold."""
    await connection.execute(NOTE_SUCCESS, account_id)


async def note_refused(connection: Connection, account_id: AccountId) -> int:
    """Count a refused single message and return how many there were in a row."""
    count: int = await connection.fetchval(NOTE_REFUSED, account_id)
    return count


async def learn_batch_size(connection: Connection, account_id: AccountId, messages: int) -> None:
    """Keep later batches of this account to so many messages."""
    await connection.execute(LEARN_BATCH_SIZE, account_id, messages)


async def release_account(connection: Connection, account_id: AccountId) -> None:
    """End its hold and forget its failures."""
    await connection.execute(RELEASE_ACCOUNT, account_id)


async def change_account(connection: Connection, account: Account) -> None:
    """Write what operators may change."""
    await connection.execute(
        CHANGE_ACCOUNT, account.account_id, account.learned_batch_size, account.requests_max, account.segments_per_s
    )


async def list_accounts(connection: Connection, after: str = BEFORE_FIRST, limit: int = MOST_ACCOUNTS) -> list[Account]:
    """A page of accounts behind the name `after`."""
    return [Account(**row) for row in await connection.fetch(LIST_ACCOUNTS, after, limit)]


async def lock_account(connection: Connection, account_id: AccountId) -> Account | None:
    """One account, kept from changing until the transaction ends."""
    row = await connection.fetchrow(LOCK_ACCOUNT, account_id)
    return Account(**row) if row else None


async def count_not_sending(connection: Connection) -> NotSending:
    """For the metrics."""
    return NotSending(**await connection.fetchrow(COUNT_NOT_SENDING))  # type: ignore[arg-type]
