"""What callers ask rides on the same indexes under row-level security as without it, and is never read in another way.

The policy's condition and the statement's own are both `tenant_id = …`: the planner makes of the second a test that runs once.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from penstock.config import Database
from penstock.domain.ids import TenantId
from penstock.store.pool import Connection, Store
from penstock.store.queries import query
from tests.builders import plan_nodes
from tests.servers import Databases
from tests.store.test_plans import MAIN, OTHERS, ROWS, clone

TENANT = TenantId(1)
STATEMENTS: dict[str, list[Any]] = {
    "messages.list_messages": [1, MAIN, ROWS // 2, 100],
    "messages.list_messages_in_state": [1, MAIN, ROWS // 2, 100, "sent"],
    "messages.count_without_report": [1, OTHERS[0]],
    "uploads.pack_numbers": [1, OTHERS[0]],
    "uploads.discard_messages": [1, OTHERS[0]],
    "uploads.discard_batches": [1, MAIN],
    "uploads.discard_chunks": [1, MAIN],
    "uploads.find_open_upload": [1, MAIN],
    "uploads.list_skipped": [1, MAIN, 0, 10, 100],
    "uploads.sum_upload_segments": [1, MAIN, 0],
    "campaigns.get_campaign": [1, MAIN],
    "campaigns.lock_campaign": [1, MAIN],
    "campaigns.list_campaigns": [1, MAIN, OTHERS[0], None, None, 100],
    "campaigns.list_campaigns_in_state": [1, MAIN, OTHERS[0], None, None, 100, "sending"],
    "campaigns.list_campaigns_of_name": [1, MAIN, OTHERS[0], None, None, 100, None, "n"],
    "control.get_standing": [1, MAIN],
    "retries.next_chunk": [1, MAIN, 5],
    "retries.list_unsent": [1, MAIN, 0, 99],
    "retries.has_unsent": [1, OTHERS[0]],
    "campaigns.get_counts": [1, MAIN],
    "campaigns.get_counts_of": [1, [MAIN, *OTHERS]],
    "opt_outs.list_opt_outs": [1, 4915100000000, 100],
    "opt_outs.remove_opt_outs": [1, [4915100000000]],
    "idempotency.find_answer": [1, "POST /v1/campaigns", "key", b""],
    "keys.list_keys": [1, 0, 100],
    "keys.lock_key": [1, 5],
}


ALIKE = {"attempt_range": "attempt_open"}
"""Indexes that cost the same while there are few attempts: either is right."""


@pytest.fixture(params=["nothing", "fresh"])
async def walled(request: pytest.FixtureRequest, databases: Databases) -> AsyncIterator[Store]:
    """A large database of which the planner knows nothing, or the truth."""
    async with clone(databases, request.param) as dsn, Store.open(dsn, Database()) as store:
        yield store


async def scans(connection: Connection, name: str) -> list[tuple[str, str, str]]:
    """How each table is read: kind, table, index and what the index is asked."""
    # Two rows are a small table for which any plan is good; what is asked here is what a large one gets.
    await connection.execute("SET enable_seqscan = off")
    plan = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {query(name)}", *STATEMENTS[name])
    nodes = [dict(node) for node in plan_nodes(json.loads(plan)[0]["Plan"])]
    return sorted(
        (node["Node Type"], node.get("Relation Name", ""), ALIKE.get(node.get("Index Name", ""), node.get("Index Name", "")))
        for node in nodes
        if "Scan" in node["Node Type"]
    )


@pytest.mark.parametrize("name", sorted(STATEMENTS))
async def test_the_wall_changes_no_way_to_a_row(walled: Store, name: str) -> None:
    """The same scans of the same indexes with the wall as without."""
    assert walled.is_walled
    async with walled.engine() as connection:
        await connection.execute("SET enable_hashjoin = on; SET enable_mergejoin = on")
        without = await scans(connection, name)
    async with walled.tenant(TENANT) as connection:
        within = await scans(connection, name)
    assert within == without
    assert without
    assert not [scan for scan in within if scan[0] == "Seq Scan"]


async def test_the_wall_is_tested_once_a_statement(walled: Store) -> None:
    """The policy costs one comparison a statement, not one a row: it is no filter of any scan."""
    async with walled.tenant(TENANT) as connection:
        plan = await connection.fetchval(
            f"EXPLAIN (FORMAT JSON) {query('uploads.pack_numbers')}", *STATEMENTS["uploads.pack_numbers"]
        )
    nodes = [dict(node) for node in plan_nodes(json.loads(plan)[0]["Plan"])]
    assert any("current_setting" in node.get("One-Time Filter", "") for node in nodes)
    assert not any("current_setting" in str(node.get(part, "")) for node in nodes for part in ("Filter", "Index Cond"))
