"""`penstock unknown`: batches whose outcome nobody knows, and an operator's word about them."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

if TYPE_CHECKING:
    from penstock.reconcile.resolve import Claim, Resolution
    from penstock.store.unknown import DoubtfulBatch

app = typer.Typer(no_args_is_help=True)

PAGE: Final = 1000
COLUMNS: Final = ("batch", "tenant", "campaign", "messages", "unknown", "reason", "sent", "given up")


@app.command("list")
def list_(
    contradicted: Annotated[bool, typer.Option("--contradicted", help="Those whose answer was out of order instead.")] = False,  # noqa: FBT002
) -> None:
    """List the batches whose outcome is not known, oldest first."""
    from penstock.cli.tables import print_table

    print_table(COLUMNS, [_row(one) for one in asyncio.run(_list(contradicted=contradicted))])


@app.command("resolve")
def resolve(
    batch: Annotated[int, typer.Argument(help="The batch's number, as `penstock unknown list` shows it.")],
    outcome: Annotated[
        Literal["sent", "not_sent", "rejected"],
        typer.Argument(
            help="sent: the provider accepted them. not_sent: it never saw them, they are sent again. rejected: it never sent "
            "them, and they are not wanted any more."
        ),
    ],
) -> None:
    """Say what became of the messages of a batch that are still unknown."""
    from penstock.reconcile.resolve import Claim

    made = asyncio.run(_resolve(batch, Claim(outcome)))
    print(f"batch {made.batch_id} is {made.batch}: {made.messages} unknown messages are resolved as {made.claim}")


async def _list(*, contradicted: bool) -> "list[DoubtfulBatch]":
    from penstock.cli.operator import operating
    from penstock.domain.ids import BatchId
    from penstock.store import unknown

    listed = unknown.list_contradicted_batches if contradicted else unknown.list_unknown_batches
    batches: list[DoubtfulBatch] = []
    async with operating() as connection:
        while found := await listed(connection, batches[-1].batch_id if batches else BatchId(0), PAGE):
            batches += found
    return batches


async def _resolve(batch: int, claim: "Claim") -> "Resolution":
    from penstock.cli.operator import actor, operating
    from penstock.domain.ids import BatchId
    from penstock.reconcile.resolve import resolve_batch

    async with operating() as connection:
        return await resolve_batch(connection, actor(), BatchId(batch), claim)


def _row(one: "DoubtfulBatch") -> tuple[str, ...]:
    return (
        str(one.batch_id), str(one.tenant_id), str(one.campaign_id), str(one.messages), str(one.unknown), one.reason or "",
        one.started_at.isoformat(" ", "seconds"), one.since.isoformat(" ", "seconds"),
    )  # fmt: skip
