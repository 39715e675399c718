import re
from pathlib import Path

import pytest

from penstock.domain.batch import BatchState
from penstock.domain.campaign import CampaignState
from penstock.domain.look_up import LookUpKind
from penstock.domain.message import MessageState
from penstock.store.pool import Store
from penstock.store.queries import all_queries

SOURCES = Path(__file__).parents[2] / "python" / "penstock" / "store"
TENANT_TABLES = re.findall(
    r"^CREATE TABLE public\.(\w+) \((?=[^;]*\btenant_id\b)", (SOURCES / "sql" / "schema.sql").read_text(), re.MULTILINE
)
"""Every table with a tenant's rows, as the generated schema has it: a new one is here by itself."""


@pytest.mark.parametrize("name", sorted(all_queries()))
async def test_statement_prepares(store: Store, name: str) -> None:
    """Every named statement is valid against the migrated schema."""
    async with store.engine() as connection:
        await connection.prepare(all_queries()[name])


def test_every_statement_is_bound_exactly_once() -> None:
    """No statement is dead, and none is bound under two names."""
    code = "".join(path.read_text() for path in SOURCES.glob("*.py"))
    bound = re.findall(r'query\("([a-z_.0-9]+)"\)', code)
    discard = re.search(r"for what in \(([^)]*)\)", code)
    assert discard is not None
    bound += [f"uploads.discard_{what}" for what in re.findall(r'"(\w+)"', discard[1])]
    assert sorted(bound) == sorted(all_queries())


@pytest.mark.parametrize(
    ("name", "kind"),
    [("campaign_state", CampaignState), ("batch_state", BatchState), ("message_state", MessageState),
     ("look_up_kind", LookUpKind)],
)  # fmt: skip
async def test_database_enums_equal_ours(store: Store, name: str, kind: type[CampaignState]) -> None:
    """The database's enums have the same values in the same order as the code's."""
    async with store.engine() as connection:
        labels = await connection.fetchval(f"SELECT enum_range(NULL::{name})::text[]")
    assert labels == [state.value for state in kind]


def test_the_tables_of_tenants_are_found() -> None:
    """The pattern that finds them still finds old ones and new ones, and none that is for all."""
    assert {"tenant", "api_key", "message", "audit", "idempotency_key"} <= set(TENANT_TABLES)
    assert {"account", "report_page", "installation"}.isdisjoint(TENANT_TABLES)


@pytest.mark.parametrize("name", sorted(all_queries()))
def test_tenant_tables_are_read_with_their_tenant(name: str) -> None:
    """A statement on a tenant's table names the tenant, or says that it is for the whole system."""
    text = all_queries()[name]
    touches = any(re.search(rf"\b(FROM|JOIN|INTO|UPDATE)\s+{table}\b", text) for table in TENANT_TABLES)
    assert (
        not touches or "tenant_id" in text or "-- scope: system" in text or "batch_id = $1" in text or "attempt_id = $1" in text
    )
