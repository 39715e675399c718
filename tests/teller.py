"""A provider that remembers what it was sent and shows it by id: what tests of evidence hold against the books."""

import json
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from penstock.clock import SystemClock
from penstock.domain.look_up import LookUpKind
from penstock.providers.mitto.message import read_message, read_shown
from penstock.providers.port import Answered, Disconnected, IsFree, Reply, always
from penstock.receipts.apply import Applier
from penstock.reconcile.look_up import LookUps
from penstock.reconcile.order import OrderJudge, queue_samples
from penstock.reconcile.silent import judge as judge_silent
from penstock.reconcile.silent import queue_silent
from penstock.reconcile.unknown import EvidenceFinder, Resolver
from penstock.reconcile.witness import Witness
from penstock.simulator import ulid
from penstock.store import message_search, reports
from penstock.store.pool import Store
from tests.builders import Rig, Script, ScriptedProvider

AT_ONCE = timedelta()


class Teller(ScriptedProvider):
    """Accepts whatever it is sent, says what the script says, and shows messages by id."""

    def __init__(self, *script: Script) -> None:
        super().__init__(*script)
        self.messages: dict[str, dict[str, Any]] = {}
        """What a look-up shows, by id; a test may change it."""
        self.refusals: list[Reply] = []
        """What the next look-ups come to instead."""
        self.asked: list[str] = []

    async def send_bulk(self, body: bytes, expected: int, is_free: IsFree = always) -> Reply:
        """Take one request; once the script is over, accept it."""
        if not self.script:
            self.script.append(self.accept)
        return await super().send_bulk(body, expected, is_free)

    def accept(self, body: bytes, _: int) -> Answered:
        """Take every message, and say so."""
        return Answered(200, None, json.dumps({"messages": [{"messageId": one} for one in self._take(body)]}).encode())

    def swallow(self, body: bytes, _: int) -> Disconnected:
        """Take every message, and say nothing."""
        self._take(body)
        return Disconnected("timeout")

    def reverse(self, body: bytes, _: int) -> Answered:
        """Take every message, and answer from the end."""
        return Answered(200, None, json.dumps({"messages": [{"messageId": one} for one in self._take(body)[::-1]]}).encode())

    def _take(self, body: bytes) -> list[str]:
        prefix = ulid.make_prefix(SystemClock().now().timestamp(), len(self.messages) + 1)
        asked = json.loads(body)["messages"]
        ids = [prefix + suffix for suffix in ulid.suffixes(len(asked))[: len(asked)]]
        for provider_id, message in zip(ids, asked, strict=True):
            self.messages[provider_id] = {
                "messageId": provider_id,
                "deliveryStatus": "Sent",
                "requestInfo": {"sms": message["sms"]},
                "conversation": {"participants": [{"messagingAppIdentifier": message["destination"]}]},
                "reference": message.get("reference"),
            }
        return ids

    async def get_message(self, provider_id: str) -> Reply:
        """Show one."""
        self.asked.append(provider_id)
        if self.refusals:
            return self.refusals.pop(0)
        shown = self.messages.get(provider_id)
        return Answered(404, None, b"") if shown is None else Answered(200, None, json.dumps(shown).encode())


class StepClock(SystemClock):
    """The machine's clock, with seconds that a test adds."""

    def __init__(self) -> None:
        self.added_s = 0.0

    def monotonic(self) -> float:
        """Seconds for durations."""
        return super().monotonic() + self.added_s


class Inquiry:
    """A dispatcher before a teller, and everything that asks it afterwards."""

    def __init__(self, store: Store, spool: Path, *, per_s: int = 1000) -> None:
        self.store = store
        self.teller = Teller()
        self.rig = Rig(store, spool, self.teller)
        self.metrics = self.rig.metrics
        self.clock = StepClock()
        self.finder = EvidenceFinder(store, AT_ONCE)
        judges = {
            LookUpKind.UNKNOWN: Resolver(self.metrics).judge,
            LookUpKind.ORDER: OrderJudge(self.metrics).judge,
            LookUpKind.SILENT: judge_silent,
        }
        self.look_ups = LookUps(store, self.teller, read_message, judges, clock=self.clock, metrics=self.metrics, per_s=per_s)
        witness = Witness(store, read_shown, OrderJudge(self.metrics), self.clock)
        self.applier = Applier(store, self.metrics, hear=witness.hear, poll_s=60, flush_reports=5000)

    def says(self, *script: Script) -> None:
        """How the next sends end, one a request; afterwards every one is accepted."""
        self.teller.script.extend(script)

    async def send(self) -> None:
        """Send what is due, and make the numbers findable."""
        await self.rig.drain()
        async with self.store.engine() as connection:
            chunks = await message_search.choose_unindexed(connection, 1_000_000)
            await message_search.index_numbers(connection, chunks)
            await message_search.mark_indexed(connection, chunks)

    async def report(self, status: str, *provider_ids: str) -> None:
        """Let reports come in and be applied, or parked since long."""
        await self.take({"messageId": one, "deliveryStatus": status} for one in provider_ids)

    async def take(self, shown: Iterable[dict[str, Any]]) -> None:
        """Let these objects come in as reports, a second after the last ones, and be applied, or parked since long."""
        self.clock.added_s += 1
        lines = [json.dumps(one) + "\n" for one in shown]
        async with self.store.engine() as connection:
            await reports.insert_page(connection, len(lines), "".join(lines).encode())
            await self.apply()
            await connection.execute("UPDATE parked_report SET received_at = received_at - interval '1 minute'")

    async def apply(self) -> None:
        """Apply every report that came and is due."""
        while await self.applier.run_once():
            pass

    async def ask(self) -> None:
        """Find evidence and put every question that is due; a second has passed since the last ones."""
        await self.finder.find()
        self.clock.added_s += 1
        await self.look_ups.ask()

    async def sample(self, *chances: float) -> None:
        """Choose samples by these numbers, and look them up."""
        given = iter(chances)
        await queue_samples(self.store, lambda: next(given), AT_ONCE)
        await self.ask()

    async def ask_about_silence(self) -> None:
        """Look up what was silent."""
        await queue_silent(self.store, AT_ONCE)
        await self.ask()

    async def results(self) -> dict[str, str | None]:
        """How the questions about each id ended; None: they are still put."""
        async with self.store.engine() as connection:
            rows = await connection.fetch("SELECT provider_id, result FROM look_up")
        return {row["provider_id"]: row["result"] for row in rows}

    async def make_due(self) -> None:
        """Let every question's time come."""
        async with self.store.engine() as connection:
            await connection.execute("UPDATE look_up SET due_at = now() WHERE due_at IS NOT NULL")
