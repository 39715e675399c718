"""`penstock opt-outs`: numbers that must not be written to."""

import asyncio
from pathlib import Path
from typing import Annotated, Final

import typer

from penstock.cli.failure import CommandError

app = typer.Typer(no_args_is_help=True)

AT_ONCE: Final = 5000

Numbers = Annotated[list[str] | None, typer.Argument(help="Numbers as +491510000001.")]
File = Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="A file with one number a line.")]
Url = Annotated[str, typer.Option(envvar="PENSTOCK_URL", help="The gateway.")]
ApiKey = Annotated[str, typer.Option(envvar="PENSTOCK_API_KEY", help="A tenant's key.", show_default=False)]


@app.command("add")
def add(numbers: Numbers = None, *, file: File = None, url: Url = "http://127.0.0.1:8080", api_key: ApiKey = "") -> None:
    """Write to these numbers no more."""
    given = _given(numbers, file)
    print(f"{asyncio.run(_change(url, api_key, given, adding=True))} of {len(given)} numbers were new")


@app.command("remove")
def remove(numbers: Numbers = None, *, file: File = None, url: Url = "http://127.0.0.1:8080", api_key: ApiKey = "") -> None:
    """Allow these numbers again."""
    given = _given(numbers, file)
    print(f"{asyncio.run(_change(url, api_key, given, adding=False))} of {len(given)} numbers removed")


@app.command("list")
def list_(*, url: Url = "http://127.0.0.1:8080", api_key: ApiKey = "") -> None:
    """List every number."""
    asyncio.run(_list(url, api_key))


def _given(numbers: list[str] | None, file: Path | None) -> list[str]:
    lines = file.read_text().split() if file is not None else []
    given = [*(numbers or []), *lines]
    if not given:
        raise CommandError("name numbers, or a --file with one a line")
    return given


async def _change(url: str, api_key: str, numbers: list[str], *, adding: bool) -> int:
    from penstock.cli.gateway import open_client

    changed = 0
    async with open_client(url, api_key) as client:
        change = client.add_opt_outs if adding else client.remove_opt_outs
        for start in range(0, len(numbers), AT_ONCE):
            changed += await change(numbers[start : start + AT_ONCE])
    return changed


async def _list(url: str, api_key: str) -> None:
    from penstock.cli.gateway import open_client
    from penstock.cli.tables import print_table

    async with open_client(url, api_key) as client:
        rows = [(found.number, found.source, found.created_at.isoformat(" ", "seconds")) async for found in client.opt_outs()]
    print_table(("number", "source", "since"), rows)
