"""Validity that is over ends what is unsent, whether or not it could be claimed."""

from datetime import timedelta
from pathlib import Path

import pytest

from penstock.domain.quiet_hours import QuietHours
from penstock.reconcile.completion import complete_campaigns
from penstock.reconcile.expired import expire_unsent
from penstock.store.pool import Store
from tests.builders import Rig, Scene, make_campaign

OVER = "UPDATE campaign SET expires_at = now() - interval '1 second'"
BATCHES = "SELECT state::text FROM batch ORDER BY first_seq"


@pytest.mark.parametrize(
    "hindrance",
    [
        "UPDATE account SET held_until = now() + interval '1 day'",
        "UPDATE campaign SET state = 'paused'",
        "UPDATE tenant SET deactivated_at = now()",
        "UPDATE batch SET due_at = now() + interval '1 day'",
        "UPDATE batch SET state = 'dead'",
    ],
)
async def test_what_cannot_be_claimed_expires_all_the_same(store: Store, hindrance: str) -> None:
    """Held, paused, of a closed tenant, not due or dead: the messages are expired and no batch waits any more."""
    scene = await make_campaign(store, 30, chunk=10, validity_s=60)
    await scene.execute(hindrance)
    await expire_unsent(store)
    assert await scene.states() == {"queued": 30}
    await scene.execute(OVER)
    await expire_unsent(store)
    assert await scene.states() == {"expired": 30}
    assert set(await scene.column("SELECT error FROM message")) == {"validity_expired"}
    assert await scene.column(BATCHES) == ["settled"] * 3


async def test_a_held_campaign_completes_when_its_validity_is_over(store: Store) -> None:
    """Nothing was sent and nothing is left: it has ended."""
    scene = await make_campaign(store, 5, validity_s=60)
    await scene.execute("UPDATE account SET held_until = now() + interval '1 day'")
    await scene.execute(OVER)
    await expire_unsent(store)
    await complete_campaigns(store)
    assert await scene.column("SELECT state::text FROM campaign") == ["completed"]


async def test_only_what_is_unsent_expires(store: Store, tmp_path: Path) -> None:
    """What was sent, and what is on its way, keeps its own fate."""
    scene = await make_campaign(store, 30, chunk=10, validity_s=60)
    rig = Rig(store, tmp_path)
    rig.says(RuntimeError("the process dies here"))
    with pytest.raises(RuntimeError):
        await rig.dispatcher.run_once()
    await rig.dispatcher.run_once()
    await scene.execute(OVER)
    await expire_unsent(store)
    assert await scene.states() == {"queued": 10, "sent": 10, "expired": 10}
    assert await scene.column(BATCHES) == ["sending", "settled", "settled"]


async def test_a_claim_that_comes_too_late_sends_nothing(store: Store, tmp_path: Path) -> None:
    """Validity that ends between the choice and the claim is seen by the claim."""
    scene = await make_campaign(store, 5, validity_s=60)
    rig = Rig(store, tmp_path, lanes_age_s=3600)
    lane = await rig.chooser.next_lane()
    assert lane is not None
    await scene.execute(OVER)
    await rig.dispatcher.run_once()
    assert (await scene.states(), rig.script.bodies) == ({"expired": 5}, [])


async def test_a_campaign_without_validity_waits(store: Store) -> None:
    """It has no end of its own."""
    scene = await make_campaign(store, 5)
    await scene.execute("UPDATE account SET held_until = now() + interval '1 day'")
    await expire_unsent(store)
    assert await scene.states() == {"queued": 5}


async def test_a_night_longer_than_the_validity_ends_it(store: Store, tmp_path: Path) -> None:
    """What waits for the morning and is not valid by then expires in the night."""
    hours = QuietHours(start="00:01", end="00:00")
    scene: Scene = await make_campaign(store, 5, validity_s=60, quiet_hours=hours)
    await scene.execute("UPDATE batch SET zone_group = 'Europe/Berlin', due_at = now() + $1::interval", timedelta(hours=3))
    await Rig(store, tmp_path).drain()
    assert await scene.states() == {"queued": 5}
    await scene.execute(OVER)
    await expire_unsent(store)
    assert await scene.states() == {"expired": 5}
