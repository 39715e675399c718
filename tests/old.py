"""Campaigns of long ago, with everything that ever stood beside their messages."""

from datetime import UTC, datetime
from typing import Any, Final

from penstock.domain.ids import RANDOM_BYTES, CampaignId, uuid7
from penstock.reconcile.books import fold_counts
from penstock.reconcile.numbers import index_numbers
from penstock.store import campaigns
from penstock.store.pool import Store
from tests.builders import ACCOUNT, Scene, make_campaign, make_draft

OLD: Final = "2024_03"
"""The month of most of them."""
BESIDE: Final = ("attempt", "batch", "chunk", "skipped", "message_reference", "number_index", "message")
"""Every table that goes with the messages."""

_ATTEMPTS = """
INSERT INTO attempt (attempt_id, tenant_id, campaign_id, batch_id, account_id, first_seq, last_seq, messages, segments, digest,
                     codec, worker, state, lease_until, started_at, closed_at, mapping, is_asked)
SELECT gen_random_uuid(), tenant_id, campaign_id, batch_id, $2, first_seq, last_seq, last_seq - first_seq + 1, segments, 'd', 1,
       'test', 'accepted', '2024-03-12', '2024-03-12', '2024-03-12', 'confirmed', true
FROM batch WHERE campaign_id = $1
"""
_REFERENCES = """
INSERT INTO message_reference (tenant_id, reference, campaign_id, seq)
SELECT tenant_id, 'order ' || seq, campaign_id, seq FROM message WHERE campaign_id = $1
"""


def id_of(month: str, day: int = 10, salt: int = 0) -> CampaignId:
    """The id of a campaign that was made then."""
    made = datetime.strptime(f"{month}_{day:02}", "%Y_%m_%d").replace(tzinfo=UTC)
    return CampaignId(uuid7(int(made.timestamp() * 1000), salt.to_bytes(RANDOM_BYTES, "big")))


async def make_old_draft(store: Store, *, month: str = OLD, salt: int = 0, **fields: Any) -> Scene:
    """One without recipients, in a month that has its partition."""
    await _premake(store, month)
    scene = await make_draft(store, campaign_id=id_of(month, salt=salt), **fields)
    await grow_old(scene)
    return scene


async def make_old_campaign(store: Store, recipients: int = 10, *, month: str = OLD, salt: int = 0, **fields: Any) -> Scene:
    """One that was delivered but for its last message, of which nothing was ever heard; a row of its upload was skipped."""
    await _premake(store, month)
    scene = await make_campaign(store, recipients, campaign_id=id_of(month, salt=salt), chunk=7, **fields)
    key, silent = scene.key, recipients - 1
    await scene.execute(_ATTEMPTS, scene.campaign_id, ACCOUNT)
    await scene.execute(_REFERENCES, scene.campaign_id)
    await scene.execute("INSERT INTO skipped VALUES ($2, $1, 0, 7, 'duplicate', '')", *key)
    await scene.execute("UPDATE batch SET state = 'settled' WHERE tenant_id = $1 AND campaign_id = $2", *key)
    await scene.execute(
        "UPDATE message SET state = (CASE WHEN seq = $3 THEN 'sent' ELSE 'delivered' END)::message_state, "
        "sent_at = '2024-03-12', provider_id = 'old-' || $2::text || '-' || seq WHERE tenant_id = $1 AND campaign_id = $2",
        *key, silent,
    )  # fmt: skip
    deltas = {"received": 1, "skipped_duplicate": 1, "queued": -recipients, "delivered": silent, "sent": 1}
    async with store.engine() as connection:
        await campaigns.add_counts(connection, *key, deltas)
        await campaigns.close_silent_messages(connection, *key, recipients)
        await campaigns.complete_campaign(connection, *key)
    await index_numbers(store)
    await fold_counts(store)
    await grow_old(scene)
    return scene


async def grow_old(scene: Scene, ended: str = "2024-03-15") -> None:
    """Let it have been made in its month, and have ended then if it has."""
    await scene.execute(
        "UPDATE campaign SET created_at = $3::text::timestamptz, completed_at = CASE WHEN completed_at IS NOT NULL "
        "THEN $3::text::timestamptz END WHERE tenant_id = $1 AND campaign_id = $2",
        *scene.key, ended,
    )  # fmt: skip


async def books_of(scene: Scene) -> dict[str, int]:
    """What is written about it."""
    async with scene.store.engine() as connection:
        return await campaigns.get_counts(connection, *scene.key)


async def leftovers(scene: Scene) -> dict[str, int]:
    """Rows that stand for its messages, by table; none where there are none."""
    found = {
        table: (await scene.column(f"SELECT count(*) FROM {table} WHERE campaign_id = $1", scene.campaign_id))[0]  # noqa: S608
        for table in BESIDE
    }
    return {table: n for table, n in found.items() if n}


async def months_of(store: Store, *among: str) -> list[str]:
    """Those of the months whose messages, or whose numbers' index, are there."""
    async with store.engine() as connection:
        rows = await connection.fetch(
            "SELECT DISTINCT right(c.relname, 7) AS month FROM pg_class c WHERE c.relkind = 'r' "
            "AND c.relname ~ '^(message|number_index)_[0-9]{4}_[0-9]{2}$'"
        )
    return sorted({row["month"] for row in rows} & set(among))


async def _premake(store: Store, month: str) -> None:
    async with store.engine() as connection:
        await connection.execute(
            "SELECT premake_message_partitions(to_date($1, 'YYYY_MM')::timestamp AT TIME ZONE 'UTC', 0)", month
        )
