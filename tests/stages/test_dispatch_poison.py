"""One batch, one answer or one claim that is bad by itself: it is dealt with, and everything else flows."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from penstock import _core
from penstock.clock import SystemClock
from penstock.dispatch.departure import SEND_WITHIN_S
from penstock.dispatch.marks import Marks
from penstock.providers.port import Answered, Unsent
from penstock.reconcile.attempts import give_up_lapsed_attempts
from penstock.reconcile.findings import Findings
from penstock.store.pool import Connection, Store
from penstock.telemetry.metrics import Metrics
from tests.builders import BrokenStore, Rig, accept_all, make_campaign, refusal, spoil
from tests.singles import place_all, single

BATCHES = "SELECT state::text FROM batch ORDER BY first_seq, batch_id"


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """The spool's folder."""
    return tmp_path / "spool"


@pytest.fixture
def rig(store: Store, spool: Path) -> Rig:
    """A dispatcher whose provider says what it is told."""
    return Rig(store, spool)


async def test_whatever_fails_in_a_claim_is_that_batchs_failure(store: Store, rig: Rig) -> None:
    """An error that nobody foresaw, here of the database for one row, stops this batch and no other."""
    scene = await make_campaign(store, 20, chunk=10)
    await scene.execute("ALTER TABLE attempt ADD CONSTRAINT unforeseen CHECK (first_seq <> 0)")
    for _ in range(8):
        await rig.drain()
        await scene.release_account()
    assert await scene.column(BATCHES) == ["dead", "settled"]
    assert await scene.states() == {"queued": 10, "sent": 10}
    assert await scene.column("SELECT failure FROM batch WHERE state = 'dead'") == ["CheckViolationError"]


async def test_a_failed_batch_is_tried_again_soon_and_then_later(store: Store, rig: Rig) -> None:
    """The waits grow from seconds to a minute: of messages that were to go together the first is blamed for the others."""
    scene = await make_campaign(store, 10)
    await spoil(scene)
    waits: list[Any] = []
    for _ in range(7):
        assert await rig.dispatcher.run_once() == 0
        waits += await scene.column("SELECT extract(epoch FROM due_at - failed_at)::float8 FROM batch")
        await scene.release_account()
    assert waits == [5, 20, 60, 60, 60, 60, 60]


async def suffixes(spool: Path) -> list[str]:
    """Of the files in the spool."""
    return await asyncio.to_thread(lambda: [path.suffix for path in spool.iterdir()])


class LateClock(SystemClock):
    """A clock that can be set forward."""

    ahead_s = 0.0

    def monotonic(self) -> float:
        """Seconds."""
        return super().monotonic() + self.ahead_s


class SlowStore(BrokenStore):
    """A store after whose transactions something happens before their caller goes on."""

    meanwhile: Callable[[], Awaitable[None]]

    @asynccontextmanager
    async def _break(self, whole: AbstractAsyncContextManager[Connection]) -> AsyncIterator[Connection]:
        async with whole as connection:
            yield connection
        await self.meanwhile()


@pytest.mark.parametrize("is_given_up", [False, True])
async def test_an_old_claim_is_not_sent(store: Store, spool: Path, *, is_given_up: bool) -> None:
    """A process that slept after its claim sends nothing on the strength of it: the batch goes back, given up or not."""
    scene = await make_campaign(store, 5)
    slow, clock = SlowStore.of(store), LateClock()

    async def sleep() -> None:
        clock.ahead_s += SEND_WITHIN_S
        if is_given_up:
            await scene.execute("UPDATE attempt SET lease_until = now() - interval '1 second'")
            await give_up_lapsed_attempts(store, Findings(Metrics("test")))
            assert await scene.states() == {"unknown": 5}

    slow.meanwhile = sleep
    rig = Rig(store, spool, claims_from=slow, clock=clock)
    assert await rig.dispatcher.run_once() == 0
    assert rig.script.bodies == []
    assert await scene.states() == {"queued": 5}
    assert await scene.column("SELECT detail FROM attempt") == ["claim_too_old"]
    await scene.release_account()
    await Rig(store, spool).drain()
    assert await scene.states() == {"sent": 5}


async def test_a_batch_that_ends_its_process_dies_of_it(store: Store, rig: Rig, spool: Path) -> None:
    """Each new start counts a failure of what was being made into a request; after eight it is dead, and the rest is sent."""
    scene = await make_campaign(store, 20, chunk=10)
    (first, _) = await scene.column("SELECT batch_id FROM batch ORDER BY first_seq")
    for _ in range(8):
        (spool / f"{first}.at-work").touch()  # what a process leaves that has no time to tidy up
        await Rig(store, spool).dispatcher.blame_marked()
        assert await suffixes(spool) == []
    await rig.drain()
    assert await scene.column(BATCHES) == ["dead", "settled"]
    assert await scene.states() == {"queued": 10, "sent": 10}
    assert await scene.column("SELECT failure FROM batch WHERE state = 'dead'") == ["process_ended"]


async def test_a_batch_whose_process_was_killed_is_sent_at_once(store: Store, rig: Rig, spool: Path) -> None:
    """It costs one of its tries, and no time."""
    scene = await make_campaign(store, 10)
    (batch,) = await scene.column("SELECT batch_id FROM batch")
    (spool / f"{batch}.at-work").touch()
    await rig.dispatcher.blame_marked()
    await rig.drain()
    assert await scene.states() == {"sent": 10}
    assert await scene.column("SELECT attempts FROM batch") == [1]


async def test_a_batch_at_work_is_marked_and_not_blamed(
    store: Store, rig: Rig, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While its request is made the mark is there; a process that starts meanwhile waits for the claim and blames nobody."""
    scene, real = await make_campaign(store, 10), _core.encode_batch
    loop = asyncio.get_running_loop()
    blaming: list[asyncio.Task[None]] = []

    async def start_another() -> None:
        assert await suffixes(spool) == [".at-work"]
        blaming.append(loop.create_task(Rig(store, spool).dispatcher.blame_marked()))
        while not await scene.fetch("SELECT FROM pg_locks WHERE NOT granted"):
            pass

    def encode(*given: Any, **named: Any) -> _core.EncodedBatch:
        asyncio.run_coroutine_threadsafe(start_another(), loop).result()
        return real(*given, **named)

    monkeypatch.setattr(_core, "encode_batch", encode)
    await rig.drain()
    await blaming[0]
    assert await suffixes(spool) == []
    assert await scene.states() == {"sent": 10}
    assert await scene.column("SELECT attempts FROM batch") == [0]


@pytest.mark.parametrize("name", ["x.at-work", "².at-work", "-1.at-work", "1.at-work.partial"])
async def test_a_file_that_is_no_mark_blames_nobody(spool: Path, rig: Rig, name: str) -> None:
    """Other files of the folder are left alone."""
    (spool / name).touch()
    await rig.dispatcher.blame_marked()
    assert (spool / name).exists()


async def test_a_disk_that_takes_no_mark_stops_nothing(store: Store, spool: Path, rig: Rig) -> None:
    """The mark is a net: without it the batch is sent all the same."""
    scene = await make_campaign(store, 10)
    rig.claimer.marks = Marks(spool / "nowhere")
    await rig.drain()
    assert await scene.states() == {"sent": 10}


def unjudgeable(_: bytes, __: int) -> Answered:
    """An answer at which the judge itself fails."""
    return Answered("200", None, b"")  # type: ignore[arg-type]


async def test_an_answer_that_cannot_be_judged_is_no_answer(store: Store, rig: Rig, spool: Path) -> None:
    """The attempt becomes unknown, the answer is kept for people, and neither this process nor the next one stops at it."""
    scene = await make_campaign(store, 20, chunk=10)
    rig.says(unjudgeable, accept_all)
    await rig.drain()
    await scene.release_account()
    await rig.drain()
    assert await scene.states() == {"unknown": 10, "sent": 10}
    assert await scene.column("SELECT detail FROM attempt WHERE state = 'unknown'") == ["answer_not_recordable"]
    assert await suffixes(spool) == [".set-aside"]
    await Rig(store, spool).dispatcher.recorder.replay_spool()


async def test_an_answer_that_cannot_be_stored_is_no_answer(store: Store, rig: Rig, spool: Path) -> None:
    """The same for one that the database refuses, also when it is found in the spool at a new start."""
    scene = await make_campaign(store, 10)
    await scene.execute("ALTER TABLE message ADD CONSTRAINT unforeseen CHECK (state <> 'sent')")
    await rig.drain()
    assert await scene.states() == {"unknown": 10}
    assert await suffixes(spool) == [".set-aside"]


async def test_batches_that_go_back_are_counted(store: Store, rig: Rig) -> None:
    """Each failure of a batch's own and each return to the queue is one more retry."""
    scene = await make_campaign(store, 20, chunk=10)
    await spoil(scene)
    rig.says(Answered(429, None, b"{}"), accept_all)
    for _ in range(2):
        await rig.drain()
        await scene.release_account()
    assert rig.metrics.registry.get_sample_value("retry_attempts_total") == 3


async def test_a_spoiled_single_message_holds_up_no_other(store: Store, rig: Rig) -> None:
    """Of messages that wait together one is damaged: within its tries it dies alone, and all others are sent once."""
    scene = await place_all(store, [[single(i)] for i in range(6)])
    await scene.execute("UPDATE chunk SET payload = set_byte(payload, 20, get_byte(payload, 20) # 1) WHERE chunk_no = 3")
    for _ in range(16):
        await rig.drain()
        await scene.release_account()
    assert await scene.states() == {"queued": 1, "sent": 5}
    assert await scene.column("SELECT chunk_no FROM batch WHERE state = 'dead'") == [3]
    assert len(set(rig.script.destinations)) == len(rig.script.destinations) == 5


OUTAGES = {
    "not reachable": Unsent("connect"), "throttled": refusal(429), "wrong key": refusal(401),
    "account closed": refusal(400, b'{"title": "trafficAccountId"}'),
}  # fmt: skip


@pytest.mark.parametrize("kind", OUTAGES)
async def test_an_outage_of_any_length_ends_with_everything_sent(store: Store, rig: Rig, kind: str) -> None:
    """Hundreds of failed calls count against no batch; when the provider is back, each message goes out once."""
    scene = await make_campaign(store, 30, chunk=10)
    rig.says(*[OUTAGES[kind]] * 300)
    for _ in range(300):
        assert await rig.dispatcher.run_once() == 0
        await scene.release_account()
    assert await scene.states() == {"queued": 30}
    assert await scene.column("SELECT max(attempts) FROM batch") == [0]
    tried = len(rig.script.bodies)
    await rig.drain()
    assert (tried, await scene.states()) == (300, {"sent": 30})
    assert len(set(rig.script.destinations[-30:])) == 30
    assert await scene.column("SELECT backoff_step FROM account") == [0]
