"""Sending: the whole gateway beside the floor, in turn on one PostgreSQL and one simulator, reports off.

Both start with the rows in PostgreSQL, vacuumed, and end when the last answer is written; durable commits on both sides. The
ratio is taken pair by pair, because the machine's speed drifts more between minutes than between neighbours.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import asyncpg
import uvloop

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench import floor
from penstock import _core, config
from penstock.domain.ids import RANDOM_BYTES, AccountId, CampaignId, TenantId, uuid7
from penstock.embedded import EmbeddedPostgres, EmbeddedValkey
from penstock.lifecycle import run_services
from penstock.runtime import migrate_database, open_runtime
from penstock.store import accounts, campaigns, tenants, uploads
from penstock.store.pool import connect

TEXT = "Hello {name}, your order arrives between 10 and 12. Reply STOP to opt out."
SENDER = "Example"
WINDOW_S = 1.2
"""A fresh limiter grants nothing for one window; that is not what is measured."""
ROUNDS = {"tiny": 1, "normal": 5}
MESSAGES = {"tiny": 20_000, "normal": 300_000}


async def store_campaign(dsn: str, messages: int) -> tuple[TenantId, CampaignId]:
    """Fill a migrated database with one campaign, as an upload would."""
    rows = "".join(f"+{4_915_100_000_000 + seq},Customer {seq}\n" for seq in range(messages))
    parser = _core.RecipientParser("csv", _core.Template(TEXT), traffic_account_id=floor.ACCOUNT, sender=SENDER)
    chunks = parser.feed(f"phone,name\n{rows}".encode()) + parser.finish()
    campaign_id = CampaignId(uuid7(int(time.time() * 1000), os.urandom(RANDOM_BYTES)))  # noqa: TID251 - a bench has no clock
    connection = await connect(dsn)
    try:
        await accounts.ensure_account(connection, AccountId(floor.ACCOUNT))
        tenant_id = await tenants.create_tenant(connection, "bench")
        assert tenant_id is not None
        new = campaigns.NewCampaign(
            tenant_id=tenant_id,
            campaign_id=campaign_id,
            name="bench",
            text=TEXT,
            sender=SENDER,
            account_id=AccountId(floor.ACCOUNT),
        )
        await campaigns.create_campaign(connection, new)
        for chunk in chunks:
            async with connection.transaction():
                assert await uploads.insert_chunk(connection, tenant_id, campaign_id, chunk)
                await campaigns.add_counts(
                    connection, tenant_id, campaign_id, {"received": chunk.rows, "queued": chunk.messages}
                )
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
    return tenant_id, campaign_id


async def send_campaign(dsn: str, settings: config.Settings, spool: Path, messages: int) -> float:
    """Run the gateway until everything is sent; seconds from `send` to the last settled batch, by the database's clock."""
    await migrate_database(dsn, "mock")
    tenant_id, campaign_id = await store_campaign(dsn, messages)
    stop = asyncio.Event()
    async with open_runtime(settings, spool) as runtime, asyncio.TaskGroup() as side:
        side.create_task(run_services(runtime.services, stop, grace_s=30))
        await asyncio.sleep(WINDOW_S)
        connection = await connect(dsn)
        try:
            await campaigns.start_campaign(connection, tenant_id, campaign_id)
            while (await campaigns.get_counts(connection, tenant_id, campaign_id)).get("queued", 0):
                await asyncio.sleep(0.05)
            counts = await campaigns.get_counts(connection, tenant_id, campaign_id)
            assert counts.get("sent") == messages, counts
            seconds: float = await connection.fetchval(
                "SELECT extract(epoch FROM (SELECT max(closed_at) FROM attempt) - (SELECT started_at FROM campaign))::float8"
            )
        finally:
            await connection.close()
            stop.set()
    return seconds


async def measure_gateway(
    server: EmbeddedPostgres, valkey: str, simulator: str, options: argparse.Namespace, in_flight: int
) -> float:
    """Messages a second in a database of its own."""
    name = f"bench_{os.urandom(4).hex()}"
    dsn = server.dsn_for(name)
    admin = await asyncpg.connect(server.superuser_dsn)
    try:
        await admin.execute(f"CREATE DATABASE {name} OWNER penstock")
        settings = config.load(
            {
                "PENSTOCK_MODE": "mock", "DATABASE_URL": dsn, "REDIS_URL": valkey, "MITTO_API_BASE": simulator,
                "MITTO_API_KEY": "simulator-key", "MITTO_TRAFFIC_ACCOUNT_ID": floor.ACCOUNT, "MITTO_SENDER_NAME": SENDER,
                "PENSTOCK_DISPATCH__IN_FLIGHT": str(in_flight), "PENSTOCK_HTTP_PORT": "0", "PENSTOCK_OPS_PORT": "0",
                "PENSTOCK_MITTO__REFERENCE": "0",  # as in real mode, and as the floor's bodies
            }
        )  # fmt: skip
        with tempfile.TemporaryDirectory() as spool:
            seconds = await send_campaign(dsn, settings, Path(spool), options.messages)
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.execute("CHECKPOINT")
    finally:
        await admin.close()
    return options.messages / seconds


async def measure_floor(server: str, simulator: str, options: argparse.Namespace, in_flight: int) -> float:
    """Messages a second along the straight line."""
    found = await floor.measure(
        server, simulator, argparse.Namespace(messages=options.messages, batch=5000, in_flight=in_flight)
    )
    return float(found["msgs_per_s"])


async def run(options: argparse.Namespace) -> dict[str, Any]:
    """Take the pairs."""
    results: dict[str, Any] = {"bench": "flow/send", "messages": options.messages, "rounds": options.rounds}
    with tempfile.TemporaryDirectory(prefix="penstock-") as name, floor.simulator(None) as simulator:
        folder = Path(name)
        folder.chmod(0o755)  # as root the servers run under another account
        server = EmbeddedPostgres(folder / "postgres")
        with server as dsn, EmbeddedValkey(folder / "valkey") as valkey:
            for in_flight in options.in_flight:
                pairs = []
                for _ in range(options.rounds):
                    base = await measure_floor(dsn, simulator, options, in_flight)
                    ours = await measure_gateway(server, valkey, simulator, options, in_flight)
                    pairs.append((ours, base))
                    print(f"in flight {in_flight}: gateway {ours:,.0f}/s, floor {base:,.0f}/s", file=sys.stderr)
                results[f"in_flight_{in_flight}"] = {
                    "gateway_msgs_per_s": round(statistics.median(ours for ours, _ in pairs)),
                    "floor_msgs_per_s": round(statistics.median(base for _, base in pairs)),
                    "ratio_median": round(statistics.median(ours / base for ours, base in pairs), 3),
                    "ratios": [round(ours / base, 3) for ours, base in pairs],
                }
    return results


def main() -> None:
    """Print one JSON object."""
    scale = os.environ.get("BENCH_SCALE", "normal")  # noqa: TID251 - a bench is started by hand or by make
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=MESSAGES[scale])
    parser.add_argument("--rounds", type=int, default=ROUNDS[scale])
    parser.add_argument("--in-flight", type=int, nargs="+", default=[1, 4])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(run(parser.parse_args()))))


if __name__ == "__main__":
    main()
