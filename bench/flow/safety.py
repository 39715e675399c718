"""What it costs to lose nothing: the gateway as it is beside one without its safeguards, and each of them left out alone.

    python bench/flow/safety.py [--each]

The safeguards are the failpoints, the answer's file on disk before it is settled, the samples that prove the order of answers,
and each message's id in its request, as `reference`. The last two are settings; the first two can be left out nowhere but here
(bench/careless.py). Each run is one campaign through a gateway of its own, as in `flow/send`.
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

from bench import audience, rig, sheet
from bench.machine import IS_TINY
from bench.sheet import Goal, Line
from bench.turns import ROUNDS, Figures, line, take_turns
from penstock.config import Sms
from penstock.store import campaigns

MESSAGES = 20_000 if IS_TINY else 300_000
IS_SENT = "SELECT NOT EXISTS (SELECT FROM batch WHERE state IN ('pending', 'sending'))"
TOOK = "SELECT extract(epoch FROM (SELECT max(closed_at) FROM attempt) - (SELECT min(started_at) FROM campaign))::float8"
WHOLE = "as it is"
BARE = "without all of them"
REFERENCE_OFF = ("PENSTOCK_MITTO__REFERENCE", "0")
SOON = {"PENSTOCK_LOOK_UP__AFTER": "100ms"}
"""Otherwise a run would be over before the first sample is looked up."""


class Without(msgspec.Struct, frozen=True):
    """What is left out."""

    parts: tuple[str, ...] = ()
    """Of the program."""
    settings: tuple[tuple[str, str], ...] = ()
    """Otherwise than they are in mock mode."""

    @property
    def chunk_bytes(self) -> int:
        """How large uploads make the batches: with references there must be room for them."""
        most = Sms().batch_max_bytes
        return most if REFERENCE_OFF in self.settings else most * 2 // 3


FAILPOINTS, SPOOL = Without(("failpoints",)), Without(("spool",))
SAMPLES = Without(settings=(("PENSTOCK_LOOK_UP__PER_S", "0"),))
REFERENCES = Without(settings=(REFERENCE_OFF,))
ALONE = {"failpoints": FAILPOINTS, "answers on disk": SPOOL, "order samples": SAMPLES, "references": REFERENCES}
ALL = Without(FAILPOINTS.parts + SPOOL.parts, SAMPLES.settings + REFERENCES.settings)


async def measure(servers: rig.Rig, provider: str, messages: int, without: Without) -> Figures:
    """One campaign through a gateway that lacks this."""
    settings = {"PENSTOCK_MITTO__REFERENCE": "1"} | SOON | dict(without.settings)
    program = ("bench.careless", *without.parts) if without.parts else rig.SERVE
    async with rig.database(servers) as dsn:
        owner = await audience.prepare(dsn)
        campaign_id = await audience.store_campaign(dsn, owner.tenant_id, messages, chunk_bytes=without.chunk_bytes)
        async with rig.gateway(servers, dsn, provider, program=program, **settings):
            connection = await asyncpg.connect(dsn)
            try:
                await campaigns.start_campaign(connection, owner.tenant_id, campaign_id)
                await rig.wait_for(connection, IS_SENT)
                counts = await campaigns.get_counts(connection, owner.tenant_id, campaign_id)
                assert counts.get("sent") == messages, counts
                return {"msgs_per_s": messages / await connection.fetchval(TOOK)}
            finally:
                await connection.close()


async def run(options: argparse.Namespace) -> list[Line]:
    """All ways in turn."""
    lacking = {WHOLE: Without(), BARE: ALL} | (ALONE if options.each else {})
    with rig.servers() as servers, rig.simulator() as provider:
        ways = {name: partial(measure, servers, provider, options.messages, without) for name, without in lacking.items()}
        turns = await take_turns(ways, options.rounds)
    goals = {BARE: [Goal(at_least=0.95, gate=0.5)]}
    return [
        line(
            "send with every safeguard", "msg/s", turns, "msgs_per_s",
            ours=WHOLE, theirs=name, neighbour=name if name == BARE else f"without {name}", goals=goals.get(name, []),
        )
        for name in lacking
        if name != WHOLE
    ]  # fmt: skip


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
