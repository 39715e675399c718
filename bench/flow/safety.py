"""What it costs to lose nothing: the gateway as it is beside one without its safeguards, and each of them left out alone.

    python bench/flow/safety.py [--each]

The safeguards are the failpoints, the answer's file on disk before it is settled, and the samples that prove the order of
answers; beside them each message's id in its request, as `reference`, which in real mode is off until it is set. The last
two are settings; the first two can be left out nowhere but here (bench/careless.py). Each run is one campaign through a gateway
of its own, as in `flow/send`.
"""

import argparse
import asyncio
import sys
from functools import partial
from pathlib import Path

import asyncpg
import msgspec
import uvloop

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench import audience, rig, sheet, usage
from bench.machine import IS_TINY
from bench.sheet import Goal, Line
from bench.turns import ROUNDS, Figures, line, take_turns
from penstock.config import Sms
from penstock.store import campaigns

MESSAGES = 20_000 if IS_TINY else 300_000
NEIGHBOUR = "without all of them"
WHY = "more to read for a provider on the same cores, in smaller batches; off in real mode until it is set"
SOON = {"PENSTOCK_LOOK_UP__AFTER": "100ms"}
"""Otherwise a run would be over before the first sample is looked up."""


class Kind(msgspec.Struct, frozen=True):
    """A gateway as it is in real mode, but for this."""

    without: tuple[str, ...] = ()
    """Parts of the program."""
    has_samples: bool = True
    has_references: bool = False

    @property
    def program(self) -> tuple[str, ...]:
        """What is started."""
        return ("bench.careless", *self.without) if self.without else rig.SERVE

    @property
    def settings(self) -> dict[str, str]:
        """By name."""
        samples = SOON if self.has_samples else {"PENSTOCK_LOOK_UP__PER_S": "0"}
        return {"PENSTOCK_MITTO__REFERENCE": str(int(self.has_references)), **samples}

    @property
    def chunk_bytes(self) -> int:
        """How large uploads make the batches: with references there must be room for them."""
        return Sms().batch_max_bytes * (2 if self.has_references else 3) // 3


KINDS = {"whole": Kind(), "bare": Kind(("failpoints", "spool"), has_samples=False), "references": Kind(has_references=True)}
ALONE = {
    "failpoints": Kind(("failpoints",)), "answers on disk": Kind(("spool",)), "order samples": Kind(has_samples=False),
}  # fmt: skip


async def measure(servers: rig.Rig, provider: str, messages: int, kind: Kind) -> Figures:
    """One campaign through a gateway of this kind."""
    async with rig.database(servers) as dsn:
        owner = await audience.prepare(dsn)
        campaign_id = await audience.store_campaign(dsn, owner.tenant_id, messages, chunk_bytes=kind.chunk_bytes)
        async with rig.gateway(servers, dsn, provider, program=kind.program, **kind.settings) as gateway:
            connection = await asyncpg.connect(dsn)
            try:
                before = usage.cpu_s(gateway.pid)
                await campaigns.start_campaign(connection, owner.tenant_id, campaign_id)
                await rig.wait_for(connection, rig.IS_SENT)
                cpu_s = usage.cpu_s(gateway.pid) - before
                counts = await campaigns.get_counts(connection, owner.tenant_id, campaign_id)
                assert counts.get("sent") == messages, counts
                return {
                    "msgs_per_s": messages / await connection.fetchval(rig.TOOK),
                    "cpu_s_per_million": cpu_s / messages * 1e6,
                }
            finally:
                await connection.close()


async def run(options: argparse.Namespace) -> list[Line]:
    """All kinds in turn."""
    kinds = KINDS | (ALONE if options.each else {})
    with rig.servers() as servers, rig.simulator() as provider:
        ways = {name: partial(measure, servers, provider, options.messages, kind) for name, kind in kinds.items()}
        turns = await take_turns(ways, options.rounds)
    goals, rate, cpu = (
        [Goal(at_least=0.95, gate=0.2)],
        ("msg/s", turns, "msgs_per_s"),
        ("s/million", turns, "cpu_s_per_million"),
    )
    return [
        line("send with every safeguard", *rate, ours="whole", theirs="bare", neighbour=NEIGHBOUR, goals=goals),
        line("  processor of the gateway", *cpu, ours="whole", theirs="bare", neighbour=NEIGHBOUR),
        line("send with references, too", *rate, ours="references", theirs="bare", neighbour=NEIGHBOUR, goals=goals, why=WHY),
        line("  processor of the gateway", *cpu, ours="references", theirs="bare", neighbour=NEIGHBOUR),
        *(
            line("send with every safeguard", *rate, ours="whole", theirs=name, neighbour=f"without {name}")
            for name in ALONE
            if options.each
        ),
    ]


def main() -> None:
    """Measure and leave a sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=MESSAGES)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--each", action="store_true", help="also leave out each safeguard alone")
    given = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        lines = runner.run(run(given))
    sheet.write("flow/safety", lines, notes=[f"{given.messages:,} messages a run", f"{given.rounds} pairs"])


if __name__ == "__main__":
    main()
