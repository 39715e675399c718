"""Single messages through every kind of trouble at once, held against an independent checker."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from penstock.dispatch.bounds import BatchBounds
from penstock.domain.single import Placed
from penstock.ingest.canceling import cancel_message
from penstock.providers.port import Answered, Disconnected, Unsent
from penstock.store import opt_outs
from penstock.store.pool import Store
from tests.builders import OpenBrake, Rig, Scene, answer_of, number, refusal
from tests.e2e.checker import Wire, check
from tests.e2e.evidence import Database
from tests.singles import place, single, tenant_of

STEPS = 80
BROKEN = [refusal(413), refusal(422), refusal(429), refusal(503), Unsent("dns"), Disconnected("reset")]


class Trouble:
    """A tenant, a provider in a bad mood, and what was promised and accepted."""

    def __init__(self, store: Store, spool: Path, seed: int) -> None:
        self.store = store
        self.random = random.Random(seed)  # noqa: S311 - a seeded test
        self.rigs = [
            Rig(store, spool, brake=OpenBrake(self.random.randint(2, 30)), bounds=BatchBounds(self.random.randint(2, 20), 3000))
            for _ in range(2)
        ]
        self.placed: list[Placed] = []
        self.promised: set[int] = set()
        self.accepted: list[tuple[str, int]] = []

    def accept(self, body: bytes, _: int) -> Answered:
        """Take all but a few."""
        items: list[Any] = []
        for sent in json.loads(body)["messages"]:
            if self.random.random() < 0.05:
                items.append({"error": "bad number"})
            else:
                self.accepted.append((f"id-{len(self.accepted)}", int(sent["destination"])))
                items.append({"messageId": self.accepted[-1][0]})
        return answer_of(items)

    async def step(self) -> None:
        """One thing that may happen."""
        match self.random.choice(["place", "place", "send", "send", "break", "cancel", "opt out", "release"]):
            case "place":
                first = len(self.promised)
                group = [single(first + i, f"Code {i}") for i in range(self.random.randint(1, 6))]
                self.placed += [one for one in await place(self.store, *group) if isinstance(one, Placed)]
                self.promised |= {message.number for message in group}
            case "send" | "break" as how:
                rig = self.random.choice(self.rigs)
                rig.script.script.clear()
                rig.says(self.accept if how == "send" else self.random.choice(BROKEN))
                await rig.dispatcher.run_once()
            case "cancel" if self.placed:
                message = self.random.choice(self.placed)
                tenant_id = await tenant_of(self.store)
                async with self.store.tenant(tenant_id) as connection, connection.transaction():
                    await cancel_message(connection, tenant_id, message.campaign_id, message.seq)
            case "opt out" if self.promised:
                async with self.store.engine() as connection:
                    numbers = [number(self.random.randrange(len(self.promised)))]
                    await opt_outs.add_opt_outs(connection, await tenant_of(self.store), numbers, "test")
            case "release":
                await self.release()

    async def release(self) -> None:
        """Let every wait be over."""
        async with self.store.engine() as connection:
            await connection.execute("UPDATE account SET held_until = NULL, backoff_step = 0")
            await connection.execute("UPDATE batch SET due_at = now()")

    async def finish(self) -> None:
        """Everything that may still be sent is sent."""
        await self.release()
        rig = self.rigs[0]
        rig.script.script.clear()
        rig.says(*[self.accept] * 500)
        await rig.drain()


@pytest.mark.parametrize("seed", range(8))
async def test_nothing_is_lost_sent_twice_or_miscounted(store: Store, tmp_path: Path, dsn: str, seed: int) -> None:
    """Every message is in one batch, its state is what the provider said, and the books agree, whatever was joined and cut."""
    trouble = Trouble(store, tmp_path, seed)
    for _ in range(STEPS):
        await trouble.step()
    await trouble.finish()
    books = await Database(dsn).books()
    assert len(trouble.accepted) > 5
    assert check(trouble.promised, Wire(trouble.accepted), books) == []
    assert await Scene(store, await tenant_of(store), trouble.placed[0].campaign_id).states()
