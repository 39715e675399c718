"""What callers notice when Valkey is killed under load: the p99 of single sends in the seconds after it beside those before.

Two gateways send a campaign at their account's limit, so that there is demand in all processes; single messages are posted to
one of them in an open loop. Then Valkey gets SIGKILL and stays away. No request may fail, and none may wait for it.
"""

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import msgspec
import uvloop

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench import audience, open_loop, rig, sheet
from bench.machine import IS_TINY
from bench.open_loop import Shot, Target
from bench.sheet import Goal, Line
from bench.turns import line
from penstock.embedded import EmbeddedValkey
from penstock.store import campaigns
from tests.servers import private_folder

ROUNDS = 1 if IS_TINY else 5
RATE = 50 if IS_TINY else 200
SPAN_S = 1.0 if IS_TINY else 5.0
"""Before the kill, and after it."""
WARM_UP_S = 0.5 if IS_TINY else 2.0
SEGMENTS_PER_S = 2_000
TEXT = "Your code is {i}"


class Around(msgspec.Struct, frozen=True):
    """Both sides of the kill."""

    before: open_loop.Measured
    after: open_loop.Measured


@contextmanager
def mortal_valkey() -> Iterator[EmbeddedValkey]:
    """One that may be killed."""
    with private_folder() as folder:
        valkey = EmbeddedValkey(folder / "valkey")
        with valkey:
            yield valkey


async def measure(servers: rig.Rig, provider: str) -> Around:
    """One kill, on a database, a Valkey and gateways of their own."""
    seconds = WARM_UP_S + 2 * SPAN_S
    with mortal_valkey() as valkey:
        mortal = rig.Rig(servers.postgres, valkey.address)
        async with rig.database(mortal) as dsn:
            owner = await audience.prepare(dsn)
            campaign_id = await audience.store_campaign(dsn, owner.tenant_id, int(SEGMENTS_PER_S * (seconds + 5)))
            limit = {"MITTO_MAX_SEGMENTS_PER_S": str(SEGMENTS_PER_S)}
            async with rig.gateway(mortal, dsn, provider, **limit) as gateway, rig.gateway(mortal, dsn, provider, **limit):
                connection = await asyncpg.connect(dsn)
                try:
                    await campaigns.start_campaign(connection, owner.tenant_id, campaign_id)
                finally:
                    await connection.close()
                shots, killed_at = await asyncio.gather(
                    open_loop.fire(target(gateway, owner.key), RATE, seconds), kill_after(valkey, WARM_UP_S + SPAN_S)
                )
    assert {shot.status for shot in shots} == {"201"}, {shot.status for shot in shots}
    return Around(within(shots, killed_at - SPAN_S), within(shots, killed_at))


async def kill_after(valkey: EmbeddedValkey, seconds: float) -> float:
    """SIGKILL; when it was, by `time.perf_counter`."""
    await asyncio.sleep(seconds)
    assert valkey.pid is not None
    os.kill(valkey.pid, signal.SIGKILL)
    return time.perf_counter()


def within(shots: list[Shot], start: float) -> open_loop.Measured:
    """Those that should have left in the seconds from then on."""
    return open_loop.summarize(RATE, [shot for shot in shots if start <= shot.intended < start + SPAN_S], warm_up=0)


def target(gateway: rig.Gateway, key: str) -> Target:
    """Single messages, each to a number of its own."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Idempotency-Key": "run-{i}"}
    return Target(f"{gateway.url}/v1/messages", headers, f'{{"to":"+49152{{i:08d}}","text":"{TEXT}"}}')


async def run(rounds: int) -> list[Line]:
    """A kill a round."""
    with rig.servers() as servers, rig.simulator() as provider:
        kills = [await measure(servers, provider) for _ in range(rounds)]
    turns = {
        side: [{name: getattr(getattr(kill, side), name) for name in ("p50_ms", "p99_ms", "worst_ms")} for kill in kills]
        for side in ("before", "after")
    }
    what, neighbour = "single sends, the seconds after Valkey was killed", "the seconds before"
    return [
        line(
            f"{what}: {name.removesuffix('_ms')}",
            "ms",
            turns,
            name,
            ours="after",
            theirs="before",
            neighbour=neighbour,
            goals=goals,
        )
        for name, goals in (("p50_ms", []), ("p99_ms", [Goal(at_most=2)]), ("worst_ms", []))
    ]


def main() -> None:
    """Measure and leave a sheet."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=ROUNDS)
    given = options.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        lines = runner.run(run(given.rounds))
    notes = [f"{RATE} requests/s in an open loop, {SPAN_S:g} s on either side", f"{given.rounds} kills"]
    sheet.write("stage/valkey_dies", lines, notes=notes)


if __name__ == "__main__":
    main()
