"""`penstock status`: where a campaign stands."""

import asyncio
from typing import Annotated

import typer


def status(
    campaign: Annotated[str, typer.Argument(help="The campaign's id.")],
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Follow until every message is final.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    url: Annotated[str, typer.Option(envvar="PENSTOCK_URL", help="The gateway.")] = "http://127.0.0.1:8080",
    api_key: Annotated[str, typer.Option(envvar="PENSTOCK_API_KEY", help="A tenant's key.", show_default=False)] = "",
) -> None:
    """Show a campaign's books."""
    from penstock.cli.follow import follow, show
    from penstock.cli.gateway import open_client

    async def run() -> None:
        async with open_client(url, api_key) as client:
            found = await follow(client, campaign) if watch else await client.get_campaign(campaign)
        show(found, as_json=as_json)

    asyncio.run(run())
