"""`penstock accounts`: traffic accounts at the provider, and what keeps them from sending."""

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli.failure import CommandError

if TYPE_CHECKING:
    from penstock.store.accounts import Account

app = typer.Typer(no_args_is_help=True)

AccountName = Annotated[str, typer.Argument(help="The traffic account, as `accounts list` shows it.")]
Span = Annotated[str | None, typer.Option("--for", help="How long: 30m, 12h, 2d. Default: until it is released.")]
Reason = Annotated[str, typer.Option(help="Why; shown to whoever looks.")]
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
    asyncio.run(_set_batch_size(account, messages))
    size = "as the settings have it" if messages is None else f"at most {messages} messages"
    print(f"batches of account {account}: {size}")


async def _list() -> None:
    from penstock.cli.operator import operating
    from penstock.cli.tables import print_table
    from penstock.store import accounts

    async with operating() as connection:
        found = await accounts.list_accounts(connection)
    rows = [
        (one.account_id, "open" if one.held_until is None else "held", _time(one), one.held_reason or "",
         str(one.backoff_step), str(one.learned_batch_size or ""))
        for one in found
    ]  # fmt: skip
    print_table(("account", "state", "until", "reason", "failures", "batch size"), rows)


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


async def _set_batch_size(name: str, messages: int | None) -> None:
    from penstock.cli.operator import actor, operating
    from penstock.domain.ids import AccountId
    from penstock.reconcile import accounts as acts

    async with operating() as connection:
        await acts.set_batch_size(connection, actor(), AccountId(name), messages)


def _time(account: "Account") -> str:
    return "" if account.held_until is None else account.held_until.isoformat(" ", "seconds")
