"""Claim and settlement without a provider: the two transactions around a send, beside the bare UPDATE of the same rows.

The claim renders the body and commits the attempt; the settlement reads an answer as the provider would give it and writes
ids, states and books. The bare UPDATE writes id, state and time of the same rows by primary key, and no more.
"""

import argparse
import asyncio
import os
import sys
import time
from contextlib import AsyncExitStack
from functools import partial
from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import orjson
import uvloop

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench import audience, rig, sheet
from bench.machine import IS_TINY
from bench.sheet import Goal, Line
from bench.turns import ROUNDS, Figures, line, take_turns
from penstock.clock import SystemClock
from penstock.config import Database, Sms
from penstock.dispatch.bounds import BatchBounds
from penstock.dispatch.claim import Claimed, Claimer
from penstock.dispatch.marks import Marks
from penstock.dispatch.settle import Settler
from penstock.domain.fairness import Lane
from penstock.domain.ids import RANDOM_BYTES, AccountId, AttemptId, uuid7
from penstock.providers.mitto import wire
from penstock.providers.port import Answered
from penstock.store import campaigns
from penstock.store.pool import Store
from penstock.telemetry.metrics import Metrics

MESSAGES = 20_000 if IS_TINY else 200_000
BARE = """
UPDATE message m SET state = 'sent', provider_id = a.provider_id, sent_at = now()
FROM unnest($3::int4[], $4::text[]) AS a (seq, provider_id)
WHERE m.tenant_id = $1 AND m.campaign_id = $2 AND m.seq = a.seq
"""
NUMBERS = count()


def make_ids(messages: int) -> list[str]:
    """Ids that no run gave before, growing as the provider's own do."""
    run = next(NUMBERS)
    return [f"01JC{run:06d}{os.getpid():08d}{number:08d}" for number in range(messages)]


async def measure_ours(servers: rig.Rig, messages: int) -> Figures:
    """Batch after batch: claim, answer, settle."""
    async with AsyncExitStack() as stack:
        dsn, folder = await stack.enter_async_context(rig.database(servers)), stack.enter_context(TemporaryDirectory())
        owner = await audience.prepare(dsn)
        campaign_id = await audience.store_campaign(dsn, owner.tenant_id, messages)
        clock, metrics = SystemClock(), Metrics("bench")
        async with Store.open(dsn, Database()) as store:
            async with store.engine() as connection:
                await campaigns.start_campaign(connection, owner.tenant_id, campaign_id)
            bounds = BatchBounds(Sms().batch_size, Sms().batch_max_bytes)
            claimer = Claimer(store, bounds, "bench", new_attempt_id, Marks(Path(folder)))
            settler = Settler(store, metrics, lambda: 0.5)
            lane = Lane(owner.tenant_id, campaign_id, AccountId(rig.ACCOUNT), Sms().batch_size)
            answers = [answer(ids) for ids in cut(make_ids(messages), await batch_sizes(dsn))]
            started = time.perf_counter()
            for given in answers:
                claimed = await claimer.claim(lane, 10 * Sms().batch_size)
                assert isinstance(claimed, Claimed)
                attempt = claimed.attempt
                await settler.settle(attempt, wire.judge(given, attempt.messages, attempt.account_id, now=clock.now()))
            seconds = time.perf_counter() - started
            async with store.engine() as connection:
                counts = await campaigns.get_counts(connection, owner.tenant_id, campaign_id)
            assert counts["sent"] == messages, counts
    return {"msgs_per_s": messages / seconds}


async def measure_bare(servers: rig.Rig, messages: int) -> Figures:
    """One UPDATE a batch on one connection."""
    async with rig.database(servers) as dsn:
        owner = await audience.prepare(dsn)
        campaign_id = await audience.store_campaign(dsn, owner.tenant_id, messages)
        planner = {"enable_hashjoin": "off", "enable_mergejoin": "off", "jit": "off"}
        connection = await asyncpg.connect(dsn, server_settings=planner)
        ids = cut(make_ids(messages), await batch_sizes(dsn))
        first, started = 0, time.perf_counter()
        for some in ids:
            await connection.execute(BARE, owner.tenant_id, campaign_id, list(range(first, first + len(some))), some)
            first += len(some)
        seconds = time.perf_counter() - started
        await connection.close()
    return {"msgs_per_s": messages / seconds}


def new_attempt_id() -> AttemptId:
    """As the gateway makes them."""
    return AttemptId(uuid7(int(SystemClock().now().timestamp() * 1000), os.urandom(RANDOM_BYTES)))


async def batch_sizes(dsn: str) -> list[int]:
    """Messages of each batch, in order."""
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch("SELECT last_seq - first_seq + 1 FROM batch ORDER BY first_seq")
    finally:
        await connection.close()
    return [row[0] for row in rows]


def cut(ids: list[str], sizes: list[int]) -> list[list[str]]:
    """So many for each batch."""
    rest = iter(ids)
    return [[*islice(rest, size)] for size in sizes]


def answer(ids: list[str]) -> Answered:
    """What the provider says to a batch."""
    elements = [{"messageId": one, "responseCode": 0} for one in ids]
    return Answered(200, None, orjson.dumps({"messages": elements}))


async def run(messages: int, rounds: int) -> list[Line]:
    """Both in turn."""
    with rig.servers() as servers:
        ways = {"claim and settle": partial(measure_ours, servers, messages), "bare": partial(measure_bare, servers, messages)}
        turns = await take_turns(ways, rounds)
    goals = [Goal(at_least=0.6, gate=0.2)]
    return [
        line(
            "claim + settle, one batch at a time", "msg/s", turns, "msgs_per_s", ours="claim and settle", theirs="bare",
            neighbour="bare UPDATE of the same rows", goals=goals,
        )
    ]  # fmt: skip


def main() -> None:
    """Measure and leave a sheet."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--messages", type=int, default=MESSAGES)
    options.add_argument("--rounds", type=int, default=ROUNDS)
    given = options.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        lines = runner.run(run(given.messages, given.rounds))
    sheet.write("stage/settle", lines, notes=[f"{given.messages:,} messages a run", f"{given.rounds} pairs"])


if __name__ == "__main__":
    main()
