"""Looking up one message among many rides on indexes, whatever the planner knows, and on the callers' pool too."""

import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from penstock.config import Database
from penstock.domain.ids import BatchId, TenantId
from penstock.store import message_search, singles
from penstock.store.message_search import UnindexedChunk
from penstock.store.pool import Connection, Store
from penstock.store.queries import query
from tests.builders import plan_nodes
from tests.servers import Databases
from tests.store.test_plans import KNOWLEDGE, MAIN, OTHERS, SENT_FROM, assert_one_chunk_a_batch, clone, indexes_on

PLACES = [(MAIN, 1), (MAIN, SENT_FROM + 7), (OTHERS[0], 5)]
NUMBER = 4915100000001
TENANT = TenantId(1)
LAST = (1 << 31) - 1
ATTEMPTS = """
INSERT INTO attempt (attempt_id, tenant_id, campaign_id, batch_id, account_id, first_seq, last_seq, messages, segments, digest,
                     codec, worker, lease_until)
SELECT gen_random_uuid(), 1, b.campaign_id, b.batch_id, 'a', b.first_seq, b.last_seq, 100, 100, 'x', 1, 'w', now() FROM batch b
"""
PLACED = (
    "INSERT INTO number_index SELECT tenant_id, msisdn, campaign_id, seq FROM message WHERE seq < 3000",
    "INSERT INTO message_reference SELECT tenant_id, 'r' || seq, campaign_id, seq FROM message WHERE seq < 3000",
)

KEYS = """
INSERT INTO idempotency_key (tenant_id, route, key, variant, fingerprint, expires_at)
SELECT 1, 'POST /v1/messages', n::text, '', sha256(n::text::bytea), now() + interval '7 days' FROM generate_series(1, 5000) AS n
"""


@pytest.fixture(params=KNOWLEDGE)
async def store(request: pytest.FixtureRequest, databases: Databases) -> AsyncIterator[Store]:
    """Pools on a database of 100,000 messages, of which the planner knows so much."""
    async with clone(databases, request.param) as dsn, Store.open(dsn, Database()) as store:
        yield store


async def explain(connection: Connection, name: str, *values: Any) -> list[dict[str, Any]]:
    """Every node of the plan."""
    plan = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {query(name)}", *values)
    return [dict(node) for node in plan_nodes(json.loads(plan)[0]["Plan"])]


@pytest.mark.parametrize("n", [1, 1000])
async def test_found_messages_are_read_by_their_keys(store: Store, n: int) -> None:
    """A page of the search costs a few probes a message: of the primary key, and of its chunk's range."""
    campaigns, seqs = [MAIN] * n, list(range(n))
    async with store.tenant(TENANT) as connection:
        nodes = await explain(connection, "message_search.list_found", 1, campaigns, seqs)
    used = indexes_on(nodes, "message_2")
    assert used
    assert all(name.endswith("_pkey") for name in used), used
    assert indexes_on(nodes, "chunk") <= {"chunk_range", "chunk_pkey"}
    assert indexes_on(nodes, "batch") <= {"batch_ready", "batch_chunk"}


async def test_a_thousand_found_messages_take_a_moment(store: Store) -> None:
    """The largest page."""
    places = [(MAIN, i * (SENT_FROM // 500)) for i in range(1000)]
    async with store.tenant(TENANT) as connection:
        began = time.perf_counter()
        found = await message_search.list_found(connection, 1, [place for place in places if place[1] < SENT_FROM])
        assert time.perf_counter() - began < 2
        assert [one.seq for one in found] == [seq for _, seq in places if seq < SENT_FROM][: len(found)]


async def test_attempts_and_places_are_found_by_range(store: Store) -> None:
    """Not among all attempts of the campaign."""
    async with store.engine() as connection:
        for statement in (ATTEMPTS, *PLACED):
            await connection.execute(statement)
    async with store.tenant(TENANT) as connection:
        nodes = await explain(connection, "message_search.list_attempts_of", 1, MAIN, 150, 100, 199)
        assert indexes_on(nodes, "attempt") == {"attempt_range"}
        nodes = await explain(connection, "message_search.find_by_number", 1, NUMBER, MAIN, LAST, 100)
        used = indexes_on(nodes, "number_index_2")
        assert used
        assert all(name.endswith("_pkey") for name in used), used
        assert "Sort" not in {node["Node Type"] for node in nodes}
        nodes = await explain(connection, "message_search.find_by_reference", 1, "x", MAIN, LAST, 100)
        assert indexes_on(nodes, "message_reference") == {"message_reference_text"}


async def test_a_step_of_the_index_reads_its_ranges(store: Store) -> None:
    """Each chunk is one range of the primary key, joined in a loop."""
    async with store.engine() as connection:
        nodes = await explain(connection, "message_search.index_numbers", [1, 1], [MAIN, OTHERS[0]], [0, 100], [99, 199])
    used = indexes_on(nodes, "message_2")
    assert used
    assert all(name.endswith("_pkey") for name in used), used
    assert "Hash Join" not in {node["Node Type"] for node in nodes}


@pytest.mark.parametrize("knowledge", KNOWLEDGE[1:])
async def test_a_full_step_of_the_index_takes_a_moment(databases: Databases, knowledge: str) -> None:
    """Twenty thousand numbers, while neighbours have as many."""
    created = datetime.now(UTC)  # noqa: TID251 - not compared with anything
    chunks = [UnindexedChunk(1, MAIN, n, n * 5000, 5000, created) for n in range(4)]
    async with clone(databases, knowledge) as dsn, Store.open(dsn, Database()) as store, store.engine() as connection:
        began = time.perf_counter()
        await message_search.index_numbers(connection, chunks)
        took = time.perf_counter() - began
        assert await connection.fetchval("SELECT count(*) FROM number_index") == 20_000
    assert took < 5


async def test_a_cancel_looks_among_what_waits_only(store: Store) -> None:
    """The pending batch is found in the queue, not among those that were sent."""
    async with store.tenant(TENANT) as connection:
        nodes = await explain(connection, "singles.lock_pending_batch", 1, MAIN, 5)
        assert indexes_on(nodes, "batch") <= {"batch_ready", "batch_chunk"}
        assert_one_chunk_a_batch(await explain(connection, "singles.find_chunk", 1, MAIN, 0))


async def test_a_pending_batch_is_found_by_any_of_its_messages(databases: Databases) -> None:
    """And by none that is before or behind it."""
    async with clone(databases, "fresh") as dsn, Store.open(dsn, Database()) as store, store.tenant(TENANT) as connection:
        for seq in (0, 99):
            async with connection.transaction():
                batch = await singles.lock_pending_batch(connection, 1, MAIN, seq)
                assert batch is not None
                assert (batch.first_seq, batch.last_seq) == (0, 99)
                await singles.exclude_from_batch(connection, BatchId(batch.batch_id), b"\xff" * 13, is_empty=True)
            assert await singles.lock_pending_batch(connection, 1, MAIN, seq) is None
            await connection.execute("UPDATE batch SET state = 'pending' WHERE batch_id = $1", batch.batch_id)
        assert await singles.lock_pending_batch(connection, 1, MAIN, 100) is None


async def test_due_single_messages_are_read_from_the_queue(store: Store) -> None:
    """Lanes and batches to join: one probe of the queue a lane, from its head."""
    async with store.engine() as connection:
        await connection.execute("UPDATE campaign SET is_rolling = true")
        lanes = await explain(connection, "runs.list_rolling_lanes", 1000, 1000)
        assert indexes_on(lanes, "batch") == {"batch_ready"}
        due = await explain(connection, "runs.lock_due_batches", 1, MAIN, 1000)
        assert indexes_on(due, "batch") == {"batch_ready"}
        assert_one_chunk_a_batch(due)
        assert_one_chunk_a_batch(await explain(connection, "runs.list_chunks", 1, MAIN, [1, 2, 3]))


async def test_an_answer_is_kept_by_its_key_alone(store: Store) -> None:
    """A group of requests completes the rows of its own keys, however many keys of the tenant are kept."""
    async with store.engine() as connection:
        await connection.execute(KEYS)
    async with store.tenant(TENANT) as connection:
        nodes = await explain(connection, "idempotency.store_answer", 1, "POST /v1/messages", "7", b"", 201, "{}", b"")
    (asked,) = [node["Index Cond"] for node in nodes if "Index Cond" in node]
    assert all(column in asked for column in ("tenant_id", "route", "key", "variant"))
