"""Single messages from store to provider: joined at the claim, before any campaign, each once."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest

from penstock import _core
from penstock.clock import SystemClock
from penstock.dispatch.bounds import BatchBounds
from penstock.dispatch.join import neighbours
from penstock.domain.errors import OptedOutError
from penstock.domain.ids import AccountId, BatchId
from penstock.domain.single import Placed
from penstock.ingest.canceling import cancel_message
from penstock.providers.port import Answered, Disconnected, IsFree, always
from penstock.reconcile.completion import complete_campaigns
from penstock.store import campaigns, dispatch, opt_outs
from penstock.store.pool import Store
from penstock.store.runs import RunBatch
from tests.builders import POLL_S, OpenBrake, Rig, Scene, accept_all, make_campaign, number, refusal
from tests.singles import place, place_all, place_and_announce, single, tenant_of, texts

BATCHES = "SELECT state::text FROM batch ORDER BY first_seq"


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """The spool's folder."""
    return tmp_path / "spool"


@pytest.fixture
def rig(store: Store, spool: Path) -> Rig:
    """A dispatcher whose provider says what it is told."""
    return Rig(store, spool)


async def test_what_waits_goes_out_together(store: Store, rig: Rig) -> None:
    """Five groups are one request; chunk and batch are one, the others are gone, and every message is sent."""
    scene = await place_all(store, [[single(i), single(i + 100)] for i in range(5)])
    await rig.drain()
    assert rig.script.sizes == [10]
    assert await scene.states() == {"sent": 10}
    assert await scene.column(BATCHES) == ["settled"]
    (chunk,) = await scene.fetch("SELECT first_seq, messages, is_indexed FROM chunk")
    assert tuple(chunk) == (0, 10, False)


async def test_each_gets_its_own_text(store: Store, rig: Rig) -> None:
    """Texts are sent exactly as they were given, also when they look like a template."""
    wanted = ["Hi {name}", " {text} ", '"quoted"\\', "line\nline\t", "Ελένη {{", "\u2028 \x1b \u200d👨‍👩‍👧"]
    await place_all(store, [[single(i, text)] for i, text in enumerate(wanted)])
    await rig.drain()
    (body,) = rig.script.bodies
    assert texts(body) == [(f"+{number(i)}", text) for i, text in enumerate(wanted)]


async def test_a_number_is_never_twice_in_a_request(store: Store, rig: Rig) -> None:
    """Two messages to one number go in two requests, stored at once or one after the other."""
    scene = await place_all(store, [[single(1, "a"), single(1, "b"), single(2)], [single(3), single(2, "c")], [single(4)]])
    await rig.drain()
    assert await scene.states() == {"sent": 6}
    for body in rig.script.bodies:
        numbers = [to for to, _ in texts(body)]
        assert len(set(numbers)) == len(numbers)
    assert sorted(pair for body in rig.script.bodies for pair in texts(body)) == sorted(
        (f"+{number(i)}", text) for i, text in [(1, "a"), (1, "b"), (2, "Hello"), (3, "Hello"), (2, "c"), (4, "Hello")]
    )


async def test_a_request_keeps_to_its_bounds(store: Store, spool: Path) -> None:
    """Messages, segments and bytes of the joined request stay below the bounds; the rest follows."""
    scene = await place_all(store, [[single(i, "x" * 200, segments=2)] for i in range(20)])
    by_count = Rig(store, spool, bounds=BatchBounds(messages=6, body_bytes=1_000_000))
    assert await by_count.dispatcher.run_once() == 0
    assert by_count.script.sizes == [6]
    by_segments = Rig(store, spool, brake=OpenBrake(most=9))
    assert await by_segments.dispatcher.run_once() == 0
    assert by_segments.script.sizes == [4]
    by_bytes = Rig(store, spool, bounds=BatchBounds(messages=5000, body_bytes=2000))
    await by_bytes.drain()
    assert sum(by_bytes.script.sizes) == 10
    assert all(len(body) <= 2000 for body in by_bytes.script.bodies)
    assert len(by_bytes.script.bodies) == 2
    assert await scene.states() == {"sent": 20}


async def test_a_joined_batch_is_halved_like_any_other(store: Store, rig: Rig) -> None:
    """A refused size splits the joined batch, and each message is accepted once."""
    scene = await place_all(store, [[single(i)] for i in range(9)])
    rig.says(refusal(413), refusal(413))
    await rig.drain()
    assert await scene.states() == {"sent": 9}
    accepted = [to for body in rig.script.bodies[2:] for to, _ in texts(body)]
    assert sorted(accepted) == sorted(f"+{number(i)}" for i in range(9))


async def test_an_attempt_of_joined_batches_can_be_rendered_again(store: Store, rig: Rig) -> None:
    """What is stored after the claim gives the very bytes that were sent, for whoever looks for evidence."""
    scene = await place_all(store, [[single(i, f"Code {i}")] for i in range(7)])
    rig.says(Disconnected("reset"))
    await rig.drain()
    assert await scene.states() == {"unknown": 7}
    (row,) = await scene.fetch(
        "SELECT a.*, k.payload, c.sender, c.text FROM attempt a JOIN batch b USING (batch_id) JOIN chunk k "
        "ON k.campaign_id = b.campaign_id AND k.chunk_no = b.chunk_no JOIN campaign c ON c.campaign_id = k.campaign_id"
    )
    again = _core.encode_batch(
        row["payload"], _core.Template(row["text"]), traffic_account_id=row["account_id"], sender=row["sender"],
        first_seq=row["first_seq"], last_seq=row["last_seq"], excluded=row["excluded"], max_messages=5000,
        max_segments=5000, max_bytes=1_000_000,
    )  # fmt: skip
    assert (again.body, again.digest) == (rig.script.bodies[0], row["digest"])


async def test_a_batch_that_came_back_goes_alone(store: Store, rig: Rig) -> None:
    """What was tried is not joined with what came later: its attempts must go on naming the same messages."""
    scene = await place_all(store, [[single(0)], [single(1)]])
    rig.says(refusal(429))
    await rig.drain()
    await place_all(store, [[single(2)], [single(3)]])
    await scene.release_account()
    await rig.drain()
    assert rig.script.sizes == [2, 2, 2]
    assert await scene.states() == {"sent": 4}


async def test_a_rest_is_not_joined(store: Store, spool: Path) -> None:
    """What a cut left of a chunk shares that chunk with what was sent, and stays what it is."""
    scene = await place_all(store, [[single(i) for i in range(5)], [single(9)]])
    first = Rig(store, spool, brake=OpenBrake(most=2))
    assert await first.dispatcher.run_once() == 0
    second = Rig(store, spool)
    await second.drain()
    assert first.script.sizes + second.script.sizes == [2, 3, 1]
    assert await scene.states() == {"sent": 6}


async def test_who_opts_out_after_the_request_is_left_out(store: Store, rig: Rig) -> None:
    """Opt-outs between storing and claiming count for every part of a joined batch."""
    scene = await place_all(store, [[single(i)] for i in range(4)])
    async with store.engine() as connection:
        await opt_outs.add_opt_outs(connection, scene.tenant_id, [number(0), number(2)], "test")
    await rig.drain()
    assert await scene.states() == {"sent": 2, "canceled": 2}
    assert rig.script.destinations == [f"+{number(1)}", f"+{number(3)}"]


async def test_who_has_opted_out_is_not_stored(store: Store) -> None:
    """At storing, the others of the group are stored all the same, and the books know nothing of the refused."""
    tenant_id = await tenant_of(store)
    async with store.engine() as connection:
        await opt_outs.add_opt_outs(connection, tenant_id, [number(1)], "test")
    first, second, third = await place(store, single(0), single(1), single(2))
    assert isinstance(first, Placed)
    assert isinstance(second, OptedOutError)
    assert isinstance(third, Placed)
    scene = await place_all(store, [[single(5)]])
    assert await scene.states() == {"queued": 3}


async def test_a_time_to_come_is_waited_for(store: Store, rig: Rig) -> None:
    """A message with a time goes at that time, and does not part the others."""
    later = SystemClock().now() + timedelta(days=1)
    await place(store, single(0), single(1, due_at=later), single(2))
    await rig.drain()
    assert rig.script.sizes == [2]
    async with store.engine() as connection:
        await connection.execute("UPDATE batch SET due_at = now() WHERE due_at > now()")
    await rig.drain()
    assert rig.script.destinations == [f"+{number(i)}" for i in (0, 2, 1)]


async def test_a_damaged_chunk_harms_no_other(store: Store, rig: Rig) -> None:
    """It ends the run before it, fails on its own turn, and what is behind it goes out."""
    scene = await place_all(store, [[single(i)] for i in range(4)])
    await scene.execute("UPDATE chunk SET payload = 'x' WHERE chunk_no = 1")
    await rig.drain()
    assert await scene.states() == {"sent": 3, "queued": 1}
    assert rig.script.sizes == [1, 2]
    assert await scene.column("SELECT attempts FROM batch WHERE state = 'pending'") == [1]


async def test_two_dispatchers_send_nothing_twice(store: Store, spool: Path) -> None:
    """Whoever claims first joins; the other passes over what is locked."""
    scene = await place_all(store, [[single(i)] for i in range(40)])
    rigs = [Rig(store, spool, bounds=BatchBounds(7, 1_000_000)) for _ in range(2)]
    await asyncio.gather(*(rig.drain() for rig in rigs))
    await rigs[0].drain()
    destinations = [to for rig in rigs for to in rig.script.destinations]
    assert sorted(destinations) == sorted(f"+{number(i)}" for i in range(40))
    assert await scene.states() == {"sent": 40}


async def test_single_messages_go_before_campaigns(store: Store, rig: Rig) -> None:
    """However much of campaigns is due, the next request carries single messages."""
    await make_campaign(store, 50, chunk=5)
    await rig.dispatcher.run_once()
    await place_and_announce(store, rig, single(1000, "Code"))
    await rig.dispatcher.run_once()
    assert texts(rig.script.bodies[1]) == [(f"+{number(1000)}", "Code")]


async def test_slow_campaigns_do_not_delay_a_single_message(store: Store, spool: Path) -> None:
    """While every ordinary sender waits for the provider, a message goes out by the sender that is kept for it."""
    is_slow, is_sent, go_on = asyncio.Semaphore(0), asyncio.Event(), asyncio.Event()

    class SlowProvider:
        async def send_bulk(self, body: bytes, expected: int, is_free: IsFree = always) -> Answered:
            assert await is_free()
            if "Code" in body.decode():
                is_sent.set()
            else:
                is_slow.release()
                await go_on.wait()
            return accept_all(body, expected)

    await make_campaign(store, 50, chunk=5)
    rig, halt = Rig(store, spool, SlowProvider(), in_flight=2), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(rig.dispatcher.run(halt))
        for _ in range(2):
            await is_slow.acquire()
        # The idle sender would look again after a minute only: it is the announcement that wakes it.
        await place_and_announce(store, rig, single(1000, "Code"))
        async with asyncio.timeout(10):
            await is_sent.wait()
        halt.set()
        go_on.set()


async def test_a_lane_is_with_one_sender_until_it_is_claimed(store: Store, rig: Rig) -> None:
    """While a claim runs nobody pays for a second permit; what is stored meanwhile is claimed next."""
    await place_and_announce(store, rig, single(0))
    lane = await rig.chooser.next_lane()
    assert lane is not None
    assert await rig.chooser.next_lane() is None
    rig.chooser.begin(lane)
    await place_and_announce(store, rig, single(1))
    assert await rig.chooser.next_lane() is None
    rig.chooser.release(lane, 0)
    again = await rig.chooser.next_lane()
    assert again is not None
    assert again.campaign_id == lane.campaign_id


async def test_lanes_of_other_processes_are_found(store: Store, rig: Rig) -> None:
    """What nobody announced here is due all the same, with the segments of all that waits."""
    await place_all(store, [[single(0, segments=2)], [single(1, segments=3)]])
    lane = await rig.chooser.next_lane(is_urgent_only=True)
    assert lane is not None
    assert (lane.segments, lane.is_rolling) == (5, True)


async def test_tenants_take_turns(store: Store, spool: Path) -> None:
    """A tenant with more senders than another is served as often as it."""
    rig = Rig(store, spool, in_flight=3)
    for sender in ("Alpha", "Beta", "Gamma"):
        await place_and_announce(store, rig, single(1, sender=sender), tenant="many")
    await place_and_announce(store, rig, single(1), tenant="one")
    many, one = await tenant_of(store, "many"), await tenant_of(store, "one")
    picked = [await rig.chooser.next_lane() for _ in range(4)]
    assert [lane.tenant_id for lane in picked if lane] == [many, one, many, many]


async def test_a_held_account_keeps_its_messages(store: Store, rig: Rig) -> None:
    """Nothing is sent while the account waits, and all of it when it may."""
    scene = await place_all(store, [[single(0)]])
    rig.says(refusal(403))
    await rig.drain()
    for i in (1, 2):
        await place_and_announce(store, rig, single(i))
    await rig.drain()
    assert rig.script.sizes == [1]
    assert await rig.dispatcher.run_once() == POLL_S
    await scene.release_account()
    await rig.drain()
    assert await scene.states() == {"sent": 3}


async def test_accounts_and_senders_have_campaigns_of_their_own(store: Store, rig: Rig) -> None:
    """A request to the provider carries one account and one sender."""
    await place(store, single(0), single(1, sender="Other"), single(2, account_id=AccountId("two")), single(3))
    await rig.drain()
    sent = [
        {(item["trafficAccountId"], item["sms"]["sender"]) for item in json.loads(body)["messages"]}
        for body in rig.script.bodies
    ]
    assert sorted(map(len, sent)) == [1, 1, 1]
    assert sorted(rig.script.sizes) == [1, 1, 2]


async def test_a_rolling_campaign_completes_after_its_day(store: Store, rig: Rig) -> None:
    """While its day lasts it takes more, though all it has is final; afterwards it ends like any other, in no list."""
    scene = await place_all(store, [[single(0)]])
    rig.says(refusal(422))
    await rig.drain()
    await complete_campaigns(store)
    assert await scene.column("SELECT state::text FROM campaign") == ["sending"]
    (opens, closes) = (await scene.fetch("SELECT created_at, closes_at FROM campaign"))[0]
    assert timedelta(hours=1) < closes - opens <= timedelta(hours=25)
    await scene.execute("UPDATE campaign SET closes_at = now()")
    await complete_campaigns(store)
    assert await scene.column("SELECT state::text FROM campaign") == ["completed"]
    async with store.engine() as connection:
        assert await campaigns.get_campaign(connection, *scene.key) is None
        assert await campaigns.count_by_state(connection) == {}


@pytest.mark.parametrize("is_over", [False, True])
async def test_the_first_messages_of_a_day_meet_in_one_campaign(store: Store, *, is_over: bool) -> None:
    """However many processes store one at the same moment, also where they find one that is over."""
    if is_over:
        await place(store, single(100))
        async with store.engine() as connection:
            await connection.execute("UPDATE campaign SET state = 'completed'")
    await tenant_of(store)
    await asyncio.gather(*(place(store, single(i)) for i in range(6)))
    async with store.engine() as connection:
        found = await connection.fetch("SELECT campaign_id FROM campaign WHERE state = 'sending'")
        seqs = await connection.fetch("SELECT seq FROM message WHERE campaign_id = $1 ORDER BY seq", found[0]["campaign_id"])
    assert (len(found), [row["seq"] for row in seqs]) == (1, list(range(6)))


async def test_a_rolling_campaign_that_is_complete_takes_nothing_more(store: Store, rig: Rig) -> None:
    """It ended by a clock that was a day ahead; by the right one its day is not over, and what comes needs another."""
    scene = await place_all(store, [[single(0)]])
    rig.says(refusal(422))
    await rig.drain()
    await scene.execute("UPDATE campaign SET closes_at = now()")
    await complete_campaigns(store)
    await place(store, single(1))
    await rig.drain()
    assert rig.script.destinations[1:] == [f"+{number(1)}"]
    assert await scene.column("SELECT state::text FROM campaign ORDER BY created_at") == ["completed", "sending"]


async def test_a_canceled_message_is_not_sent(store: Store, rig: Rig) -> None:
    """Its neighbours are; a batch of which nothing is left costs no request and no permit."""
    scene = await place_all(store, [[single(0), single(1)], [single(2)]])
    for seq in (1, 2):
        async with store.tenant(scene.tenant_id) as connection, connection.transaction():
            assert await cancel_message(connection, *scene.key, seq)
    assert sorted(await scene.column(BATCHES)) == ["pending", "settled"]
    await rig.drain()
    assert rig.script.destinations == [f"+{number(0)}"]
    assert await scene.states() == {"sent": 1, "canceled": 2}


async def test_canceling_waits_for_a_claim_and_comes_too_late(store: Store) -> None:
    """The claim has the batch first: the cancel changes nothing, also where the claim joined it into another."""
    scene = await place_all(store, [[single(0)], [single(1)]])
    async with store.engine() as claiming:
        transaction = claiming.transaction()
        await transaction.start()
        await dispatch.claim_due_batch(claiming, *scene.key)
        await claiming.execute("UPDATE batch SET last_seq = 1, state = 'sending' WHERE first_seq = 0")
        await claiming.execute("DELETE FROM batch WHERE first_seq = 1")
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(cancel(scene.store, scene, seq)) for seq in (0, 1)]
            await until_waiting(store, 2)
            await transaction.commit()
    assert [task.result() for task in tasks] == [False, False]
    assert await scene.states() == {"queued": 2}


async def test_canceling_in_a_batch_that_was_joined_and_handed_back(store: Store) -> None:
    """The claim that it waited for made the batch larger and returned it: what is left out is counted by the new size."""
    scene = await place_all(store, [[single(0)], [single(seq) for seq in range(1, 12)]])
    async with store.engine() as claiming:
        transaction = claiming.transaction()
        await transaction.start()
        await claiming.execute("SELECT FROM batch WHERE first_seq = 0 FOR UPDATE")
        async with asyncio.TaskGroup() as group:
            task = group.create_task(cancel(store, scene, 0))
            await until_waiting(store, 1)
            await claiming.execute("UPDATE batch SET last_seq = 11, segments = 12 WHERE first_seq = 0")
            await claiming.execute("DELETE FROM batch WHERE first_seq > 0")
            await claiming.execute("UPDATE chunk SET messages = 12 WHERE first_seq = 0")
            await claiming.execute("DELETE FROM chunk WHERE first_seq > 0")
            await transaction.commit()
    assert task.result()
    assert await scene.column("SELECT excluded FROM batch") == [b"\x01\x00"]


async def test_a_claim_passes_over_a_message_that_is_being_canceled(store: Store, rig: Rig) -> None:
    """The cancel has the batch first: the claim takes what is before it, and finds the rest afterwards."""
    scene = await place_all(store, [[single(0)], [single(1)], [single(2)]])
    async with store.tenant(scene.tenant_id) as connection, connection.transaction():
        assert await cancel_message(connection, *scene.key, 1)
        for _ in range(3):
            assert await rig.dispatcher.run_once() == 0
        assert rig.script.sizes == [1, 1]
    await rig.drain()
    assert rig.script.destinations == [f"+{number(0)}", f"+{number(2)}"]
    assert await scene.states() == {"sent": 2, "canceled": 1}


async def test_a_message_left_behind_by_the_claim_can_still_be_canceled(store: Store) -> None:
    """A claim that was waited for cut the batch, and the message is in the new one behind it."""
    scene = await place_all(store, [[single(0), single(1)]])
    async with store.engine() as claiming:
        transaction = claiming.transaction()
        await transaction.start()
        await claiming.execute(
            "INSERT INTO batch (tenant_id, campaign_id, chunk_no, first_seq, last_seq, segments) "
            "SELECT tenant_id, campaign_id, chunk_no, 1, 1, 1 FROM batch"
        )
        await claiming.execute("UPDATE batch SET last_seq = 0, state = 'sending' WHERE first_seq = 0")
        async with asyncio.TaskGroup() as group:
            task = group.create_task(cancel(store, scene, 1))
            await until_waiting(store, 1)
            await transaction.commit()
    assert task.result()
    assert await scene.states() == {"queued": 1, "canceled": 1}


async def cancel(store: Store, scene: Scene, seq: int) -> bool:
    """In a transaction of its own."""
    async with store.tenant(scene.tenant_id) as connection, connection.transaction():
        return await cancel_message(connection, *scene.key, seq)


async def until_waiting(store: Store, sessions: int) -> None:
    """Return once so many sessions of this database wait for a lock."""
    async with asyncio.timeout(10), store.engine() as connection:
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        while sessions != await connection.fetchval(waiting):
            pass


def batch(first: int, last: int, *, is_whole: bool = True) -> RunBatch:
    """A due batch."""
    return RunBatch(BatchId(first), first, first, last, 1, 0, None, is_whole)


@pytest.mark.parametrize(
    ("due", "run"),
    [
        ([batch(0, 1), batch(2, 2), batch(3, 9)], [0, 2, 3]),
        ([batch(3, 9), batch(0, 1), batch(2, 2)], [3]),
        ([batch(0, 1), batch(3, 3)], [0]),
        ([batch(0, 1), batch(2, 2, is_whole=False), batch(3, 3)], [0]),
        ([batch(0, 1, is_whole=False), batch(2, 2)], [0]),
        ([batch(0, 5), batch(6, 9), batch(10, 10)], [0, 6]),
    ],
)
def test_neighbours_follow_without_a_gap(due: list[RunBatch], run: list[int]) -> None:
    """From the first that is due on, whole batches only, and no more than ten messages."""
    assert [one.first_seq for one in neighbours(due, 10)] == run
