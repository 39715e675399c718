"""What asks for evidence rides on indexes, whatever the planner knows: it runs again and again beside large campaigns."""

import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from penstock.config import Database
from penstock.domain.ids import AttemptId, BatchId
from penstock.store import look_ups, unknown
from penstock.store.pool import Connection, Store
from penstock.store.queries import query
from tests.builders import plan_nodes
from tests.servers import Databases
from tests.store.test_plans import KNOWLEDGE, MAIN, SENT_FROM, clone, indexes_on

NUMBER = 4915100000001
HOUR = timedelta(hours=1)
NOW = datetime.now(UTC)  # noqa: TID251 - beside the database's clock
IDS = ("01KC0000000000000000000000", "01KCZZZZZZZZZZZZZZZZZZZZZZ")
LAST = AttemptId(UUID(int=0))

FILLED = (
    """INSERT INTO attempt (attempt_id, tenant_id, campaign_id, batch_id, account_id, first_seq, last_seq, messages, segments,
                            digest, codec, worker, lease_until, closed_at, state)
       SELECT gen_random_uuid(), 1, b.campaign_id, b.batch_id, 'a', b.first_seq, b.last_seq, 100, 100, 'x', 1, 'w', now(),
              now(), (CASE WHEN b.chunk_no % 50 = 1 THEN 'unknown' ELSE 'accepted' END)::attempt_state FROM batch b""",
    """UPDATE batch b SET state = 'unknown', attempt_id = a.attempt_id FROM attempt a
       WHERE a.batch_id = b.batch_id AND a.state = 'unknown'""",
    "INSERT INTO number_index SELECT tenant_id, msisdn, campaign_id, seq FROM message WHERE seq < 5000",
    """INSERT INTO parked_report (provider_id, status, received_at)
       SELECT '01KB' || lpad(i::text, 22, '0'), 'Delivered', now() - interval '1 hour' FROM generate_series(1, 50000) AS i""",
    """INSERT INTO parked_report (provider_id, status, received_at)
       SELECT '01KC' || lpad(i::text, 22, '0'), 'Delivered', now() - interval '1 hour' FROM generate_series(1, 3000) AS i""",
    """INSERT INTO look_up (kind, provider_id, due_at)
       SELECT 'silent', '01KB' || lpad(i::text, 22, '0'), now() FROM generate_series(1, 50000) AS i""",
)  # fmt: skip


@pytest.fixture(params=KNOWLEDGE)
async def engine(request: pytest.FixtureRequest, databases: Databases) -> AsyncIterator[Connection]:
    """A connection of the engine's pool, before a large campaign of which a part is unknown."""
    async with clone(databases, request.param) as dsn, Store.open(dsn, Database()) as store, store.engine() as connection:
        for statement in FILLED:
            await connection.execute(statement)
        yield connection


async def explain(connection: Connection, name: str, *values: Any) -> list[dict[str, Any]]:
    """Every node of the plan."""
    plan = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {query(name)}", *values)
    return [dict(node) for node in plan_nodes(json.loads(plan)[0]["Plan"])]


BY_INDEX = [
    ("unknown.find_suspects", [[NUMBER], NOW, HOUR], {"attempt": {"attempt_unknown"}}),
    ("unknown.list_unknown_attempts", [LAST, 20], {"attempt": {"attempt_unknown"}}),
    ("unknown.list_unknown_batches", [0, 100], {"batch": {"batch_unknown"}}),
    ("unknown.count_unknown", [], {"batch": {"batch_unknown"}}),
    ("samples.list_unsampled", [HOUR, 100], {"attempt": {"attempt_unsampled"}}),
    ("samples.find_named", [[f"{MAIN}-{SENT_FROM + i}" for i in range(16)]], {"attempt": {"attempt_range"}}),
    ("look_ups.drop_waiting", ["order", [LAST]], {"look_up": {"look_up_due"}}),
    ("samples.list_unasked", [HOUR, 20], {"attempt": {"attempt_unasked"}}),
    ("look_ups.take_due", [10], {"look_up": {"look_up_due"}}),
    ("look_ups.queue_reports", [*IDS, HOUR, NOW, 1000], {"parked_report": {"parked_report_id"}}),
]


@pytest.mark.parametrize(("name", "values", "indexes"), BY_INDEX, ids=lambda value: value if isinstance(value, str) else "")
async def test_it_rides_on_its_index(engine: Connection, name: str, values: list[Any], indexes: dict[str, set[str]]) -> None:
    """The large tables are entered through the index that the statement names, and no message is read by reading them all."""
    nodes = await explain(engine, name, *values)
    for table, expected in indexes.items():
        used = {index for index in indexes_on(nodes, table) if not index.startswith(f"{table}_pkey")} or indexes_on(
            nodes, table
        )
        assert used == expected, (table, used)
    assert all(index.endswith(("_pkey", "_provider_id")) for index in indexes_on(nodes, "message_2"))
    assert all(index.endswith("_pkey") for index in indexes_on(nodes, "number_index_2"))


async def test_samples_are_found_by_their_places(databases: Databases) -> None:
    """Of a campaign that is just being sent, for all that the planner saw of its ids when there were none."""
    async with clone(databases, "fresh") as dsn, Store.open(dsn, Database()) as store, store.engine() as engine:
        await engine.execute("UPDATE message SET provider_id = NULL")
        await engine.execute("VACUUM ANALYZE message")
        await engine.execute("UPDATE message SET provider_id = seq WHERE campaign_id = $1", MAIN)
        nodes = await explain(engine, "samples.list_ids", 1, MAIN, [5, 700])
        nodes += await explain(engine, "samples.list_silent", 1, MAIN, 0, 99)
    conditions = [node.get("Index Cond", "") for node in nodes if node.get("Relation Name", "").startswith("message_2")]
    assert conditions
    assert all("seq " in condition for condition in conditions), conditions


async def test_each_takes_a_moment(engine: Connection) -> None:
    """Run as it is: what is asked again and again costs milliseconds."""
    began = time.perf_counter()
    for attempt in await unknown.list_unknown_attempts(engine, LAST, 20):
        await look_ups.queue_reports(engine, attempt.ids(), waited=timedelta(), since=attempt.closed_at, limit=1000)
        await unknown.find_suspects(engine, [NUMBER], attempt.started_at)
    assert await look_ups.queue_reports(engine, IDS, waited=timedelta(), since=NOW, limit=1000) == 1000
    assert len(await look_ups.take_due(engine, 10)) == 10
    assert await unknown.find_suspects(engine, [NUMBER], NOW) == []
    listed = await unknown.list_unknown_batches(engine, BatchId(0), 100)
    assert await unknown.count_unknown(engine) == 0
    assert time.perf_counter() - began < 2
    # Without any knowledge the planner has an empty database before it: there is nothing to list.
    assert len(listed) == (100 if await engine.fetchval("SELECT EXISTS (SELECT FROM message)") else 0)
