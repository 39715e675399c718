"""`penstock pause`: stop sending for now."""

import asyncio
from typing import Annotated

import typer


def pause(
    campaign: Annotated[str, typer.Argument(help="The campaign's id.")],
    *,
    reason: Annotated[str | None, typer.Option(help="Shown with the campaign.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    url: Annotated[str, typer.Option(envvar="PENSTOCK_URL", help="The gateway.")] = "http://127.0.0.1:8080",
    api_key: Annotated[str, typer.Option(envvar="PENSTOCK_API_KEY", help="A tenant's key.", show_default=False)] = "",
) -> None:
    """Send nothing more of a campaign until it is resumed; what has left is still answered for."""
    from penstock.cli.follow import show
    from penstock.cli.gateway import open_client

    async def run() -> None:
        async with open_client(url, api_key) as client:
            show(await client.pause(campaign, reason=reason), as_json=as_json)

    asyncio.run(run())
