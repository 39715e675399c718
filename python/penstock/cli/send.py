"""`penstock send`: a campaign from a file."""

import asyncio
import hashlib
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from penstock.cli.failure import CommandError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.client import Client, UploadResult

CONTENT_TYPES: Final = {
    ".csv": "text/csv",
    ".txt": "text/csv",
    ".ndjson": "application/x-ndjson",
    ".jsonl": "application/x-ndjson",
    ".json": "application/json",
}


def send(  # noqa: PLR0913 - one parameter an option
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Recipients: CSV, NDJSON or JSON, also with .gz.")],
    *,
    text: Annotated[str, typer.Option(help="The message; {column} is filled from the file.")] = "",
    name: Annotated[str | None, typer.Option(help="The campaign's name (default: the file's).")] = None,
    sender: Annotated[str | None, typer.Option("--from", help="The sender (default: the gateway's).")] = None,
    region: Annotated[str | None, typer.Option(help="Country of national numbers, as DE.")] = None,
    phone_column: Annotated[str | None, typer.Option(help="The column with the numbers.")] = None,
    zone_column: Annotated[str | None, typer.Option(help="The column with the time zones, for quiet hours.")] = None,
    pace: Annotated[str | None, typer.Option(help="Spread evenly over so long, as 90m or 2h.")] = None,
    send_at: Annotated[str | None, typer.Option(help="Start then, as 2026-11-01T09:00:00+01:00.")] = None,
    quiet_hours: Annotated[
        str | None,
        typer.Option(help="As 21:00-08:00 or 21:00-08:00,sat,sun; none for what must not wait (default: the tenant's)."),
    ] = None,
    campaign: Annotated[str | None, typer.Option(help="Continue this draft, whose upload was broken off.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Upload and show, do not send.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Follow until every message is final.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    url: Annotated[str, typer.Option(envvar="PENSTOCK_URL", help="The gateway.")] = "http://127.0.0.1:8080",
    api_key: Annotated[str, typer.Option(envvar="PENSTOCK_API_KEY", help="A tenant's key.", show_default=False)] = "",
) -> None:
    """Create a campaign, upload its recipients and send it."""
    from penstock.cli.durations import read_duration
    from penstock.cli.gateway import open_client
    from penstock.cli.quiet_hours import read_quiet_hours

    if not text and campaign is None:
        raise CommandError("say what to send: --text 'Hello {name}'")
    over = None if pace is None else {"over_s": read_duration(pace)}
    hours = quiet_hours if quiet_hours in (None, "none") else read_quiet_hours(quiet_hours)
    given = {"sender": sender, "default_region": region, "pace": over, "send_at": send_at, "quiet_hours": hours}
    options: dict[str, Any] = {field: value for field, value in given.items() if value is not None}

    async def run() -> None:
        async with open_client(url, api_key) as client:
            campaign_id = campaign or (await client.create_campaign(name or file.name, text, **options)).id
            result = await _upload(client, campaign_id, file, {"phone_column": phone_column, "zone_column": zone_column})
            if not as_json:
                _show_upload(result)
            if not dry_run:
                await client.send(campaign_id, expect_recipients=None)
            await _finish(client, campaign_id, watch=watch and not dry_run, as_json=as_json)

    asyncio.run(run())


async def _upload(client: "Client", campaign_id: str, file: Path, columns: "Mapping[str, str | None]") -> "UploadResult":
    """Resumable: the Upload-Id follows from the file's name and content, so the same command again continues."""
    import aiohttp

    from penstock.cli.progress import progress_bars

    suffixes = [suffix.lower() for suffix in file.suffixes]
    is_gzip = suffixes[-1:] == [".gz"]
    suffix = (suffixes[:-1] if is_gzip else suffixes)[-1:] or [".csv"]
    content_type = CONTENT_TYPES.get(suffix[0])
    if content_type is None:
        raise CommandError(f"{file.name}: expected one of {', '.join(CONTENT_TYPES)}, also with .gz")
    with file.open("rb") as content:
        upload_id = hashlib.file_digest(content, "sha256").hexdigest()
    with progress_bars() as progress:
        bar = progress.add("upload", file.stat().st_size, "bytes")
        try:
            return await client.upload(
                campaign_id, file, content_type, upload_id=upload_id, is_gzip=is_gzip, on_progress=bar.move_to, **columns,
            )  # fmt: skip
        except (OSError, aiohttp.ClientConnectionError, aiohttp.ClientPayloadError) as error:
            again = ["penstock", "send", str(file), "--campaign", campaign_id]
            for name, column in columns.items():
                again += [] if column is None else [f"--{name.replace('_', '-')}", column]
            raise CommandError(f"the upload broke off; continue it with: {shlex.join(again)}") from error


def _show_upload(result: "UploadResult") -> None:
    skipped = ", ".join(f"{n:,} {reason}" for reason, n in sorted(result.skipped.items())) or "none"
    print(f"{result.accepted:,} of {result.rows:,} rows accepted, skipped: {skipped}")
    for problem in result.problems[:10]:
        print(f"  line {problem.line}: {problem.reason} {problem.detail}".rstrip())


async def _finish(client: "Client", campaign_id: str, *, watch: bool, as_json: bool) -> None:
    from penstock.cli.follow import follow, show

    campaign = await follow(client, campaign_id) if watch else await client.get_campaign(campaign_id)
    show(campaign, as_json=as_json)
