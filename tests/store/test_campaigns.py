import asyncio

from penstock.domain.campaign import CampaignState
from penstock.store import campaigns
from penstock.store.campaigns import Wanted
from penstock.store.pool import Store
from tests.builders import Scene, make_campaign, make_draft, make_sent_campaign


async def test_what_was_created_is_read_back(store: Store) -> None:
    """A campaign has what its tenant decided, in state draft and without recipients."""
    scene = await make_draft(store, text="Hi", default_region="DE", countries=["DE", "AT"], max_parts=3, validity_s=60)
    async with store.engine() as connection:
        found = await campaigns.get_campaign(connection, *scene.key)
    assert found is not None
    assert (found.state, found.text, found.default_region, found.countries) == (CampaignState.DRAFT, "Hi", "DE", ["DE", "AT"])
    assert (found.max_parts, found.validity_s, found.next_seq, found.expires_at) == (3, 60, 0, None)


async def test_another_tenants_campaign_does_not_exist(store: Store) -> None:
    """With the right id and the wrong tenant nothing is found, listed, locked or counted."""
    scene = await make_campaign(store, 3)
    other = await make_draft(store, tenant="other")
    async with store.engine() as connection:
        assert await campaigns.get_campaign(connection, other.tenant_id, scene.campaign_id) is None
        assert await campaigns.lock_campaign(connection, other.tenant_id, scene.campaign_id) is None
        assert await campaigns.get_counts(connection, other.tenant_id, scene.campaign_id) == {}
        assert await campaigns.recount_messages(connection, other.tenant_id, scene.campaign_id) == {}
        listed = await campaigns.list_campaigns(connection, other.tenant_id, Wanted(), 10)
    assert [item.campaign_id for item in listed] == [other.campaign_id]


async def test_pages_go_from_new_to_old(store: Store) -> None:
    """A page holds the newest campaigns before the one given."""
    made = [await make_draft(store) for _ in range(4)]
    newest = sorted((draft.campaign_id for draft in made), reverse=True)
    async with store.engine() as connection:
        page = await campaigns.list_campaigns(connection, made[0].tenant_id, Wanted(before=newest[0]), 2)
    assert [item.campaign_id for item in page] == newest[1:3]


async def test_starting_sets_the_validity(store: Store) -> None:
    """Validity runs from the start; without one the campaign never expires."""
    bounded, unbounded = await make_campaign(store, 1, validity_s=60), await make_campaign(store, 1, first=5)
    async with store.engine() as connection:
        first = await campaigns.get_campaign(connection, *bounded.key)
        second = await campaigns.get_campaign(connection, *unbounded.key)
    assert first is not None
    assert second is not None
    assert first.expires_at is not None
    assert first.started_at is not None
    assert (first.expires_at - first.started_at).total_seconds() == 60
    assert (first.state, second.expires_at) == (CampaignState.SENDING, None)


async def test_completing_works_once(store: Store) -> None:
    """Only a sending campaign completes; a paused one and a completed one do not."""
    scene = await make_campaign(store, 1)
    async with store.engine() as connection:
        await connection.execute("UPDATE campaign SET state = 'paused'")
        assert not await campaigns.complete_campaign(connection, *scene.key)
        await connection.execute("UPDATE campaign SET state = 'sending'")
        assert [await campaigns.complete_campaign(connection, *scene.key) for _ in range(2)] == [True, False]


async def test_books_of_several_campaigns_are_read_at_once(store: Store) -> None:
    """The books of a page are those of each campaign, and empty for one that has none."""
    first, second, empty = await make_campaign(store, 3), await make_sent_campaign(store, 2, first=5), await make_draft(store)
    async with store.engine() as connection:
        ids = [first.campaign_id, second.campaign_id, empty.campaign_id]
        books = await campaigns.get_counts_of(connection, first.tenant_id, ids)
        assert books[first.campaign_id] == await campaigns.get_counts(connection, *first.key)
    assert books[second.campaign_id] == {"received": 2, "queued": 0, "sent": 2}
    assert books[empty.campaign_id] == {}


async def test_nothing_is_booked_for_nothing(store: Store) -> None:
    """A change of zero leaves no row."""
    scene = await make_draft(store)
    async with store.engine() as connection:
        await campaigns.add_counts(connection, *scene.key, {"sent": 0, "queued": 0})
    assert await scene.column("SELECT count(*) FROM counter_delta") == [0]


async def book(store: Store, scene: Scene, times: int) -> None:
    """Move one message from queued to sent, again and again, each time in a transaction of its own."""
    for _ in range(times):
        async with store.engine() as connection, connection.transaction():
            await campaigns.add_counts(connection, *scene.key, {"queued": -1, "sent": 1})


async def fold_until(store: Store, scene: Scene, done: asyncio.Event) -> None:
    """Fold a few deltas at a time; whatever is read in between adds up."""
    while not done.is_set():
        async with store.engine() as connection:
            await campaigns.fold_counts(connection, 7)
            assert sum((await campaigns.get_counts(connection, *scene.key)).values()) == 0


async def test_folding_while_booking_equals_a_recount(store: Store) -> None:
    """While deltas are written and folded at the same time, every reading adds up, and the end is exact."""
    scene, done = await make_draft(store), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(fold_until(store, scene, done))
        await asyncio.gather(*(book(store, scene, 25) for _ in range(4)))
        done.set()
    async with store.engine() as connection:
        while await campaigns.fold_counts(connection, 1000) == 1000:
            pass
        assert await campaigns.get_counts(connection, *scene.key) == {"queued": -100, "sent": 100}
    assert await scene.column("SELECT count(*) FROM counter_delta") == [0]


async def test_folding_keeps_campaigns_apart(store: Store) -> None:
    """Deltas of several campaigns folded together land in their own counters."""
    scenes = [await make_campaign(store, n, first=100 * n) for n in (1, 2, 3)]
    async with store.engine() as connection:
        assert await campaigns.fold_counts(connection, 1000) == 6
        books = [await campaigns.get_counts(connection, *scene.key) for scene in scenes]
    assert books == [{"received": n, "queued": n} for n in (1, 2, 3)]


async def test_silent_messages_are_closed_in_pieces(store: Store) -> None:
    """At most so many are closed at a time, until none is left; they stay sent."""
    scene = await make_sent_campaign(store, 5)
    async with store.engine() as connection:
        closed = [await campaigns.close_silent_messages(connection, *scene.key, 2) for _ in range(4)]
    assert closed == [2, 2, 1, 0]
    assert await scene.states() == {"sent": 5}


async def test_campaigns_are_counted_by_state(store: Store) -> None:
    """The metrics count campaigns of all tenants."""
    await make_draft(store)
    await make_draft(store, tenant="other")
    await make_campaign(store, 1)
    async with store.engine() as connection:
        assert await campaigns.count_by_state(connection) == {"draft": 2, "sending": 1}
