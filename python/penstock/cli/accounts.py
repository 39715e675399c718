"""`penstock accounts`: traffic accounts at the provider, and what keeps them from sending."""

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli.failure import CommandError

if TYPE_CHECKING:
    from penstock.reconcile.accounts import AccountChanges
    from penstock.store.accounts import Account

app = typer.Typer(no_args_is_help=True)

AccountName = Annotated[str, typer.Argument(help="The traffic account, as `accounts list` shows it.")]
Span = Annotated[str | None, typer.Option("--for", help="How long: 30m, 12h, 2d. Default: until it is released.")]
Reason = Annotated[str, typer.Option(help="Why; shown to whoever looks.")]
Limit = Annotated[str | None, typer.Option(help="In a window or second; `default`: as the settings have it.")]
Size = Annotated[int | None, typer.Argument(help="Messages in a request, at most. Default: as the settings have it.", min=1)]


@app.command("list")
def list_() -> None:
    """List the accounts: held or not, why, and the batch size that was learned from refusals."""
    asyncio.run(_list())


@app.command("hold")
def hold(account: AccountName, *, span: Span = None, reason: Reason = "by_operator") -> None:
    """Send nothing for an account; what waits keeps waiting."""
    held = asyncio.run(_hold(account, span, reason))
    print(f"account {account} is held until {_time(held)}")


@app.command("release")
def release(account: AccountName) -> None:
    """End an account's hold and send again at once."""
    asyncio.run(_release(account))
    print(f"account {account} may send")


@app.command("batch-size")
def batch_size(account: AccountName, messages: Size = None) -> None:
    """Set the size of an account's batches, or forget what was learned."""
    asyncio.run(_change(account, {"learned_batch_size": messages}))
    size = "as the settings have it" if messages is None else f"at most {messages} messages"
    print(f"batches of account {account}: {size}")


@app.command("limit")
def limit(account: AccountName, *, requests: Limit = None, segments: Limit = None) -> None:
    """Set what an account may send; it holds in every process within a second."""
    given = {"requests_max": requests, "segments_per_s": segments}
    changes = {field: _read_limit(text) for field, text in given.items() if text is not None}
    if not changes:
        raise CommandError("say what to set: --requests or --segments")
    asyncio.run(_change(account, changes))
    print(f"account {account}: " + ", ".join(f"{field} {value or 'default'}" for field, value in changes.items()))


async def _list() -> None:
    from penstock.cli.operator import operating
    from penstock.cli.tables import print_table
    from penstock.store import accounts

    async with operating() as connection:
        found = await accounts.list_accounts(connection)
    rows = [
        (one.account_id, "open" if one.held_until is None else "held", _time(one), one.held_reason or "",
         str(one.backoff_step), str(one.learned_batch_size or ""), str(one.requests_max or ""), str(one.segments_per_s or ""))
        for one in found
    ]  # fmt: skip
    print_table(("account", "state", "until", "reason", "failures", "batch size", "requests", "segments/s"), rows)


async def _hold(name: str, span: str | None, reason: str) -> "Account":
    from penstock.cli.durations import read_duration
    from penstock.cli.operator import actor, operating
    from penstock.domain.ids import AccountId
    from penstock.reconcile import accounts as acts

    wait = acts.LONGEST_HOLD if span is None else timedelta(seconds=read_duration(span))
    if not timedelta() < wait <= acts.LONGEST_HOLD:
        raise CommandError(f"a hold lasts up to {acts.LONGEST_HOLD.days} days")
    async with operating() as connection:
        return await acts.hold(connection, actor(), AccountId(name), wait, reason)


async def _release(name: str) -> None:
    from penstock.cli.operator import actor, operating
    from penstock.domain.ids import AccountId
    from penstock.reconcile import accounts as acts

    async with operating() as connection:
        await acts.release(connection, actor(), AccountId(name))


async def _change(name: str, changes: "AccountChanges") -> None:
    from penstock.cli.operator import actor, operating
    from penstock.domain.ids import AccountId
    from penstock.reconcile import accounts as acts

    async with operating() as connection:
        await acts.change(connection, actor(), AccountId(name), changes)


def _read_limit(text: str) -> int | None:
    """A number, or `default`. Raises CommandError."""
    from penstock.domain.tenant import MOST_REQUESTS

    if text == "default":
        return None
    if not text.isdecimal() or not 1 <= int(text) <= MOST_REQUESTS:
        raise CommandError(f"a limit is a number from 1 to {MOST_REQUESTS:,}, or default")
    return int(text)


def _time(account: "Account") -> str:
    return "" if account.held_until is None else account.held_until.isoformat(" ", "seconds")
