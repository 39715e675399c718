"""`penstock report`: every message of a campaign."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, BinaryIO, Literal

import typer

from penstock.cli.failure import CommandError


def report(
    campaign: Annotated[str, typer.Argument(help="The campaign's id.")],
    *,
    form: Annotated[Literal["csv", "ndjson"], typer.Option("--format", help="How to write it.")] = "csv",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file instead of standard output.")
    ] = None,
    url: Annotated[str, typer.Option(envvar="PENSTOCK_URL", help="The gateway.")] = "http://127.0.0.1:8080",
    api_key: Annotated[str, typer.Option(envvar="PENSTOCK_API_KEY", help="A tenant's key.", show_default=False)] = "",
) -> None:
    """Write every message of a campaign.

    One line a message: number, state, segments, times, provider id and error.
    """
    from penstock.cli.gateway import open_client

    async def run(file: BinaryIO) -> None:
        async with open_client(url, api_key) as client:
            async for piece in client.report(campaign, form=form):
                file.write(piece)
        file.flush()

    if output is None:
        asyncio.run(run(sys.stdout.buffer))
        return
    # A report that broke off must not look like a whole one; a pipe or a device cannot be replaced.
    is_replaceable = output.is_file() or not output.exists()
    unfinished = output.with_name(f"{output.name}.part") if is_replaceable else output
    try:
        with unfinished.open("wb") as file:
            asyncio.run(run(file))
        if is_replaceable:
            unfinished.replace(output)
    except OSError as error:
        raise CommandError(f"{output} cannot be written: {error.strerror}") from error
    finally:
        if is_replaceable:
            unfinished.unlink(missing_ok=True)
