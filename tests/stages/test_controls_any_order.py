"""Any order of controls, limits, refusals and crashes: each recipient is written to at most once, and the books balance."""

import asyncio
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from penstock.clock import SystemClock
from penstock.dispatch.settle import Settler
from penstock.domain.campaign import CampaignState
from penstock.domain.errors import StateConflictError
from penstock.domain.outcome import Accepted, Outcome
from penstock.ingest import control, retry, steering
from penstock.ingest.steering import Canceled
from penstock.providers.port import Answered, IsFree, Reply, Unsent, always
from penstock.reconcile.attempts import give_up_lapsed_attempts
from penstock.reconcile.canceled import sweep_canceled
from penstock.reconcile.findings import Findings
from penstock.store.attempts import Attempt
from penstock.store.pool import Store
from penstock.telemetry.metrics import Metrics
from tests.builders import (
    OpenBrake,
    Rig,
    Scene,
    accept_all,
    add_chunk,
    answer_of,
    make_draft,
    parse_recipients,
    recipients_csv,
    refusal,
)

RECIPIENTS = 120
STEPS = 40


class Dying(Settler):
    """Dies once with an answer in hand that accepts a whole batch, when it is told to: all of it was written, then."""

    dies = False

    async def settle(self, attempt: Attempt, outcome: Outcome) -> None:
        """Record, or die before."""
        if Dying.dies and isinstance(outcome, Accepted) and not outcome.refused:
            Dying.dies = False
            raise RuntimeError("the process dies here")
        await super().settle(attempt, outcome)


class World:
    """A campaign, a provider with a record of its own, and everything that can happen to them."""

    def __init__(self, scene: Scene, spool: Path, seed: int) -> None:
        self.scene = scene
        self.spool = spool
        self.random = random.Random(seed)  # noqa: S311 - a seed makes a run repeatable
        self.brake = OpenBrake(20)
        self.written: Counter[str] = Counter()
        """Numbers that were, or may have been, accepted."""
        self.canceled: list[tuple[Canceled, int]] = []
        """What cancel said, and how many numbers were written to by then."""
        self.start()

    def start(self) -> None:
        """A fresh process."""
        self.rig = Rig(self.scene.store, self.spool, self, brake=self.brake, settler=Dying)

    async def send_bulk(self, body: bytes, expected: int, is_free: IsFree = always) -> Reply:
        """The provider."""
        assert await is_free()
        numbers = [message["destination"] for message in json.loads(body)["messages"]]
        choice = self.random.random()
        if choice < 0.1:
            return Unsent("dns")
        if choice < 0.2:
            return refusal(self.random.choice([429, 401, 413]))
        await asyncio.sleep(0)
        if choice < 0.3:
            self.written.update(numbers[1:])
            return answer_of([{"error": {"code": 1}}, *({"messageId": f"{id(body)}-{n}"} for n in numbers[1:])])
        self.written.update(numbers)
        if choice < 0.4:
            return refusal(500)
        if choice < 0.45:
            raise RuntimeError("the process dies here")
        Dying.dies = choice < 0.5
        answer: Answered = accept_all(body, expected)
        return answer

    async def send(self) -> None:
        """Three senders at once; a process that dies is replaced, and what it had in hand is settled first."""
        ends = await asyncio.gather(*(self.rig.dispatcher.run_once() for _ in range(3)), return_exceptions=True)
        died = [end for end in ends if isinstance(end, BaseException)]
        assert all("the process dies here" in str(end) for end in died), died
        if died:
            self.start()
            Dying.dies = False
            await self.rig.dispatcher.recorder.replay_spool()

    async def steer(self, action: str) -> None:
        """Pause, resume or cancel, as the API does; a conflict is an answer too."""
        now = SystemClock().now()
        async with self.scene.store.tenant(self.scene.tenant_id) as connection, connection.transaction():
            try:
                match action:
                    case "pause":
                        await steering.pause(connection, *self.scene.key, None)
                    case "resume":
                        await steering.resume(connection, *self.scene.key, now)
                    case "cancel":
                        self.canceled.append((await steering.cancel(connection, *self.scene.key), self.written.total()))
                    case _:
                        await retry.requeue(connection, *self.scene.key)
            except StateConflictError:
                pass

    async def time_passes(self) -> None:
        """Leases and holds are over, and a line is two seconds further."""
        await self.scene.execute("UPDATE attempt SET lease_until = now() - interval '1 second' WHERE state = 'open'")
        await self.scene.execute("UPDATE campaign SET paced_from = paced_from - interval '2 seconds'")
        await self.scene.execute("UPDATE batch SET due_at = due_at - interval '2 seconds' WHERE state = 'pending'")
        await self.scene.execute("UPDATE account SET held_until = now() - interval '1 second', refused_in_a_row = 0")
        await give_up_lapsed_attempts(self.scene.store, Findings(Metrics("test")))

    async def step(self) -> None:
        """One thing happens, or two at once."""
        match self.random.choices(["send", "both", "steer", "limit", "time", "dead", "sweep"], [6, 6, 3, 1, 5, 1, 2])[0]:
            case "send":
                await self.send()
            case "both":
                await asyncio.gather(self.send(), self.steer(self.choose()))
            case "steer":
                await self.steer(self.choose())
            case "limit":
                self.brake.most = self.random.randint(1, 40)
            case "time":
                await self.time_passes()
            case "dead":
                await self.scene.execute("UPDATE batch SET state = 'dead' WHERE state = 'pending' AND batch_id % 3 = 0")
            case "sweep":
                await sweep_canceled(self.scene.store)

    def choose(self) -> str:
        """Mostly pauses and resumes: after a cancel nothing much happens any more."""
        return self.random.choices(["pause", "resume", "cancel", "requeue"], [12, 16, 1, 6])[0]

    async def settle_down(self) -> None:
        """Everything that still can happens: nothing more fails, and nothing stays in the queue."""
        self.send_bulk = self.accept  # type: ignore[method-assign]
        self.start()
        for action in ("resume", "requeue"):
            await self.steer(action)
        for _ in range(60):
            await self.time_passes()
            await self.rig.drain()
        await sweep_canceled(self.scene.store)

    async def accept(self, body: bytes, expected: int, is_free: IsFree = always) -> Reply:
        """A provider in good health."""
        assert await is_free()
        self.written.update(message["destination"] for message in json.loads(body)["messages"])
        return accept_all(body, expected)


async def begin(store: Store, pace_s: int | None) -> Scene:
    """A campaign that has just been told to send."""
    scene = await make_draft(store, pace_s=pace_s)
    async with store.engine() as connection:
        for chunk in parse_recipients(recipients_csv(RECIPIENTS), chunk=25):
            assert await add_chunk(connection, scene, chunk)
    async with store.tenant(scene.tenant_id) as connection, connection.transaction():
        await control.start_sending(connection, *scene.key, None, SystemClock().now())
    return scene


async def live(store: Store, spool: Path, seed: int, steps: int) -> None:
    """One life of a campaign, checked after every step."""
    scene = await begin(store, 60 if seed % 2 else None)
    world = World(scene, spool, seed)
    for _ in range(steps):
        await world.step()
        await scene.states()
        assert max(world.written.values(), default=0) <= 1
    await world.settle_down()
    states = await scene.states()
    assert max(world.written.values(), default=0) <= 1
    assert states.get("queued", 0) == 0
    assert states.get("sent", 0) + states.get("unknown", 0) == world.written.total()
    campaign = await read(scene)
    assert (campaign.state is CampaignState.CANCELED) == bool(world.canceled)
    for said, written in world.canceled:
        check(said, written, world, states)


def check(said: Canceled, written: int, world: World, states: dict[str, int]) -> None:
    """What cancel said was true: everything is accounted for, and no more was written than had left by then."""
    assert said.stopped + said.in_flight + said.sent + said.unknown + said.refused == RECIPIENTS
    assert said.sent + said.unknown <= world.written.total() <= said.sent + said.unknown + said.in_flight
    assert said.stopped <= states.get("canceled", 0) <= said.stopped + said.in_flight
    assert written <= said.sent + said.unknown + said.in_flight


async def read(scene: Scene) -> Any:
    """The campaign as it stands."""
    async with scene.store.engine() as connection:
        return await control.read_campaign(connection, *scene.key)


@pytest.mark.parametrize("seed", range(6))
async def test_any_order_writes_to_each_recipient_once(store: Store, tmp_path: Path, seed: int) -> None:
    """After every step the books balance, and at the end the provider's record and ours agree."""
    await live(store, tmp_path, seed, STEPS)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(100, 160))
async def test_many_more_orders(store: Store, tmp_path: Path, seed: int) -> None:
    """The same for longer lives."""
    await live(store, tmp_path, seed, 5 * STEPS)
