"""Following a campaign on the terminal, and showing it as a table or as JSON."""

import asyncio
from typing import Final

import msgspec

from penstock.cli.progress import progress_bars
from penstock.cli.tables import print_table
from penstock.client import Campaign, Client

POLL_S: Final = 0.5
MOVING_STATES: Final = frozenset({"sending", "paused", "scheduled"})
COUNTED: Final = ("queued", "unknown", "sent", "delivered", "undelivered", "expired", "rejected", "canceled")


async def follow(client: Client, campaign_id: str) -> Campaign:
    """Draw progress until nothing moves any more."""
    campaign = await client.get_campaign(campaign_id)
    total = campaign.counts.received - campaign.counts.skipped
    with progress_bars() as progress:
        sent, final = progress.add("sent", total, "messages"), progress.add("final", total, "messages")
        while True:
            counts = campaign.counts
            sent.move_to(total - counts.queued)
            final.move_to(total - counts.queued - counts.sent - counts.unknown)
            if campaign.state not in MOVING_STATES:
                return campaign
            await asyncio.sleep(POLL_S)
            campaign = await client.get_campaign(campaign_id)


def show(campaign: Campaign, *, as_json: bool) -> None:
    """The campaign's books."""
    if as_json:
        print(msgspec.json.encode(campaign).decode())
        return
    counts = campaign.counts
    rows = [
        ("campaign", campaign.id),
        ("state", campaign.state if campaign.pause_reason is None else f"{campaign.state} ({campaign.pause_reason})"),
        ("received", f"{counts.received:,}"),
        ("skipped", f"{counts.skipped:,}"),
    ]
    rows += [(f"  {reason}", f"{n:,}") for reason, n in sorted(counts.skipped_by_reason.items())]
    rows += [(name, f"{getattr(counts, name):,}") for name in COUNTED]
    if campaign.sent_without_report:
        rows.append(("sent without report", f"{campaign.sent_without_report:,}"))
    if campaign.progress is not None:
        rows.append(("average rate", f"{campaign.progress.average_per_s:,.0f} messages/s"))
        if campaign.progress.expected_finish_at is not None:
            rows.append(("expected finish", campaign.progress.expected_finish_at.isoformat(" ", "seconds")))
    print_table(("what", "value"), rows)
