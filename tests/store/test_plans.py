"""The bulk statements ride on their indexes whatever the planner knows: nothing yet, something old, or the truth.

After a large COPY and before the next ANALYZE the statistics describe a table that no longer exists. A plan that is right for
that table compares every row with every id: seconds become minutes. So each is explained in every state of knowledge.
"""

import json
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from penstock.config import Database
from penstock.domain.ids import uuid7
from penstock.store.pool import Connection, Store, connect
from penstock.store.queries import query
from tests.builders import ACCOUNT, plan_nodes
from tests.conftest import migrate_database
from tests.servers import Databases

ROWS = 100_000
SENT_FROM = ROWS // 2
"""Messages from here on are sent and have a provider id; those before are queued."""
BATCH = 5000
KNOWLEDGE = ("nothing", "old: empty", "old: ten rows", "fresh")

CAMPAIGNS = "SELECT $1, c, 'sending', 'n', 't', 's', $2, 10 FROM unnest($3::uuid[]) AS c"
MESSAGES = """
INSERT INTO message (campaign_id, tenant_id, seq, msisdn, segments, state, provider_id)
SELECT $1::uuid, 1, s, 4915100000000 + s, 1, (CASE WHEN s < $3 THEN 'queued' ELSE 'sent' END)::message_state,
       CASE WHEN s >= $3 THEN $1::text || '-' || s END
FROM generate_series(0, $2::int4 - 1) AS s
"""
CHUNKS = """
INSERT INTO chunk (tenant_id, campaign_id, chunk_no, first_seq, messages, codec, payload)
SELECT 1, c, n, n * 100, 100, 1, 'x' FROM unnest($1::uuid[]) AS c, generate_series(0, $2::int4 - 1) AS n
"""
BATCHES = """
INSERT INTO batch (tenant_id, campaign_id, chunk_no, first_seq, last_seq, segments, state, zone_group)
SELECT tenant_id, campaign_id, chunk_no, first_seq, first_seq + 99, 100,
       (CASE WHEN chunk_no % 10 = 0 THEN 'pending' ELSE 'settled' END)::batch_state, 'Zone/' || chunk_no % 7
FROM chunk
"""

ATTEMPTS = """
INSERT INTO attempt (attempt_id, tenant_id, campaign_id, batch_id, account_id, first_seq, last_seq, messages, segments, digest,
                     codec, worker, state, lease_until)
SELECT gen_random_uuid(), tenant_id, campaign_id, batch_id, $1, first_seq, last_seq, 100, 100, 'x', 1, 'w', 'accepted', now()
FROM batch WHERE state = 'settled'
"""


def campaign_of(months_ahead: int, number: int = 0) -> UUID:
    """A campaign whose messages lie in the partition of that month."""
    now = datetime.now(UTC)  # noqa: TID251 - the partitions are made around the present
    month = now.replace(day=15) + timedelta(days=30 * months_ahead)
    return uuid7(int(month.timestamp() * 1000), number.to_bytes(10, "big"))


MAIN = campaign_of(0)
OTHERS = [campaign_of(months, 1 + number) for months in range(3) for number in range(3)]


async def fill(connection: Connection, rows: int, neighbours: int, chunks: int) -> None:
    """One campaign of `rows` messages and nine neighbours, over three months."""
    await connection.execute(MESSAGES, MAIN, rows, rows // 2)
    for other in OTHERS:
        await connection.execute(MESSAGES, other, neighbours, neighbours // 2)
    await connection.execute(CHUNKS, [MAIN, *OTHERS], chunks)
    await connection.execute(BATCHES)
    await connection.execute(ATTEMPTS, ACCOUNT)


async def prepare(dsn: str, knowledge: str) -> None:
    """A database in which the planner knows so much."""
    await migrate_database(dsn)
    connection = await connect(dsn)
    for table in await connection.fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    ):
        await connection.execute(f"ALTER TABLE {table['relname']} SET (autovacuum_enabled = off)")
    await connection.execute("INSERT INTO tenant (name) VALUES ('acme')")
    await connection.execute("INSERT INTO account (account_id) VALUES ($1)", ACCOUNT)
    columns = "tenant_id, campaign_id, state, name, text, sender, account_id, max_parts"
    await connection.execute(f"INSERT INTO campaign ({columns}) {CAMPAIGNS}", 1, ACCOUNT, [MAIN, *OTHERS])
    if knowledge == "old: empty":
        await connection.execute("ANALYZE")
    if knowledge == "old: ten rows":
        await fill(connection, 10, 10, 1)
        await connection.execute("ANALYZE")
        for table in ("message", "attempt", "batch", "chunk"):
            await connection.execute(f"DELETE FROM {table}")  # noqa: S608 - names from the line above
    if knowledge != "nothing":
        await fill(connection, ROWS, 3000, 500)
    if knowledge == "fresh":
        await connection.execute("ANALYZE")
    await connection.close()


def clone(databases: Databases, knowledge: str) -> AbstractAsyncContextManager[str]:
    """A copy of the database in which the planner knows so much."""
    return databases.clone(f"plans {knowledge}", lambda dsn: prepare(dsn, knowledge))


@pytest.fixture(params=KNOWLEDGE)
async def engine(request: pytest.FixtureRequest, databases: Databases) -> AsyncIterator[Connection]:
    """A connection of the engine's pool, with the planner that it has."""
    async with clone(databases, request.param) as dsn, Store.open(dsn, Database()) as store, store.engine() as connection:
        yield connection


def ids(n: int) -> list[str]:
    """Provider ids of messages all over the main campaign, sorted."""
    return sorted(f"{MAIN}-{SENT_FROM + i * (SENT_FROM // n)}" for i in range(n))


def arguments(name: str, n: int) -> list[Any]:
    """What the statement is called with for `n` messages."""
    seqs = list(range(n))
    return {
        "accept_messages": [1, MAIN, seqs, [f"new-{i}" for i in seqs], "queued"],
        "reject_messages": [1, MAIN, seqs, ["refused"] * n, "queued"],
        "cancel_messages": [1, MAIN, seqs, "opted_out"],
        "move_range": [1, MAIN, 0, n - 1, "queued", "unknown"],
        "cancel_range": [1, MAIN, 0, n - 1, "campaign_canceled"],
        "apply_reports": [ids(n), ["delivered"] * n, [None] * n, [None] * n],
        "find_states": [ids(n)],
        "claim_due_batch": [1, MAIN],
        "list_due_lanes": [1000],
        "close_silent_messages": [1, MAIN, n],
        "delay_zone_group": [1, MAIN, "Zone/3", datetime.now(UTC)],  # noqa: TID251 - a time that is no matter
        "list_zone_groups": [1, MAIN],
        "list_expired": [100],
        "count_range": [1, MAIN, 0, n],
        "list_unbatched": [1, MAIN, 0, n, 100],
        "list_stuck": [timedelta(minutes=15), 100],
    }[name]


MODULES = dict.fromkeys(["apply_reports", "find_states"], "reports") | {
    "close_silent_messages": "campaigns",
    **dict.fromkeys(["count_range", "list_unbatched", "list_stuck"], "recounts"),
    "cancel_range": "control",
    "delay_zone_group": "zone_groups",
    "list_zone_groups": "zone_groups",
    "list_expired": "expiry",
}
BY_KEY, BY_ID = "_pkey", "_provider_id"
BULK = [
    ("accept_messages", BY_KEY), ("reject_messages", BY_KEY), ("cancel_messages", BY_KEY), ("apply_reports", BY_ID),
    ("find_states", BY_ID),
]  # fmt: skip


def statement(name: str) -> str:
    """Its text."""
    return query(f"{MODULES.get(name, 'dispatch')}.{name}")


async def explain(connection: Connection, name: str, n: int) -> list[dict[str, Any]]:
    """Every node of the plan for these arguments."""
    plan = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {statement(name)}", *arguments(name, n))
    return [dict(node) for node in plan_nodes(json.loads(plan)[0]["Plan"])]


def indexes_on(nodes: list[dict[str, Any]], prefix: str) -> set[str]:
    """The indexes by which tables of this name are read; a sequential scan appears under its own name."""
    found = {node["Index Name"] for node in nodes if node.get("Index Name", "").startswith(prefix)}
    return found | {
        node["Node Type"] for node in nodes if "Seq" in node["Node Type"] and node["Relation Name"].startswith(prefix)
    }


def assert_one_chunk_a_batch(nodes: list[dict[str, Any]]) -> None:
    """A batch's chunk is found by its whole key, not among all that its campaign has."""
    asked = [node.get("Index Cond", "") for node in nodes if node.get("Relation Name") == "chunk"]
    assert asked
    assert all("chunk_no" in condition for condition in asked), asked


@pytest.mark.parametrize("n", [1, 100, BATCH])
@pytest.mark.parametrize(("name", "index"), BULK)
async def test_bulk_statements_probe_their_index_once_a_row(engine: Connection, name: str, index: str, n: int) -> None:
    """Each row of the arguments drives one probe of the named index; no partition is read from end to end."""
    nodes = await explain(engine, name, n)
    used = indexes_on(nodes, "message_")
    assert used
    assert all(name.endswith(index) for name in used), used
    joins = [node for node in nodes if node["Node Type"] in {"Nested Loop", "Hash Join", "Merge Join"}]
    assert [join["Node Type"] for join in joins] == ["Nested Loop"]
    outer = [node["Node Type"] for child in joins[0]["Plans"][:1] for node in plan_nodes(child)]
    assert outer[-1] == "Function Scan", outer
    assert not [node for node in nodes if node["Node Type"] == "Materialize"]


@pytest.mark.parametrize("n", [1, BATCH])
@pytest.mark.parametrize(("name", "partitions"), [("move_range", 1), ("cancel_range", 3)])
async def test_a_range_is_moved_by_the_primary_key(engine: Connection, name: str, partitions: int, n: int) -> None:
    """A whole range is found through the primary key; where the id comes by a join, that of the others is not run."""
    used = indexes_on(await explain(engine, name, n), "message_")
    assert len(used) == partitions
    assert all(index.endswith(BY_KEY) for index in used), used


async def test_the_claim_rides_on_the_queue_index(engine: Connection) -> None:
    """The next due batch is read and locked once, from the head of batch_ready, then its chunk by the primary key."""
    nodes = await explain(engine, "claim_due_batch", 1)
    (join,) = [node for node in nodes if node["Node Type"] == "Nested Loop"]
    assert "LockRows" in {node["Node Type"] for node in plan_nodes(join["Plans"][0])}
    assert indexes_on(nodes, "batch") == {"batch_ready"}
    assert_one_chunk_a_batch(nodes)


async def test_due_lanes_probe_the_queue_once_a_campaign(engine: Connection) -> None:
    """Each sending campaign costs one probe of batch_ready, never a reading of all batches."""
    nodes = await explain(engine, "list_due_lanes", 1)
    assert indexes_on(nodes, "batch") == {"batch_ready"}
    assert "Hash Join" not in {node["Node Type"] for node in nodes}


@pytest.mark.parametrize("name", ["delay_zone_group", "list_zone_groups", "list_expired"])
async def test_what_waits_is_found_by_the_queue_index(engine: Connection, name: str) -> None:
    """Quiet zones and lapsed validity are looked for among the pending batches of a campaign, and nowhere else."""
    nodes = await explain(engine, name, 1)
    assert indexes_on(nodes, "batch") <= {"batch_ready", "batch_pkey", "batch_chunk"}
    assert "Hash Join" not in {node["Node Type"] for node in nodes}


@pytest.mark.parametrize("name", ["count_range", "list_unbatched"])
async def test_a_step_of_a_recount_reads_a_range_of_the_primary_key(engine: Connection, name: str) -> None:
    """However large the campaign: one partition, one range or one a gap between batches, and no reading of all attempts."""
    nodes = await explain(engine, name, BATCH)
    used = indexes_on(nodes, "message_")
    assert len(used) == 1
    assert all(index.endswith(BY_KEY) for index in used), used
    assert indexes_on(nodes, "batch") <= {"batch_ready", "batch_chunk"}
    assert indexes_on(nodes, "attempt") <= {"attempt_range", "attempt_campaign"}


async def test_stuck_campaigns_are_probed_for(engine: Connection) -> None:
    """A few probes of indexes a sending campaign, never a reading of all batches or attempts."""
    nodes = await explain(engine, "list_stuck", 1)
    assert all(index.startswith("batch_") for index in indexes_on(nodes, "batch"))
    assert indexes_on(nodes, "attempt") == {"attempt_campaign"}


@pytest.mark.parametrize("knowledge", KNOWLEDGE[1:])
@pytest.mark.parametrize(
    "name",
    [
        "accept_messages",
        "reject_messages",
        "cancel_messages",
        "move_range",
        "cancel_range",
        "apply_reports",
        "find_states",
        "close_silent_messages",
    ],
)
async def test_a_full_batch_takes_a_moment(databases: Databases, knowledge: str, name: str) -> None:
    """Run on a partition of 100,000 rows, a batch of 5,000 takes far less than comparing each row with each id would."""
    async with clone(databases, knowledge) as dsn, Store.open(dsn, Database()) as store, store.engine() as connection:
        values = arguments(name, BATCH)
        began = time.perf_counter()
        tag = await connection.execute(statement(name), *values)
        took = time.perf_counter() - began
    assert took < 2
    assert tag in {f"UPDATE {BATCH}", "SELECT 1", f"SELECT {BATCH}"}


async def test_messages_lie_in_three_months(databases: Databases) -> None:
    """What these tests explain really spans several partitions and campaigns."""
    async with clone(databases, "fresh") as dsn:
        connection = await connect(dsn)
        counts = await connection.fetch("SELECT tableoid::regclass::text, count(DISTINCT campaign_id) FROM message GROUP BY 1")
        await connection.close()
    assert sorted(row["count"] for row in counts) == [3, 3, 4]
