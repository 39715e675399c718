"""`penstock cancel`: stop a campaign for good."""

import asyncio
from typing import Annotated

import typer


def cancel(
    campaign: Annotated[str, typer.Argument(help="The campaign's id.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    url: Annotated[str, typer.Option(envvar="PENSTOCK_URL", help="The gateway.")] = "http://127.0.0.1:8080",
    api_key: Annotated[str, typer.Option(envvar="PENSTOCK_API_KEY", help="A tenant's key.", show_default=False)] = "",
) -> None:
    """Send nothing more of a campaign, for good, and show what was stopped and what was sent."""
    import msgspec

    from penstock.cli.gateway import open_client
    from penstock.cli.tables import print_table

    async def run() -> None:
        async with open_client(url, api_key) as client:
            canceled = await client.cancel(campaign)
        if as_json:
            print(msgspec.json.encode(canceled).decode())
            return
        numbers = ("stopped", "in_flight", "sent", "unknown", "refused")
        print_table(("what", "value"), [(name.replace("_", " "), f"{getattr(canceled, name):,}") for name in numbers])

    asyncio.run(run())
