"""Lists of campaigns ride on their indexes, whatever is asked for."""

import json
from typing import Any

import pytest

from penstock.store import campaigns
from penstock.store.campaigns import HIGHEST_ID, LOWEST_ID
from penstock.store.pool import Connection, Store
from tests.builders import make_draft, plan_nodes

MANY = """
INSERT INTO campaign (tenant_id, campaign_id, state, name, text, sender, account_id, max_parts)
SELECT tenant_id, gen_random_uuid(), (CASE WHEN n % 50 = 0 THEN 'paused' ELSE 'completed' END)::campaign_state,
       'name ' || n % 100, text, sender, account_id, max_parts
FROM campaign, generate_series(1, 5000) AS n
"""
BOUNDS: list[Any] = [1, HIGHEST_ID, LOWEST_ID, None, None, 100]


async def indexes(connection: Connection, statement: str, *values: Any) -> list[str]:
    """How each table of the plan is read, and whether anything is sorted."""
    plan = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {statement}", *values)
    nodes = list(plan_nodes(json.loads(plan)[0]["Plan"]))
    return [node.get("Index Name", node["Node Type"]) for node in nodes if node["Node Type"] not in {"Limit", "Result"}]


@pytest.mark.parametrize(
    ("statement", "more", "index"),
    [
        (campaigns.LIST_CAMPAIGNS, [], "campaign_pkey"),
        (campaigns.LIST_CAMPAIGNS_IN_STATE, ["paused"], "campaign_by_state"),
        (campaigns.LIST_CAMPAIGNS_OF_NAME, [None, "name 7"], "campaign_by_name"),
        (campaigns.LIST_CAMPAIGNS_OF_NAME, ["paused", "name 50"], "campaign_by_name"),
    ],
)
async def test_a_list_reads_its_page_from_its_index(store: Store, statement: str, more: list[Any], index: str) -> None:
    """One index gives the page in order: nothing is sorted, nothing else is read."""
    await make_draft(store)
    async with store.engine() as connection:
        await connection.execute(MANY)
        await connection.execute("ANALYZE campaign")
    async with store.engine() as connection:
        assert await indexes(connection, statement, *BOUNDS, *more) == [index]
