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

CARRIES_TENANT = re.compile(
    r"tenant_id = \$\d"  # compared
    r"|\$1::int4 AS tenant_id|\(tenant_id, campaign_id, chunk_no\) >= \(\$1"  # the same, where the planner must be led
    r"|INTO \w+ \([^)]*\btenant_id\b"  # written
    r"|\b(batch_id|attempt_id) = \$1"  # of one batch or attempt, which was found by its tenant
    r"|CREATE POLICY"  # the second wall itself
)
_SYSTEM = {
    "accounts": "back_off_account change_account count_not_sending ensure_account hold_account learn_batch_size list_accounts"
    " lock_account note_refused note_success release_account",
    "audit": "list_acts",
    "campaigns": "count_by_state fold_counts list_completable list_silent",
    "control": "finish_canceled list_scheduled list_unswept list_watched",
    "dead_letters": "list_dead_letters lock_letter redrive_batches",
    "dispatch": "find_attempt list_due_lanes list_lapsed_attempts",
    "expiry": "list_expired",
    "findings": "count_findings is_on_record list_findings sweep_findings",
    "idempotency": "drop_expired_keys",
    "keys": "find_key_owner",
    "limits": "has_singles list_account_limits list_tenant_limits",
    "look_ups": "answer are_reports_waiting count_waiting drop_answered drop_waiting is_evidence_waiting postpone"
    " queue_hints queue_messages queue_reports take_due",
    "message_search": "choose_unindexed index_numbers mark_indexed",
    "recounts": "list_everything list_stuck list_to_recount",
    "reports": "apply_reports choose_pages count_waiting drop_parked find_states finish_pages insert_page lock_pages"
    " park_reports postpone_parked record_conflicts take_parked",
    "retention": "drop_conflicts drop_events drop_month drop_pages drop_unmatched list_months list_uncounted lock_month"
    " mark_month purge_attempts purge_batches purge_chunks purge_references purge_skipped survey_month",
    "runs": "list_rolling_lanes",
    "samples": "count_unasked find_named find_sample list_numbers list_unasked list_unsampled mark_asked note_mapping",
    "singles": "forget_days",
    "system": "count_queue premake_partitions",
    "tenants": "activate_tenant create_tenant deactivate_tenant find_tenant list_tenants",
    "unknown": "chunk_messages count_unknown find_batch find_named_suspect find_suspects hasten_reports is_number_unindexed"
    " list_contradicted_batches list_resendable list_unknown_attempts list_unknown_batches",
    "uploads": "drop_orphaned_uploads list_abandoned_uploads",
}
FOR_THE_WHOLE_SYSTEM = {f"{module}.{name}" for module, names in _SYSTEM.items() for name in names.split()}
"""Statements that may touch the rows of every tenant: the stages', the periodic jobs' and the operators'."""


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
def test_a_tenants_tables_are_touched_with_their_tenant(name: str) -> None:
    """A statement on them compares or writes the tenant, names one batch or attempt, or is on the list for the whole system."""
    text = all_queries()[name]
    touches = any(re.search(rf"\b(FROM|JOIN|INTO|UPDATE)\s+{table}\b", text) for table in TENANT_TABLES)
    assert not touches or CARRIES_TENANT.search(text) or name in FOR_THE_WHOLE_SYSTEM


def test_what_is_for_the_whole_system_is_on_the_list() -> None:
    """Each statement that crosses tenants is marked as such, and a new one is decided upon, not slipped in."""
    marked = {name for name, text in all_queries().items() if "-- scope: system" in text}
    assert sorted(marked - FOR_THE_WHOLE_SYSTEM) == []
