"""`penstock demo`: the main job from a CSV file to final states, judged by the simulator's journal."""

import asyncio
import secrets
import shutil
import time
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from penstock.cli.failure import CommandError, clear_failures

if TYPE_CHECKING:
    from penstock.cli.demo_audience import Expected
    from penstock.cli.demo_processes import Running
    from penstock.cli.demo_verdict import GroundTruth, Verdict
    from penstock.cli.progress import Progress
    from penstock.client import Campaign, Client

TENANT: Final = "demo"
POLL_S: Final = 0.25
STALLED_S: Final = 60.0
OPT_OUTS_AT_ONCE: Final = 5000


def demo(
    recipients: Annotated[int, typer.Option(min=100, max=10_000_000, help="Rows in the generated file.")] = 100_000,
    seed: Annotated[int, typer.Option(help="Makes the generated file repeatable.")] = 1,
) -> None:
    """Run a generated campaign and check every number.

    Starts a gateway and a simulated provider on free ports; what is already running is not touched.
    """
    verdict = asyncio.run(_demo(recipients, seed))
    for problem in verdict.problems:
        print(f"demo: {problem}")
    print(verdict.line())
    if not verdict.is_ok:
        raise typer.Exit(1)


async def _demo(rows: int, seed: int) -> "Verdict":
    from penstock.cli.demo_audience import write_audience
    from penstock.cli.demo_processes import running_demo
    from penstock.cli.environment import data_folder, read_settings
    from penstock.client import Client

    folder = data_folder(read_settings()).root / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    _check_room(folder, rows)
    began = time.monotonic()
    print(f"Writing {rows:,} recipients to {folder / 'recipients.csv'} …")
    expected = await asyncio.to_thread(write_audience, folder / "recipients.csv", rows, seed)
    print("Starting PostgreSQL, Valkey, a simulated provider and the gateway …")
    with clear_failures(), running_demo(folder) as running:
        key = await _make_key(running)
        async with Client(running.gateway, key) as client:
            verdict = await _run(client, running, folder / "recipients.csv", expected)
    print(f"Done in {time.monotonic() - began:.1f} s; the gateway's log is {folder / 'gateway.log'}")
    return verdict


def _check_room(folder: Path, rows: int) -> None:
    """About 1.5 kB a recipient: rows, indexes and WAL in PostgreSQL, and the journal."""
    needed = rows * 1_500 + 2_000_000_000
    if shutil.disk_usage(folder).free < needed:
        raise CommandError(
            f"{folder} has too little room: {needed / 1e9:.1f} GB are needed; set PENSTOCK_DATA_DIR to another disk"
        )


async def _make_key(running: "Running") -> str:
    """A key for the demo's tenant; those of earlier runs are revoked."""
    from penstock.cli.environment import open_store
    from penstock.cli.operator import actor
    from penstock.domain.keys import Scope
    from penstock.ingest import keys as key_acts
    from penstock.ingest import tenants as tenant_acts
    from penstock.store import keys, tenants

    plan = key_acts.KeyPlan(label="demo", scopes=frozenset((Scope.SEND, Scope.READ)))
    async with open_store(running.settings) as store, store.engine() as connection, connection.transaction():
        tenant = await tenants.find_tenant(connection, TENANT)
        if tenant is None:
            tenant = await tenant_acts.create_tenant(connection, actor(), TENANT, {})
        for old in await keys.list_keys(connection, tenant.tenant_id):
            if old.revoked_at is None:
                await key_acts.revoke_key(connection, actor(), tenant.tenant_id, old.key_id)
        made = await key_acts.make_key(connection, actor(), tenant.tenant_id, plan, secrets.token_bytes)
    return made.new.text


async def _run(client: "Client", running: "Running", path: Path, expected: "Expected") -> "Verdict":
    from penstock.cli.demo_audience import TEXT
    from penstock.cli.demo_verdict import judge, read_report
    from penstock.cli.progress import progress_bars

    opt_outs = [f"+{number}" for number in sorted(expected.opt_outs)]
    for start in range(0, len(opt_outs), OPT_OUTS_AT_ONCE):
        await client.add_opt_outs(opt_outs[start : start + OPT_OUTS_AT_ONCE])
    campaign = await client.create_campaign(name="Demo", text=TEXT)
    with progress_bars() as progress:
        upload = progress.add("upload", path.stat().st_size, "bytes")
        await client.upload(campaign.id, path, "text/csv", on_progress=upload.move_to)
        await client.send(campaign.id)
        finished = await _watch(client, campaign.id, progress)
    report = "".join([part.decode() async for part in client.report(campaign.id)])
    books = await asyncio.to_thread(read_report, report.splitlines())
    truth = await _read_journal(running.simulator)
    return judge(expected, finished.counts, books, truth, _rate(finished, books.last_sent_at, len(books.states)))


async def _watch(client: "Client", campaign_id: str, progress: "Progress") -> "Campaign":
    """Follow the campaign to its end; give up when nothing has moved for a minute."""
    campaign = await client.get_campaign(campaign_id)
    total = campaign.counts.received - campaign.counts.skipped
    sent, final = progress.add("sent", total, "messages"), progress.add("final", total, "messages")
    moved_at, last = time.monotonic(), campaign.counts
    while campaign.state == "sending":
        await asyncio.sleep(POLL_S)
        campaign = await client.get_campaign(campaign_id)
        sent.move_to(total - campaign.counts.queued)
        final.move_to(total - campaign.counts.queued - campaign.counts.sent - campaign.counts.unknown)
        if campaign.counts != last:
            moved_at, last = time.monotonic(), campaign.counts
        elif time.monotonic() - moved_at > STALLED_S:
            break
    return campaign


def _rate(campaign: "Campaign", last_sent_at: datetime | None, messages: int) -> float:
    """Messages a second from the start of sending to the last acceptance."""
    if campaign.started_at is None or last_sent_at is None:
        return 0.0
    return messages / max(0.001, (last_sent_at - campaign.started_at).total_seconds())


async def _read_journal(simulator: str) -> "GroundTruth":
    import msgspec

    from penstock.cli.demo_verdict import GroundTruth

    class Line(msgspec.Struct):
        id: str = ""
        destination: str = ""
        final: str = ""

    truth, decode = GroundTruth(), msgspec.json.Decoder(Line).decode
    async for text in _journal_lines(simulator):
        line = decode(text)
        if line.destination:
            truth.accepted[int(line.destination)] += 1
        elif line.final:
            truth.finals[line.id] = line.final
    return truth


async def _journal_lines(simulator: str) -> AsyncIterator[bytes]:
    import aiohttp

    offset = "0"
    async with aiohttp.ClientSession(read_bufsize=1 << 20) as session:
        while True:
            async with session.get(f"{simulator}/_sim/journal", params={"after": offset}) as answer:
                answer.raise_for_status()
                async for line in answer.content:
                    yield line
                after = answer.headers["X-Next-Offset"]
            if after == offset:
                return
            offset = after
