"""A tenant is deactivated while it sends, and activated: it stops, loses nothing, and goes on where it stopped."""

from collections import Counter
from pathlib import Path

from penstock.dispatch.claim import NothingDue
from penstock.domain.fairness import Lane
from penstock.domain.ids import TenantId
from penstock.store import dispatch, tenants
from penstock.store.pool import Store
from tests.builders import ACCOUNT, Rig, Scene, accept_all, make_campaign, number


async def deactivate(store: Store, tenant_id: TenantId) -> None:
    """Stop it."""
    async with store.engine() as connection:
        assert await tenants.deactivate_tenant(connection, tenant_id)


async def activate(store: Store, tenant_id: TenantId) -> None:
    """Let it go on."""
    async with store.engine() as connection:
        assert await tenants.activate_tenant(connection, tenant_id)


def lane(scene: Scene) -> Lane:
    """The campaign as it was read before it was stopped."""
    return Lane(tenant_id=scene.tenant_id, campaign_id=scene.campaign_id, account_id=ACCOUNT, segments=10)


async def test_nothing_is_claimed_of_a_deactivated_tenant(store: Store, tmp_path: Path) -> None:
    """Its campaigns are no lanes any more, and a claim in a lane that was read before finds nothing."""
    scene = await make_campaign(store, 20, chunk=10)
    rig = Rig(store, tmp_path)
    await deactivate(store, scene.tenant_id)
    async with store.engine() as connection:
        assert await dispatch.list_due_lanes(connection, 100) == []
    assert isinstance(await rig.claimer.claim(lane(scene), 100), NothingDue)
    assert await scene.states() == {"queued": 20}


async def test_a_campaign_goes_on_and_every_recipient_is_sent_once(store: Store, tmp_path: Path) -> None:
    """Stopped after some batches, with one on the wire, and started again: each number is written to exactly once."""
    scene = await make_campaign(store, 100, chunk=10)
    neighbour = await make_campaign(store, 10, first=1000, tenant="neighbour")
    rig = Rig(store, tmp_path)
    for _ in range(4):
        await rig.dispatcher.run_once()

    async def stopped_meanwhile(body: bytes, expected: int) -> object:
        await deactivate(store, scene.tenant_id)
        return accept_all(body, expected)

    rig.says(stopped_meanwhile)
    await rig.drain()
    assert await neighbour.states() == {"sent": 10}
    held = (await scene.states())["queued"]
    assert 0 < held < 100
    await activate(store, scene.tenant_id)
    await rig.drain()
    assert await scene.states() == {"sent": 100}
    written = Counter(rig.script.destinations)
    assert set(written.values()) == {1}
    assert {int(text.lstrip("+")) for text in written} == {number(i) for i in (*range(100), *range(1000, 1010))}
