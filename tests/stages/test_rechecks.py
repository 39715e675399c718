"""Whatever changes between the choice of a campaign and its claim is seen by the claim, in its own transaction."""

from pathlib import Path

import pytest

from penstock.dispatch.claim import Claimed, LeftOut, NothingDue
from penstock.domain.fairness import Lane
from penstock.ingest import steering
from penstock.reconcile.canceled import sweep_canceled
from penstock.store import opt_outs
from penstock.store.pool import Store
from tests.builders import Rig, Scene, make_campaign, number


@pytest.fixture
def rig(store: Store, tmp_path: Path) -> Rig:
    """A dispatcher that reads what is due once, and then goes by it."""
    return Rig(store, tmp_path, lanes_age_s=3600)


async def chosen(rig: Rig) -> Lane:
    """The campaign whose turn it is."""
    lane = await rig.chooser.next_lane()
    assert lane is not None
    return lane


async def test_an_opt_out_is_seen(store: Store, rig: Rig) -> None:
    """Who opts out in between is left out of the body, and the books say why."""
    scene = await make_campaign(store, 3)
    lane = await chosen(rig)
    async with store.tenant(scene.tenant_id) as connection:
        await opt_outs.add_opt_outs(connection, scene.tenant_id, [number(1)], "api")
    claimed = await rig.claimer.claim(lane, 100)
    assert isinstance(claimed, Claimed)
    assert str(number(1)).encode() not in claimed.body
    assert await scene.states() == {"queued": 2, "canceled": 1}


async def test_a_pause_is_seen(store: Store, rig: Rig) -> None:
    """Nothing is claimed of a campaign that was paused in between."""
    scene = await make_campaign(store, 3)
    lane = await chosen(rig)
    async with store.tenant(scene.tenant_id) as connection, connection.transaction():
        await steering.pause(connection, *scene.key, None)
    assert await rig.claimer.claim(lane, 100) == NothingDue(is_held=True)
    assert await scene.states() == {"queued": 3}


async def test_a_cancellation_is_seen(store: Store, rig: Rig) -> None:
    """Nothing is claimed of a campaign that was canceled in between, and all of it is stopped."""
    scene = await make_campaign(store, 3)
    lane = await chosen(rig)
    async with store.tenant(scene.tenant_id) as connection, connection.transaction():
        await steering.cancel(connection, *scene.key)
    assert await rig.claimer.claim(lane, 100) == NothingDue(is_held=True)
    await sweep_canceled(store)
    assert await scene.states() == {"canceled": 3}


async def test_the_end_of_the_validity_is_seen(store: Store, rig: Rig) -> None:
    """What ran out of validity in between expires."""
    scene = await make_campaign(store, 3, validity_s=60)
    lane = await chosen(rig)
    await scene.execute("UPDATE campaign SET expires_at = now() - interval '1 second'")
    assert await rig.claimer.claim(lane, 100) == LeftOut()
    assert await scene.states() == {"expired": 3}


async def test_the_beginning_of_the_night_is_seen(store: Store, rig: Rig) -> None:
    """Where it became quiet in between the batch waits, with all others for the same clocks, and no other."""
    scene = await make_campaign(store, 30, chunk=10)
    await scene.execute("UPDATE batch SET zone_group = CASE WHEN first_seq < 20 THEN 'Asia/Tokyo' ELSE 'UTC' END")
    lane = await chosen(rig)
    await _become_quiet(scene, "Asia/Tokyo")
    assert await rig.claimer.claim(lane, 100) == LeftOut()
    assert await scene.column("SELECT due_at > now() FROM batch ORDER BY first_seq") == [True, True, False]
    claimed = await rig.claimer.claim(lane, 100)
    assert isinstance(claimed, Claimed)
    assert claimed.attempt.first_seq == 20


async def _become_quiet(scene: Scene, zone: str) -> None:
    """Hours that have begun a minute ago there, and end in another hour."""
    await scene.execute(
        "UPDATE campaign SET quiet_hours = jsonb_build_object("
        "'from', to_char(now() AT TIME ZONE $1 - interval '1 minute', 'HH24:MI'),"
        "'to', to_char(now() AT TIME ZONE $1 + interval '1 hour', 'HH24:MI'))",
        zone,
    )
