"""The three witnesses, read: what clients were promised, the simulator's journal over HTTP, the database as it lies."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import aiohttp
import asyncpg
import msgspec

from penstock.client import Client
from penstock.domain.keys import new_key
from penstock.store import keys, locks, tenants
from penstock.store.pool import connect
from tests.e2e.checker import Books, Message, Span, Wire, check

DEADLINE_S = 30.0
"""For anything that is waited for: long, for a busy machine; never reached when all is well."""
POLL_S = 0.03
STALE = timedelta(seconds=5)
"""No transaction of a gateway that is awake takes so long."""
FIRST_NUMBER = 4915100000000

_IS_BUSY = """
SELECT EXISTS (SELECT FROM batch b JOIN campaign c USING (tenant_id, campaign_id)
               WHERE b.state IN ('pending', 'sending') AND c.state = 'sending')
    OR EXISTS (SELECT FROM attempt WHERE state = 'open')
"""
_LAPSE = """
UPDATE attempt SET lease_until = now() - interval '1 second'
WHERE attempt_id IN (SELECT attempt_id FROM attempt WHERE state = 'open' FOR UPDATE SKIP LOCKED)
"""
_END_SESSIONS = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND application_name <> 'observer'
"""
_IS_WAITING = """
SELECT EXISTS (SELECT FROM report_page WHERE applied_at IS NULL) OR EXISTS (SELECT FROM message WHERE state = 'sent')
"""

Condition = Callable[[], Awaitable[Any]]


async def wait_until(condition: Condition, what: str, deadline_s: float = DEADLINE_S) -> Any:
    """Poll until the condition is truthy and return what it said; fails with `what` after the deadline."""
    end = time.monotonic() + deadline_s
    while True:
        if said := await condition():
            return said
        assert time.monotonic() < end, f"{what}: not after {deadline_s:.0f} s"
        await asyncio.sleep(POLL_S)


class Database:
    """The gateway's database, read and nudged from outside."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn

    async def _connect(self) -> Any:
        return await asyncpg.connect(self.dsn, server_settings={"application_name": "observer"})

    async def fetch(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        """The rows of a statement, on a connection of its own."""
        connection = await self._connect()
        try:
            return await connection.fetch(statement, *arguments)
        finally:
            await connection.close()

    async def value(self, statement: str, *arguments: object) -> Any:
        """The first value."""
        rows = await self.fetch(statement, *arguments)
        return rows[0][0] if rows else None

    async def make_key(self, tenant: str = "first", seed: bytes = b"first") -> str:
        """A new tenant's API key."""
        connection = await connect(self.dsn)
        try:
            tenant_id = await tenants.create_tenant(connection, tenant)
            assert tenant_id is not None
            key = new_key(seed.ljust(32, b"."))
            await keys.create_key(connection, tenant_id, key, "test")
        finally:
            await connection.close()
        return key.text

    @asynccontextmanager
    async def locked(self, table: str) -> AsyncIterator[None]:
        """Meanwhile nobody else writes to the table: whoever wants to, waits inside its transaction."""
        connection = await connect(self.dsn)
        try:
            async with connection.transaction():
                await connection.execute(f"LOCK TABLE {table} IN SHARE MODE")
                yield
        finally:
            await connection.close()

    async def end_sessions(self) -> int:
        """End every session but those that watch, as a restart of the server does; how many there were."""
        ended: int = await self.value(_END_SESSIONS)
        return ended

    async def release(self) -> None:
        """End every account's hold now, as an operator would."""
        await self.fetch("UPDATE account SET held_until = NULL, backoff_step = 0")

    async def lapse(self) -> None:
        """Let the leases of all open attempts be over, but of those that somebody is closing just now."""
        await self.fetch(_LAPSE)

    async def end_stale_transactions(self) -> None:
        """End what a gateway began and does not go on with, as another one does after two minutes."""
        connection = await self._connect()
        try:
            await locks.end_transactions(connection, STALE)
        finally:
            await connection.close()

    async def answers(self) -> bool:
        """Whether the server takes connections."""
        try:
            return bool(await self.value("SELECT 1"))
        except (asyncpg.PostgresError, OSError):
            return False

    async def hurry(self) -> None:
        """Let everything that waits for its time have it now: accounts, batches, parked reports."""
        await self.release()
        await self.fetch("UPDATE batch SET due_at = now() WHERE state = 'pending' AND due_at > now()")
        await self.fetch("UPDATE parked_report SET next_try_at = now() WHERE next_try_at > now()")

    async def states(self) -> dict[str, int]:
        """Messages by state."""
        return {row[0]: row[1] for row in await self.fetch("SELECT state::text, count(*) FROM message GROUP BY 1")}

    async def is_known(self) -> bool:
        """Whether nothing is in doubt."""
        return not (await self.states()).get("unknown", 0)

    async def is_sent(self) -> bool:
        """Whether no batch is pending or on its way."""
        return not await self.value(_IS_BUSY)

    async def is_settled(self) -> bool:
        """Whether besides every report that came is applied, and every message that was sent has its final state."""
        return await self.is_sent() and not await self.value(_IS_WAITING)

    async def is_settled_at_once(self) -> bool:
        """The same without waiting for what was put off on the way there."""
        await self.hurry()
        return await self.is_settled()

    async def books(self) -> Books:
        """Everything the checker asks about, in one snapshot."""
        connection = await self._connect()
        try:
            async with connection.transaction(isolation="repeatable_read"):
                return await _read_books(connection)
        finally:
            await connection.close()


async def _read_books(connection: Any) -> Books:
    messages = await connection.fetch("SELECT campaign_id::text, seq, msisdn, state::text, provider_id FROM message")
    batches = await connection.fetch("SELECT campaign_id::text, first_seq, last_seq, state::text FROM batch")
    attempts = await connection.fetch("SELECT campaign_id::text, first_seq, last_seq, state::text FROM attempt")
    books = "SELECT campaign_id, counter, n FROM counter UNION ALL SELECT campaign_id, counter, n FROM counter_delta"
    sums = await connection.fetch(f"SELECT campaign_id::text, counter, sum(n)::int8 FROM ({books}) b GROUP BY 1, 2")  # noqa: S608
    counters: dict[str, dict[str, int]] = defaultdict(dict)
    for campaign, counter, n in sums:
        counters[campaign][counter] = n
    return Books(
        [Message(*row) for row in messages], [Span(*row) for row in batches], [Span(*row) for row in attempts], counters
    )


class _Line(msgspec.Struct):
    id: str = ""
    destination: str = ""
    final: str = ""


async def read_wire(simulator: str) -> Wire:
    """The simulator's journal, over HTTP."""
    decode = msgspec.json.Decoder(_Line).decode
    accepted, finals = [], {}
    async with aiohttp.ClientSession() as session, session.get(f"{simulator}/_sim/journal") as answer:
        assert answer.status == 200
        async for text in answer.content:
            line = decode(text)
            if line.destination:
                accepted.append((line.id, int(line.destination)))
            elif line.final:
                finals[line.id] = line.final
    return Wire(accepted, finals)


async def set_rule(simulator: str, scenario: str, **rule: object) -> None:
    """Put a scenario in force: `next=1` and the like limit it, everything else is a parameter."""
    limits = {name: rule.pop(name) for name in ("next", "from", "to", "every", "for") if name in rule}
    document = {"scenario": scenario, "parameters": rule, **limits}
    async with aiohttp.ClientSession() as session, session.post(f"{simulator}/_sim/scenario", json=document) as answer:
        assert answer.status == 201, await answer.text()


async def clear_rules(simulator: str) -> None:
    """End every scenario."""
    async with aiohttp.ClientSession() as session, session.delete(f"{simulator}/_sim/scenario") as answer:
        assert answer.status == 200


def numbers(n: int, first: int = FIRST_NUMBER) -> frozenset[int]:
    """The numbers that `upload` writes."""
    return frozenset(range(first, first + n))


async def upload(client: Client, n: int, first: int = FIRST_NUMBER, text: str = "Hello {name}") -> str:
    """A draft with `n` recipients; its id."""
    campaign = await client.create_campaign("Test", text)
    result = await client.upload(campaign.id, recipient_rows(n, first), "text/csv")
    assert result.accepted == n
    return campaign.id


async def start(client: Client, n: int, first: int = FIRST_NUMBER, text: str = "Hello {name}") -> str:
    """A campaign of `n` recipients, told to send; its id."""
    campaign = await upload(client, n, first, text)
    await client.send(campaign)
    return campaign


async def recipient_rows(n: int, first: int) -> AsyncIterator[bytes]:
    """The file that `upload` sends."""
    yield b"phone,name\n"
    for start in range(first, first + n, 1000):
        yield "".join(f"+{number},Name{number}\n" for number in range(start, min(start + 1000, first + n))).encode()


async def verify(database: Database, simulator: str, promised: frozenset[int]) -> Books:
    """Hold everything that is settled against the journal and fail with every broken rule; the books, for further questions."""
    # The database is read first: what it says was sent must then be in the journal.
    books = await database.books()
    problems = check(promised, await read_wire(simulator), books)
    assert not problems, problems
    return books


async def verify_at_work(database: Database, simulator: str, promised: frozenset[int], asked: frozenset[int]) -> Books:
    """The same while the gateway works and has not answered everything that it was asked."""
    earlier = await read_wire(simulator)
    books = await database.books()
    problems = check(promised, await read_wire(simulator), books, is_settled=False, earlier=earlier, asked=asked)
    assert not problems, problems
    return books


async def longest_call_s(url: str) -> float:
    """A bound on how long any call to the provider took: what was sent in order may have arrived so much later or earlier."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    prefix = 'penstock_provider_call_duration_seconds_bucket{le="'
    buckets = [line.removeprefix(prefix).split('"} ') for line in lines if line.startswith(prefix)]
    counted = [(float(bound), float(count)) for bound, count in buckets]
    return next((upper for upper, count in counted if count == counted[-1][1]), 60.0)
