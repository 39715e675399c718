"""`penstock quote`: what sending a campaign would come to."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from penstock.client import Quote


def quote(
    campaign: Annotated[str, typer.Argument(help="The campaign's id.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    url: Annotated[str, typer.Option(envvar="PENSTOCK_URL", help="The gateway.")] = "http://127.0.0.1:8080",
    api_key: Annotated[str, typer.Option(envvar="PENSTOCK_API_KEY", help="A tenant's key.", show_default=False)] = "",
) -> None:
    """Show what sending a campaign would come to, and what stands in its way. Nothing is sent."""
    import msgspec

    from penstock.cli.gateway import open_client
    from penstock.cli.tables import print_table

    async def run() -> None:
        async with open_client(url, api_key) as client:
            made = await client.quote(campaign)
        if as_json:
            print(msgspec.json.encode(made).decode())
        else:
            print_table(("what", "value"), _rows(made))

    asyncio.run(run())


def _rows(made: "Quote") -> list[tuple[str, str]]:
    rows = [
        ("recipients", f"{made.recipients:,}"), ("skipped", f"{made.skipped:,}"), ("segments", f"{made.segments:,}"),
        ("longest message", f"{made.longest:,} segments"), ("encoding", made.encoding),
    ]  # fmt: skip
    if made.forcing:
        rows.append(("not in GSM-7", " ".join(made.forcing)))
    times = (("expected start", made.expected_start_at), ("expected finish", made.expected_finish_at))
    rows += [(name, at.isoformat(" ", "seconds")) for name, at in times if at is not None]
    rows.append(("would send now", "yes" if made.would_send_now else "no"))
    return rows + [("  " + one.code, one.detail) for one in made.why_not]
