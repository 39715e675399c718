"""Who waits for whom: slow answers, used-up limits and long queues of one do not hold the others; and slow limits end."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from penstock.config import RateLimit
from penstock.dispatch.limits import LimitReader
from penstock.dispatch.settle import Settler
from penstock.domain.fairness import Lane
from penstock.domain.ids import AccountId, CampaignId, TenantId
from penstock.domain.outcome import Outcome
from penstock.limits.demand import Demand, Verdict
from penstock.limits.grant import Grant
from penstock.limits.limiter import Limiter
from penstock.limits.model import Ledger
from penstock.limits.scopes import Quotas
from penstock.limits.shares import Shares
from penstock.providers.port import Answered, IsFree, always
from penstock.store.attempts import Attempt
from penstock.store.pool import Store
from penstock.telemetry.metrics import Metrics
from tests.builders import ACCOUNT, OpenBrake, Rig, Scene, accept_all, make_campaign
from tests.contract.benches import SteppedClock

AGE_S = 0.001
"""In stepped time a permit is used at the moment it is given."""


class Twin:
    """Shared windows in memory, on the stepped clock."""

    def __init__(self, clock: SteppedClock, quotas: Quotas) -> None:
        self._clock = clock
        self._ledger = Ledger(quotas.span_us)

    async def acquire(self, demands: Sequence[Demand]) -> Verdict:
        """Ask the model."""
        return self._ledger.acquire(self._clock.at_us, "twin", demands)

    async def aclose(self) -> None:
        """Nothing is open."""


class Stepped:
    """A dispatcher with the real limiter, whose time passes only when it waits."""

    def __init__(self, store: Store, spool: Path, rates: RateLimit, segments: int) -> None:
        self.clock = SteppedClock()
        quotas = Quotas.of(rates, segments, AGE_S)
        self.limiter = Limiter(
            quotas, Twin(self.clock, quotas), Shares(quotas.span_us / 1e6), metrics=Metrics("test"), clock=self.clock,
            permit_age_s=AGE_S,
        )  # fmt: skip
        self.rig = Rig(store, spool, brake=self.limiter, clock=self.clock)
        self.sent: list[tuple[int, int]] = []
        self.rig.script.script.extend([self._accept] * 1000)

    def _accept(self, body: bytes, expected: int) -> Answered:
        self.sent.append((self.clock.at_us, expected))
        return accept_all(body, expected)

    async def run(self, until_sent: int) -> float:
        """Let senders work in turn until so much is sent; the seconds that passed since the first request."""
        while sum(amount for _, amount in self.sent) < until_sent:
            now = self.clock.monotonic()
            self.limiter.shares.see(now, now, 0, [])
            self.clock.at_us += round(await self.rig.dispatcher.run_once() * 1e6)
        return (self.clock.at_us - self.sent[0][0]) / 1e6


async def test_a_rate_below_one_batch(store: Store, tmp_path: Path) -> None:
    """500 recipients at three segments a second: batches are cut to what is granted, and all are sent in 167 s."""
    scene = await make_campaign(store, 500)
    stepped = Stepped(store, tmp_path, RateLimit(), 3)
    took_s = await stepped.run(500)
    assert await scene.states() == {"sent": 500}
    assert 167 * 0.98 <= took_s <= 167 * 1.02
    assert max(stepped.rig.script.sizes) <= 3


async def test_a_changed_limit_holds_at_once(store: Store, tmp_path: Path) -> None:
    """The account's limits are read from the database while sending goes on: raised, lowered, nothing lost or repeated."""
    scene = await make_campaign(store, 400)
    stepped = Stepped(store, tmp_path, RateLimit(), 10)
    reader = LimitReader(store, stepped.limiter)
    await stepped.run(50)
    await scene.execute("UPDATE account SET segments_per_s = 100")
    await reader.run_once()
    changed_us = stepped.clock.at_us
    await stepped.run(300)
    assert stepped.clock.at_us - changed_us < 4_000_000
    await scene.execute("UPDATE account SET segments_per_s = 5")
    await reader.run_once()
    changed_us, left = stepped.clock.at_us, 400 - sum(amount for _, amount in stepped.sent)
    await stepped.run(400)
    assert stepped.clock.at_us - changed_us >= left / 5 * 1_000_000
    late = [amount for at, amount in stepped.sent if at > changed_us + 1_100_000]
    assert max(late) <= 5
    assert await scene.states() == {"sent": 400}
    assert len(set(stepped.rig.script.destinations)) == len(stepped.rig.script.destinations) == 400


def first_number(body: bytes) -> int:
    """To whom the first message of a request goes."""
    return int(json.loads(body)["messages"][0]["destination"])


async def test_slow_answers_to_one_tenant_hold_no_other(store: Store, tmp_path: Path) -> None:
    """While the provider sits on all requests that a tenant may have on their way, another tenant's campaign goes out."""
    slow, fast = await make_campaign(store, 100, chunk=5), None
    is_slow, go_on, is_sent = asyncio.Semaphore(0), asyncio.Event(), asyncio.Event()

    class SlowProvider:
        async def send_bulk(self, body: bytes, expected: int, is_free: IsFree = always) -> Answered:
            assert await is_free()
            if first_number(body) % 1_000_000 >= 500_000:
                is_sent.set()
            else:
                is_slow.release()
                await go_on.wait()
            return accept_all(body, expected)

    rig, halt = Rig(store, tmp_path, SlowProvider(), in_flight=2, lanes_age_s=0.01), asyncio.Event()
    rig.dispatcher._poll_s = 0.01
    async with asyncio.TaskGroup() as group:
        group.create_task(rig.dispatcher.run(halt))
        for _ in range(2):
            await is_slow.acquire()
        fast = await make_campaign(store, 5, first=500_000, tenant="other")
        async with asyncio.timeout(20):
            await is_sent.wait()
        assert is_slow.locked()
        halt.set()
        go_on.set()
    assert await fast.states() == {"sent": 5}
    assert (await slow.states())["sent"] == 10


async def test_a_used_up_account_holds_no_other(store: Store, tmp_path: Path) -> None:
    """Where many lanes of one account are refused, a lane of another account is served after one refusal, not after all."""
    used_up = AccountId("used-up")
    for i in range(10):
        await make_campaign(store, 5, first=10 * i, tenant=f"t{i}", account_id=used_up)
    free = await make_campaign(store, 5, first=1000, tenant="free")

    class OneSided(OpenBrake):
        refusals = 0

        async def acquire(self, account_id: AccountId, tenant_id: TenantId, **how: Any) -> Grant:
            if account_id == used_up:
                self.refusals += 1
                return Grant(0, 30.0, "segments")
            return await super().acquire(account_id, tenant_id, **how)

    brake = OneSided()
    rig = Rig(store, tmp_path, brake=brake)
    while (await free.states()).get("queued"):
        await rig.dispatcher.run_once()
    assert brake.refusals <= 1


async def test_ten_equal_tenants_get_equal_parts(store: Store, tmp_path: Path) -> None:
    """Half-way through, with one limit over all, Jain's index over what ten tenants sent is at least 0.95."""
    scenes: list[Scene] = [await make_campaign(store, 400, chunk=20, first=1000 * i, tenant=f"t{i}") for i in range(10)]
    stepped = Stepped(store, tmp_path, RateLimit(tenant_max=1000, traffic_account_max=1000, global_max=1000), 60)
    await stepped.run(2000)
    sent = Counter({scene.tenant_id: (await scene.states()).get("sent", 0) for scene in scenes})
    assert sum(sent.values()) == sum(amount for _, amount in stepped.sent)
    assert sum(sent.values()) ** 2 / (10 * sum(n * n for n in sent.values())) >= 0.95


async def test_campaigns_leave_room_for_single_messages(store: Store, tmp_path: Path) -> None:
    """Where single messages are sent, a saturated limit still has a twentieth for them; where not, campaigns use it all."""
    scene = await make_campaign(store, 400)
    stepped = Stepped(store, tmp_path, RateLimit(), 100)
    reader = LimitReader(store, stepped.limiter)
    await stepped.run(100)
    assert (await stepped.limiter.acquire(ACCOUNT, scene.tenant_id, want=1, is_urgent=True)).granted == 0
    await scene.execute("UPDATE campaign SET is_rolling = true WHERE campaign_id <> $1", scene.campaign_id)
    rolling = await make_campaign(store, 1, first=1000)
    await rolling.execute("UPDATE campaign SET is_rolling = true WHERE campaign_id = $1", rolling.campaign_id)
    await rolling.execute("UPDATE batch SET state = 'settled' WHERE campaign_id = $1", rolling.campaign_id)
    await reader.run_once()
    await stepped.run(290)
    assert (await stepped.limiter.acquire(ACCOUNT, scene.tenant_id, want=5)).granted == 0
    assert (await stepped.limiter.acquire(ACCOUNT, scene.tenant_id, want=5, is_urgent=True)).granted == 5


async def test_a_refused_single_message_is_not_forgotten(store: Store, tmp_path: Path) -> None:
    """Whoever was refused may turn to a campaign; another sender wakes meanwhile and waits until the refusal ends."""
    chooser = Rig(store, tmp_path, lanes_age_s=60).chooser
    chooser._read_at = float("inf")
    chooser.announce(Lane(TenantId(1), CampaignId(UUID(int=1)), ACCOUNT, 1, is_rolling=True))
    lane = await chooser.next_lane()
    assert lane is not None
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(chooser.idle.wait(60, is_urgent_only=False))
        await asyncio.sleep(0)
        chooser.refuse(lane, "segments", 0.25)
        chooser.release(lane, lane.segments)
        chooser.done(lane)
    assert 0 < chooser.pause_s(60) <= 0.25


async def test_what_else_is_due_wakes_another_sender(store: Store, tmp_path: Path) -> None:
    """One reading may find single messages of several tenants, and whoever takes the first is away for a while."""
    chooser = Rig(store, tmp_path, lanes_age_s=60).chooser
    chooser._read_at = float("inf")
    lanes = [Lane(TenantId(n), CampaignId(UUID(int=n)), ACCOUNT, 1, is_rolling=True) for n in (1, 2)]
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(chooser.idle.wait(60, is_urgent_only=False))
        await asyncio.sleep(0)
        chooser._urgent.offer(lanes)
        assert await chooser.next_lane() == lanes[0]
    assert await chooser.next_lane() == lanes[1]


class HeldSettler(Settler):
    """Records nothing before it is told to."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.begun, self.go_on = asyncio.Semaphore(0), asyncio.Event()

    async def settle(self, attempt: Attempt, outcome: Outcome) -> None:
        """Wait, then record."""
        self.begun.release()
        await self.go_on.wait()
        await super().settle(attempt, outcome)


async def test_the_next_batch_leaves_while_the_last_is_recorded(store: Store, tmp_path: Path) -> None:
    """An accepted batch takes no room any more: with one in flight, a spare sender is on its way before it is recorded."""
    scene = await make_campaign(store, 10, chunk=5)
    rig = Rig(store, tmp_path, settler=HeldSettler, in_flight=1)
    settler = rig.dispatcher._parts.settler
    assert isinstance(settler, HeldSettler)
    rig.says(accept_all, accept_all)
    async with asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(rig.dispatcher.run_once())
            await settler.begun.acquire()
        assert await scene.states() == {"queued": 10}
        settler.go_on.set()
    assert await scene.states() == {"sent": 10}


async def test_nobody_goes_before_a_refusal_is_recorded(store: Store, tmp_path: Path) -> None:
    """An answer that may hold up the account keeps its room until the account's state says so."""
    scene = await make_campaign(store, 10, chunk=5)
    rig = Rig(store, tmp_path, settler=HeldSettler, in_flight=1)
    settler = rig.dispatcher._parts.settler
    assert isinstance(settler, HeldSettler)
    rig.says(Answered(429, "60", b""), accept_all)
    async with asyncio.TaskGroup() as group:
        group.create_task(rig.dispatcher.run_once())
        await settler.begun.acquire()
        assert await rig.dispatcher.run_once() > 0
        settler.go_on.set()
    assert await rig.dispatcher.run_once() > 0
    assert await scene.states() == {"queued": 10}
