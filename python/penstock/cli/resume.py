"""`penstock resume`: go on with a paused campaign."""

import asyncio
from typing import Annotated

import typer


def resume(
    campaign: Annotated[str, typer.Argument(help="The campaign's id.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    url: Annotated[str, typer.Option(envvar="PENSTOCK_URL", help="The gateway.")] = "http://127.0.0.1:8080",
    api_key: Annotated[str, typer.Option(envvar="PENSTOCK_API_KEY", help="A tenant's key.", show_default=False)] = "",
) -> None:
    """Go on where a campaign was paused."""
    from penstock.cli.follow import show
    from penstock.cli.gateway import open_client

    async def run() -> None:
        async with open_client(url, api_key) as client:
            show(await client.resume(campaign), as_json=as_json)

    asyncio.run(run())
