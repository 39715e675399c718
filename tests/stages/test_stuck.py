"""Campaigns in which nothing moves, and uploads that nobody continues."""

from datetime import timedelta
from typing import Any

import pytest

from penstock.reconcile.books import fold_counts
from penstock.reconcile.completion import complete_campaigns
from penstock.reconcile.findings import Findings
from penstock.reconcile.stuck import STUCK_AFTER, mend_stuck_campaigns
from penstock.reconcile.uploads import look_after_uploads
from penstock.store import recounts, uploads
from penstock.store.pool import Store
from penstock.telemetry.metrics import Metrics
from tests.builders import Rig, Scene, make_campaign, make_draft, make_sent_campaign, new_id

FINDINGS = Findings(Metrics("test"))
LONG_AGO = "now() - interval '16 minutes'"


async def age(scene: Scene) -> None:
    """Let everything of the campaign have happened a while ago, and be in its books."""
    await fold_counts(scene.store)
    await scene.execute(f"UPDATE campaign SET started_at = {LONG_AGO}")  # noqa: S608 - a literal, here and below
    await scene.execute(f"UPDATE batch SET due_at = {LONG_AGO} WHERE due_at <= now()")  # noqa: S608
    await scene.execute(f"UPDATE attempt SET started_at = {LONG_AGO}, closed_at = {LONG_AGO}")  # noqa: S608


async def stuck(store: Store) -> list[recounts.Stuck]:
    """Those that are found."""
    async with store.engine() as connection:
        return await recounts.list_stuck(connection, STUCK_AFTER, 10)


async def reasons(scene: Scene) -> list[str]:
    """What the finding says."""
    return [str(row) for row in await scene.column("SELECT detail->>'reasons' FROM finding WHERE kind = 'campaign_stuck'")]


async def test_nobody_sends(store: Store) -> None:
    """Due work that nobody takes for a quarter of an hour is stuck, and the finding says that nobody sends."""
    scene = await make_campaign(store, 10)
    assert await stuck(store) == []
    await age(scene)
    await mend_stuck_campaigns(store, FINDINGS)
    assert await reasons(scene) == ['["nobody_sends"]']


async def test_a_held_account_is_named(store: Store) -> None:
    """A campaign whose account is held is stuck for that reason."""
    scene = await make_campaign(store, 10)
    await age(scene)
    await scene.execute("UPDATE account SET held_until = now() + interval '1 hour'")
    await mend_stuck_campaigns(store, FINDINGS)
    assert await reasons(scene) == ['["account_held"]']


@pytest.mark.parametrize(("state", "reason"), [("unknown", "unknown_outcomes"), ("dead", "dead_batches")])
async def test_batches_that_need_somebody_are_named(store: Store, state: str, reason: str) -> None:
    """So is one that waits for evidence or for an operator only."""
    scene = await make_campaign(store, 10)
    await scene.execute("UPDATE batch SET state = $1::text::batch_state", state)
    await age(scene)
    await mend_stuck_campaigns(store, FINDINGS)
    assert await reasons(scene) == [f'["{reason}"]']


@pytest.mark.parametrize("change", [
    "UPDATE batch SET due_at = now() + interval '1 hour'",
    "UPDATE batch SET due_at = now()",
    "UPDATE campaign SET state = 'paused'",
    "UPDATE campaign SET started_at = now() - interval '14 minutes'",
    "UPDATE tenant SET deactivated_at = now()",
])  # fmt: skip
async def test_what_waits_for_a_reason_is_not_stuck(store: Store, change: str) -> None:
    """A time that has not come, work that has just become due, a pause, a new start, a closed tenant."""
    scene = await make_campaign(store, 10)
    await age(scene)
    await scene.execute(change)
    assert await stuck(store) == []


async def test_what_waits_for_reports_or_has_just_moved_is_not_stuck(store: Store, tmp_path: Any) -> None:
    """Sent messages whose reports have not come, and a campaign whose last answer is younger than a quarter of an hour."""
    waiting = await make_sent_campaign(store, 5)
    moving = await make_campaign(store, 20, chunk=10, tenant="other")
    await Rig(store, tmp_path).dispatcher.run_once()
    for scene in (waiting, moving):
        await age(scene)
    await moving.execute("UPDATE attempt SET closed_at = now()")
    assert await stuck(store) == []


async def test_a_stuck_campaign_gets_its_batches_and_goes_on(store: Store, tmp_path: Any) -> None:
    """One whose batches are gone is counted, gets them again, and is sent."""
    scene = await make_campaign(store, 20, chunk=10)
    await scene.execute("DELETE FROM batch")
    await age(scene)
    await mend_stuck_campaigns(store, FINDINGS)
    await Rig(store, tmp_path).drain()
    assert await scene.states() == {"sent": 20}
    assert await stuck(store) == []


async def test_a_stuck_campaign_with_wrong_books_completes(store: Store) -> None:
    """One whose messages are all final, and whose books say otherwise, completes once they are right."""
    scene = await make_sent_campaign(store, 5)
    await scene.execute("UPDATE message SET state = 'delivered', final_at = now()")
    async with store.engine() as connection:
        await recounts.note_recount(connection, *scene.key)
    await scene.execute("UPDATE counter_delta SET counter = 'queued' WHERE counter = 'sent'")
    await age(scene)
    await complete_campaigns(store)
    assert await scene.column("SELECT state::text FROM campaign") == ["sending"]
    await mend_stuck_campaigns(store, FINDINGS)
    await complete_campaigns(store)
    assert await scene.column("SELECT state::text FROM campaign") == ["completed"]
    assert await scene.states() == {"delivered": 5}


@pytest.mark.parametrize(
    ("has_rows", "age_h", "is_there", "is_told"),
    [(False, 0.5, True, False), (False, 2, False, False), (True, 2, True, False), (True, 25, True, True)],
)
async def test_uploads_that_nobody_continues(
    store: Store, *, has_rows: bool, age_h: float, is_there: bool, is_told: bool
) -> None:
    """An empty one goes after an hour; one with recipients stays, and is told after a day."""
    scene = await make_draft(store)
    async with store.engine() as connection:
        await uploads.create_upload(connection, *scene.key, upload_id="u", format="csv", phone_column=None, token=new_id())
    await scene.execute("UPDATE upload SET touched_at = now() - $1::interval", timedelta(hours=age_h))
    if has_rows:
        await scene.execute("UPDATE upload SET digest = 'x', rows = 7")
    await look_after_uploads(store, FINDINGS)
    assert await scene.column("SELECT count(*) FROM upload") == [int(is_there)]
    assert await scene.column("SELECT kind FROM finding") == (["upload_abandoned"] if is_told else [])
