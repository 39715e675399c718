"""From a delivery report at the door to a message's final state, on a real database."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import permutations
from urllib.parse import urlencode

import pytest

from penstock.domain.errors import MalformedRequestError, UnavailableError
from penstock.domain.retry import PARKED_REPORT_DELAYS_S
from penstock.receipts.apply import Applier
from penstock.receipts.receive import Receiver
from penstock.store.pool import Store
from penstock.telemetry.metrics import Metrics
from tests.builders import (
    BrokenStore,
    CountingStore,
    Scene,
    add_twin_of_next_month,
    end_other_sessions,
    ignore,
    make_campaign,
    make_sent_campaign,
    report_lines,
)

JSON = "application/json"
LINGER = 60.0


class Post:
    """A receiver and an applier of one process."""

    def __init__(self, store: Store, *, flush_reports: int = 5000) -> None:
        self.metrics = Metrics("test")
        self.receiver = Receiver(store, self.metrics)
        self.applier = Applier(store, self.metrics, hear=ignore, poll_s=LINGER, flush_reports=flush_reports)
        self.halt = asyncio.Event()

    async def accept(self, statuses: Mapping[str, str]) -> int:
        """One request with these reports."""
        return await self.receiver.accept(report_lines(statuses), JSON)

    async def apply(self) -> None:
        """Apply whatever is due."""
        while await self.applier.run_once():
            pass

    async def take(self, *requests: Mapping[str, str]) -> None:
        """Requests one after the other, then their application."""
        for statuses in requests:
            await self.accept(statuses)
        await self.apply()

    def counted(self, result: str) -> float:
        """Reports by what became of them."""
        return self.metrics.registry.get_sample_value("penstock_reports_total", {"result": result}) or 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Post"]:
        """With the receiver running."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.receiver.run(self.halt))
            yield self
            self.halt.set()


@pytest.fixture
async def post(store: Store) -> AsyncIterator[Post]:
    """A running receiver."""
    async with Post(store).open() as post:
        yield post


async def parked(scene: Scene) -> list[tuple[str, int, bool]]:
    """What waits for its message: id, tries, and whether it is tried again."""
    rows = await scene.fetch(
        "SELECT provider_id, tries, next_try_at IS NOT NULL AS waits FROM parked_report ORDER BY parked_id"
    )
    return [tuple(row) for row in rows]


async def let_parked_be_due(scene: Scene) -> None:
    """The time to try parked reports again has come."""
    await scene.execute("UPDATE parked_report SET next_try_at = now() WHERE next_try_at IS NOT NULL")


BODIES = {
    "object": (json.dumps({"messageId": "m0", "deliveryStatus": "Delivered"}).encode(), JSON),
    "array": (json.dumps([{"messageId": "m0", "deliveryStatus": "Delivered"}]).encode(), JSON),
    "lines": (b'{"messageId":"m0","deliveryStatus":"Delivered"}\n', "application/x-ndjson"),
    "form": (urlencode({"id": "m0", "status": "delivered"}).encode(), "application/x-www-form-urlencoded"),
}


@pytest.mark.parametrize("form", BODIES)
async def test_every_form_of_report_is_applied(store: Store, post: Post, form: str) -> None:
    """An object, an array, lines and a form all move the message they speak of."""
    scene = await make_sent_campaign(store, 2)
    assert await post.receiver.accept(*BODIES[form]) == 1
    await post.apply()
    assert await scene.states() == {"delivered": 1, "sent": 1}
    assert await scene.column("SELECT count(*) FROM report_page WHERE applied_at IS NULL") == [0]


async def test_time_and_error_of_a_report_are_kept(store: Store, post: Post) -> None:
    """The provider's own time, to the microsecond, and its reason are what the message shows."""
    scene = await make_sent_campaign(store, 1)
    body = {"messageId": "m0", "deliveryStatus": "Failure", "updatedAt": "2026-01-02T03:04:05.678901Z", "error": "absent"}
    await post.receiver.accept(json.dumps(body).encode(), JSON)
    await post.apply()
    (row,) = await scene.fetch("SELECT state::text, final_at, error FROM message")
    assert (row["state"], row["final_at"].isoformat(), row["error"]) == (
        "undelivered", "2026-01-02T03:04:05.678901+00:00", "absent",
    )  # fmt: skip


async def test_a_report_repeated_a_hundred_times_counts_once(store: Store, post: Post) -> None:
    """Replays change neither state nor books, whether they come in one request, one flush or later."""
    scene = await make_sent_campaign(store, 3)
    await post.take(*[{"m0": "Delivered", "m1": "Failure"}] * 50)
    await post.take(*[{"m0": "Delivered", "m1": "Failure"}] * 50)
    assert await scene.states() == {"delivered": 1, "undelivered": 1, "sent": 1}
    assert post.counted("applied") == 2
    assert post.counted("conflict") == 0


@pytest.mark.parametrize("order", list(permutations(["Sent", "Pending", "Delivered"])))
@pytest.mark.parametrize("flushes", [1, 3])
async def test_order_does_not_matter(store: Store, post: Post, order: tuple[str, ...], flushes: int) -> None:
    """However a message's reports are shuffled over requests and flushes, it ends delivered."""
    scene = await make_sent_campaign(store, 1)
    if flushes == 1:
        await post.take(*({"m0": word} for word in order))
    else:
        for word in order:
            await post.take({"m0": word})
    assert await scene.states() == {"delivered": 1}
    assert await scene.column("SELECT count(*) FROM report_conflict") == [0]


@pytest.mark.parametrize("flushes", [1, 2])
async def test_of_two_finals_the_first_stays_and_the_second_is_recorded(store: Store, post: Post, flushes: int) -> None:
    """A contradicting final changes nothing, and is kept for people to see."""
    scene = await make_sent_campaign(store, 1)
    words: list[Mapping[str, str]] = [{"m0": "Delivered"}, {"m0": "Failure"}]
    for flush in [words] if flushes == 1 else [words[:1], words[1:]]:
        await post.take(*flush)
    assert await scene.states() == {"delivered": 1}
    assert await scene.column("SELECT status FROM report_conflict") == ["Failure"]
    assert post.counted("conflict") == 1


async def test_unknown_words_and_unreadable_items_change_nothing(store: Store, post: Post) -> None:
    """A word we do not know and an item without an id are stored as they came, and move nothing."""
    scene = await make_sent_campaign(store, 1)
    body = json.dumps([{"messageId": "m0", "deliveryStatus": "Teleported"}, {"deliveryStatus": "Delivered"}, 5]).encode()
    assert await post.receiver.accept(body, JSON) == 3
    await post.apply()
    assert await scene.states() == {"sent": 1}
    assert post.counted("unreadable") == 2
    assert b"Teleported" in (await scene.column("SELECT body FROM report_page"))[0]
    assert await parked(scene) == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 1000])
async def test_a_body_that_cannot_be_read_is_the_senders_mistake(post: Post, body: bytes) -> None:
    """Bytes that are no report are refused or count nothing; they never stop the receiver."""
    with contextlib.suppress(MalformedRequestError):
        assert await post.receiver.accept(body, JSON) == 0
    assert await post.accept({"m0": "Delivered"}) == 1


async def test_an_early_report_waits_for_its_message(store: Store, post: Post) -> None:
    """A report that overtakes the answer to the send is parked and applied once the message has its id."""
    scene = await make_campaign(store, 1)
    await post.take({"m0": "Delivered"})
    assert await parked(scene) == [("m0", 0, True)]
    await scene.execute("UPDATE message SET state = 'sent', provider_id = 'm0'")
    await scene.execute(
        "INSERT INTO counter_delta (tenant_id, campaign_id, counter, n) VALUES ($1, $2, 'queued', -1), ($1, $2, 'sent', 1)",
        *scene.key,
    )
    await post.apply()
    assert await scene.states() == {"sent": 1}
    await let_parked_be_due(scene)
    await post.apply()
    assert (await scene.states(), await parked(scene)) == ({"delivered": 1}, [])


async def test_an_id_that_nobody_has_is_given_up_at_last(store: Store, post: Post) -> None:
    """A report without a message is tried at growing distances, then stays on record and is left alone."""
    scene = await make_sent_campaign(store, 1)
    await post.take({"stranger": "Delivered"})
    for tries in range(1, len(PARKED_REPORT_DELAYS_S) + 1):
        assert await parked(scene) == [("stranger", tries - 1, True)]
        await let_parked_be_due(scene)
        await post.apply()
    assert await parked(scene) == [("stranger", len(PARKED_REPORT_DELAYS_S), False)]
    await let_parked_be_due(scene)
    assert not await post.applier.run_once()


async def test_parked_reports_that_contradict_each_other(store: Store, post: Post) -> None:
    """Of two early finals the first to be applied stays, and the other is recorded."""
    scene = await make_campaign(store, 1)
    await post.take({"m0": "Delivered"})
    await post.take({"m0": "Failure"})
    await scene.execute("UPDATE message SET state = 'sent', provider_id = 'm0'")
    await let_parked_be_due(scene)
    await post.apply()
    (state,) = await scene.column("SELECT state::text FROM message")
    assert state in {"delivered", "undelivered"}
    assert await scene.column("SELECT count(*) FROM report_conflict") == [1]
    assert await parked(scene) == []


async def test_a_late_report_applies_after_the_window_was_closed(store: Store, post: Post) -> None:
    """Silence is not a state: a message whose window is over still becomes delivered."""
    scene = await make_sent_campaign(store, 1)
    await scene.execute("UPDATE message SET report_closed_at = now()")
    await scene.execute("UPDATE campaign SET state = 'completed'")
    await post.take({"m0": "Delivered"})
    assert await scene.states() == {"delivered": 1}


async def test_requests_that_come_together_share_commits(store: Store) -> None:
    """Two hundred requests at once are stored in a few pages, each acknowledged after its page."""
    scene = await make_sent_campaign(store, 200)
    async with Post(store).open() as post:
        counts = await asyncio.gather(*(post.accept({f"m{i}": "Delivered"}) for i in range(200)))
    assert counts == [1] * 200
    (pages, reports) = tuple((await scene.fetch("SELECT count(*), sum(reports) FROM report_page"))[0])
    assert reports == 200
    assert pages <= 5
    await post.apply()
    assert await scene.states() == {"delivered": 200}


async def test_a_stopping_receiver_stores_what_it_was_given(store: Store) -> None:
    """Everything handed over before the halt is durable when the receiver has ended, and no task is left."""
    scene = await make_sent_campaign(store, 50)
    post = Post(store)
    async with asyncio.TaskGroup() as group:
        accepts = [group.create_task(post.accept({f"m{i}": "Delivered"})) for i in range(50)]
        await asyncio.sleep(0)
        post.halt.set()
        group.create_task(post.receiver.run(post.halt))
    assert [task.result() for task in accepts] == [1] * 50
    assert await scene.column("SELECT sum(reports) FROM report_page") == [50]
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_cancelled_receiver_leaves_no_task_behind(store: Store) -> None:
    """A receiver that is cancelled while it waits takes its own tasks with it."""
    post = Post(store)
    async with asyncio.TaskGroup() as group:
        run = group.create_task(post.receiver.run(post.halt))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        run.cancel()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_without_a_database_the_provider_is_told_to_come_back(store: Store) -> None:
    """A report that cannot be stored is not acknowledged; as soon as the database is back the next one is."""
    broken = BrokenStore.of(store)
    broken.lose_before = 1
    async with Post(broken).open() as post:
        with pytest.raises(UnavailableError):
            await post.accept({"m0": "Delivered"})
        assert await post.accept({"m0": "Delivered"}) == 1


async def test_a_killed_session_costs_one_request_at_most(store: Store, post: Post) -> None:
    """After every session was killed the receiver heals: a request is stored, or refused and stored when sent again."""
    scene = await make_sent_campaign(store, 1)
    await post.accept({"m0": "Sent"})
    async with store.engine() as connection:
        await end_other_sessions(connection)
    try:
        await post.accept({"m0": "Delivered"})
    except UnavailableError:
        await post.accept({"m0": "Delivered"})
    await post.apply()
    assert await scene.states() == {"delivered": 1}


async def test_a_flush_whose_commit_was_not_answered_is_not_applied_twice(store: Store) -> None:
    """A flush that was committed although the connection died leaves nothing to do, and the books balance."""
    broken = BrokenStore.of(store)
    scene = await make_sent_campaign(store, 5)
    async with Post(broken).open() as post:
        await post.accept({f"m{i}": "Delivered" for i in range(5)})
    broken.lose_after = 1
    with pytest.raises(UnavailableError):
        await post.applier.run_once()
    await post.apply()
    assert await scene.states() == {"delivered": 5}


async def test_two_appliers_share_the_pages(store: Store) -> None:
    """Two processes applying at once do each page once, and the books balance."""
    scene = await make_sent_campaign(store, 300)
    async with Post(store, flush_reports=20).open() as post:
        for start in range(0, 300, 10):
            await post.accept({f"m{i}": "Delivered" for i in range(start, start + 10)})
    second = Post(store, flush_reports=20)
    async with asyncio.TaskGroup() as group:
        for each in (post, second, second):
            group.create_task(each.apply())
    await post.apply()
    assert await scene.states() == {"delivered": 300}
    assert post.counted("applied") + second.counted("applied") == 300


async def test_a_flush_keeps_to_its_bound(store: Store) -> None:
    """Reports are applied in transactions of the size that the settings say, with one UPDATE of messages each."""
    scene = await make_sent_campaign(store, 20_000)
    counting = CountingStore.of(store)
    async with Post(counting, flush_reports=5000).open() as post:
        for start in range(0, 20_000, 1000):
            await post.accept({f"m{i}": "Delivered" for i in range(start, start + 1000)})
    counting.statements.clear()
    await post.apply()
    assert await scene.states() == {"delivered": 20_000}
    assert len([text for text in counting.statements if "UPDATE message" in text]) == 4
    assert len(counting.statements) <= 4 * 12


async def test_halting_the_applier_finishes_the_flush_in_hand(store: Store) -> None:
    """The applier ends at the halt, with whole flushes only."""
    scene = await make_sent_campaign(store, 10)
    async with Post(store).open() as post:
        await post.accept({f"m{i}": "Delivered" for i in range(10)})
    halt = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(post.applier.run(halt))
        group.create_task(when_applied(scene, halt))
    assert await scene.states() == {"delivered": 10}


async def when_applied(scene: Scene, halt: asyncio.Event) -> None:
    """Halt when nothing is open any more; each look waits for the database, not for a clock."""
    while await scene.column("SELECT count(*) FROM report_page WHERE applied_at IS NULL") != [0]:
        pass
    halt.set()


async def test_an_id_of_two_months_hides_no_early_report(store: Store, post: Post) -> None:
    """When one report moves two messages, another report of the same flush that has none is still parked."""
    scene = await make_sent_campaign(store, 1)
    await add_twin_of_next_month(scene)
    await post.take({"m0": "Delivered", "early": "Delivered"})
    assert await scene.column("SELECT count(*) FROM message WHERE state = 'delivered'") == [2]
    assert await parked(scene) == [("early", 0, True)]


async def test_early_finals_that_contradict_are_recorded_once_their_message_is_known(store: Store, post: Post) -> None:
    """However often two parked finals of an unknown id are tried, no conflict is on record before the message has the id."""
    scene = await make_campaign(store, 1)
    await post.take({"m0": "Delivered"})
    await post.take({"m0": "Failure"})
    for tries in range(1, 5):
        await let_parked_be_due(scene)
        await post.apply()
        assert await parked(scene) == [("m0", tries, True)] * 2
        assert await scene.column("SELECT count(*) FROM report_conflict") == [0]
    assert post.counted("conflict") == 0
    await scene.execute("UPDATE message SET state = 'sent', provider_id = 'm0'")
    await let_parked_be_due(scene)
    await post.apply()
    assert await scene.column("SELECT count(*) FROM report_conflict") == [1]
    assert (post.counted("conflict"), await parked(scene)) == (1, [])


async def test_early_finals_of_one_flush_that_contradict_are_both_kept(store: Store, post: Post) -> None:
    """Two finals of an unknown id that come in one flush are no conflict yet."""
    scene = await make_campaign(store, 1)
    await post.take({"m0": "Delivered"}, {"m0": "Failure"})
    assert await scene.column("SELECT count(*) FROM report_conflict") == [0]
    assert [name for name, *_ in await parked(scene)] == ["m0"] * 2
