"""Several processes that send as fast as they may, on a stepped clock: rows that change late, a Redis that comes and goes."""

from random import Random

from penstock.limits.demand import Demand
from penstock.limits.model import Ledger
from penstock.limits.quota import Quota
from penstock.limits.shares import Peer, Portion, Shares

WINDOW_US = 1_000_000
TICK_S = 0.02
AWAY_AFTER_S = 0.25
PROBE_S = 0.5
TTL_S = 5.0


class World:
    """What the processes share: the time, the table of rows, Redis, and a record of every grant."""

    def __init__(self, seed: int, limit: int) -> None:
        self.chance = Random(seed)  # noqa: S311 - repeatable
        self.limit = limit
        self.quota = Quota.per(limit, WINDOW_US)
        self.now = 0.0
        self.table: dict[str, tuple[int, float]] = {}
        self.redis = Ledger(self.quota.span_us)
        self.is_redis_up = True
        self.grants: list[tuple[int, int]] = []

    @property
    def now_us(self) -> int:
        """The time of the world."""
        return round(self.now * 1_000_000)

    def note(self, amount: int) -> None:
        """So much was sent just now."""
        if amount:
            self.grants.append((self.now_us, amount))


class Sender:
    """One process: beats with every delay that may be, notices Redis late, and takes all it may at every tick."""

    def __init__(self, world: World, worker: str) -> None:
        self.world = world
        self.worker = worker
        self.shares = Shares(world.quota.span_us / 1e6)
        self.asleep_until = 0.0
        self.is_cut_off = False
        self._offset = world.chance.uniform(-1000, 1000)
        self._ledger = Ledger(world.quota.span_us)
        self._failing_since: float | None = None
        self._probe_at = 0.0
        self._steps: list[tuple[float, str]] = []
        self._began = 0.0
        self._written = 0
        self._read: list[Peer] = []
        self._next_beat = world.now

    @property
    def now(self) -> float:
        """Its own clock."""
        return self.world.now + self._offset

    def tick(self) -> None:
        """Do what is due, unless it is stalled."""
        if self.world.now < self.asleep_until:
            return
        self._beat()
        if self._failing_since is None or self.world.now - self._failing_since < AWAY_AFTER_S:
            self._send()
        elif self._has_redis() and self.world.now >= self._probe_at:
            self._failing_since = None
            self.shares.regain(self.now)
            self._send()
        else:
            self._send()
        if self.shares.is_changing and not self._steps:
            self._next_beat = min(self._next_beat, self.world.now + 0.25)

    def _has_redis(self) -> bool:
        return self.world.is_redis_up and not self.is_cut_off

    def _send(self) -> None:
        portion = self.shares.portion(self.now)
        if portion is None or portion.parts:
            self._send_alone(portion)
        elif self._has_redis():
            self._failing_since = None
            self.world.note(self._take(self.world.redis, self.world.now_us, portion))
        elif self._failing_since is None:
            self._failing_since = self.world.now
        elif self.world.now - self._failing_since >= AWAY_AFTER_S:
            self.shares.lose()
            self._ledger = Ledger(self.world.quota.span_us)
            self._ledger.acquire(round(self.now * 1e6) + 10**10, self.worker, ())
            self._probe_at = self.world.now + PROBE_S
            self._next_beat = self.world.now

    def _send_alone(self, portion: Portion | None) -> None:
        if portion is not None:
            self.world.note(self._take(self._ledger, round(self.now * 1e6) + 10**10, portion))

    def _take(self, ledger: Ledger, now_us: int, portion: Portion) -> int:
        quota = portion.of(self.world.quota)
        verdict = ledger.acquire(now_us, "same", [Demand("segments", "key", quota, 1, self.world.limit)])
        return sum(verdict.taken)

    def _beat(self) -> None:
        """Begin, write, read and end, each at a moment of its own."""
        world = self.world
        if not self._steps and world.now >= self._next_beat:
            self._began = self.now
            self._written = self.shares.to_announce(self.now)
            at, self._steps = world.now, []
            for step in ("write", "read", "end"):
                at += world.chance.choice([0.0, 0.0, 0.03, 0.3, 0.9 if world.chance.random() < 0.1 else 0.0])
                self._steps.append((at, step))
        while self._steps and world.now >= self._steps[0][0]:
            self._do(self._steps.pop(0)[1])

    def _do(self, step: str) -> None:
        world = self.world
        if step == "write":
            world.table[self.worker] = (self._written, world.now)
        elif step == "read":
            living = [(name, row) for name, row in world.table.items() if world.now - row[1] < max(TTL_S, self.shares.ttl_s)]
            self._read = [Peer(name, parts) for name, (parts, _) in living if name != self.worker]
        else:
            self.shares.see(self._began, self.now, self._written, self._read)
            self._next_beat = world.now + world.chance.choice([1.0, 1.0, 1.0, 4.0 if world.chance.random() < 0.2 else 1.0])


def play(seed: int, limit: int, seconds: float) -> World:
    """Let processes come, stall, lose Redis and die for so long."""
    world = World(seed, limit)
    chance, senders, born = world.chance, [Sender(world, "0")], 1
    while world.now < seconds:
        world.now += TICK_S
        if chance.random() < 0.003:
            world.is_redis_up = not world.is_redis_up
        if len(senders) < 5 and chance.random() < 0.004:
            senders.append(Sender(world, str(born)))
            born += 1
        if chance.random() < 0.001:
            senders.pop(chance.randrange(len(senders))) if len(senders) > 1 else None
        for sender in chance.sample(senders, len(senders)):
            if chance.random() < 0.001:
                sender.is_cut_off = not sender.is_cut_off
            if chance.random() < 0.001:
                sender.asleep_until = world.now + chance.choice([0.3, 2.0, 8.0])
            sender.tick()
    return world
