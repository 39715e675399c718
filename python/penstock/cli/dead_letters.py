"""`penstock dead-letters`: batches that failed too often by themselves. Nothing of them was sent."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Final
from uuid import UUID

import typer

from penstock.cli.failure import CommandError

if TYPE_CHECKING:
    from penstock.store.dead_letters import DeadLetter

app = typer.Typer(no_args_is_help=True)

PAGE: Final = 1000
MOST_ID: Final = (1 << 63) - 1

Campaign = Annotated[UUID | None, typer.Option(help="Those of this campaign.")]
Everything = Annotated[bool, typer.Option("--all", help="Every one.")]
Batch = Annotated[int, typer.Argument(help="A batch, as `dead-letters list` shows it.", min=1, max=MOST_ID)]
SomeBatch = Annotated[int | None, typer.Argument(help="A batch, as `dead-letters list` shows it.", min=1, max=MOST_ID)]


@app.command("list")
def list_(*, campaign: Campaign = None) -> None:
    """List the dead batches, oldest first."""
    asyncio.run(_list(campaign))


@app.command("redrive")
def redrive(batch: SomeBatch = None, *, campaign: Campaign = None, everything: Everything = False) -> None:
    """Put dead batches back into the queue with all their tries: one, those of a campaign, or all."""
    if [batch is not None, campaign is not None, everything].count(True) != 1:
        raise CommandError("name one batch, or --campaign ID, or --all")
    n = asyncio.run(_redrive(batch, campaign))
    print(f"{n} {'batch is' if n == 1 else 'batches are'} in the queue again")


@app.command("cancel")
def cancel(batch: Batch) -> None:
    """Give a dead batch up: its messages are canceled."""
    letter = asyncio.run(_cancel(batch))
    print(f"batch {batch} of campaign {letter.campaign_id} is given up; its messages are canceled")


async def _list(campaign: UUID | None) -> None:
    from penstock.cli.operator import operating
    from penstock.cli.tables import print_table
    from penstock.domain.ids import CampaignId
    from penstock.store import dead_letters

    rows, after = [], dead_letters.BEFORE_FIRST
    chosen = None if campaign is None else CampaignId(campaign)
    async with operating() as connection:
        while found := await dead_letters.list_dead_letters(connection, after, PAGE, campaign_id=chosen):
            rows += [_row(one) for one in found]
            after = found[-1].batch_id
    print_table(("batch", "tenant", "campaign", "campaign is", "messages", "failures", "failure", "since"), rows)


def _row(letter: "DeadLetter") -> tuple[str, ...]:
    since = "" if letter.failed_at is None else letter.failed_at.isoformat(" ", "seconds")
    return (
        str(letter.batch_id), str(letter.tenant_id), str(letter.campaign_id), letter.campaign_state, str(letter.messages),
        str(letter.failures), letter.failure or "", since,
    )  # fmt: skip


async def _redrive(batch: int | None, campaign: UUID | None) -> int:
    from penstock.cli.operator import actor, operating
    from penstock.domain.ids import BatchId, CampaignId
    from penstock.reconcile import dead_letters as acts

    async with operating() as connection:
        if batch is not None:
            await acts.redrive(connection, actor(), BatchId(batch))
            return 1
        return await acts.redrive_all(connection, actor(), campaign_id=None if campaign is None else CampaignId(campaign))


async def _cancel(batch: int) -> "DeadLetter":
    from penstock.cli.operator import actor, operating
    from penstock.domain.ids import BatchId
    from penstock.reconcile import dead_letters as acts

    async with operating() as connection:
        return await acts.cancel(connection, actor(), BatchId(batch))
