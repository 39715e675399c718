"""Scenes for tests: recipients, stored campaigns, a dispatcher with a provider that says what it is told to say."""

import json
import math
import os
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from penstock import _core
from penstock.clock import Clock, SystemClock
from penstock.config import RateLimit
from penstock.dispatch.bounds import BatchBounds
from penstock.dispatch.choose import Chooser
from penstock.dispatch.claim import Claimer
from penstock.dispatch.marks import Marks
from penstock.dispatch.parts import Brake, Parts
from penstock.dispatch.pipeline import Dispatcher
from penstock.dispatch.settle import Settler
from penstock.dispatch.spool import Spool
from penstock.domain.counter import imbalance, skipped_counter
from penstock.domain.errors import UnavailableError
from penstock.domain.ids import RANDOM_BYTES, AccountId, AttemptId, CampaignId, TenantId, uuid7
from penstock.domain.message import MessageState
from penstock.limits.grant import Grant
from penstock.providers.mitto.wire import judge
from penstock.providers.port import Answered, IsFree, Provider, Reply, Unsent, always
from penstock.store import accounts, campaigns, tenants, uploads
from penstock.store.pool import Connection, Store
from penstock.telemetry.metrics import Metrics

ACCOUNT = AccountId("00000000-0000-4000-8000-000000000001")
SENDER = "Penstock"
TEXT = "Hi {name}"
BOUNDS = BatchBounds(messages=5000, body_bytes=1_000_000)
RATES = RateLimit()
POLL_S = 60.0
"""What an idle dispatcher asks to wait: recognisable, and never slept."""

Script = Reply | Exception | Callable[[bytes, int], Any]


def new_id() -> UUID:
    """A fresh version 7 UUID of this moment."""
    return uuid7(int(SystemClock().now().timestamp() * 1000), os.urandom(RANDOM_BYTES))


def number(i: int) -> int:
    """The i-th synthetic number."""
    return 4915100000000 + i


def recipients_csv(n: int, first: int = 0) -> bytes:
    """A file of `n` good rows with one value each."""
    return ("phone,name\n" + "".join(f"+{number(i)},Name{i}\n" for i in range(first, first + n))).encode()


def parse_recipients(body: bytes, *, text: str = TEXT, chunk: int = 5000, first_seq: int = 0) -> list[_core.Chunk]:
    """The chunks of a CSV file."""
    parser = _core.RecipientParser(
        "csv", _core.Template(text), traffic_account_id=ACCOUNT, sender=SENDER, chunk_messages=chunk, first_seq=first_seq
    )
    return parser.feed(body) + parser.finish()


class Scene:
    """One stored campaign and what tests ask about it."""

    def __init__(self, store: Store, tenant_id: TenantId, campaign_id: CampaignId) -> None:
        self.store = store
        self.tenant_id = tenant_id
        self.campaign_id = campaign_id

    @property
    def key(self) -> tuple[TenantId, CampaignId]:
        """What most store functions begin with."""
        return self.tenant_id, self.campaign_id

    async def states(self) -> dict[str, int]:
        """Messages by state, after checking that the books agree with them and balance."""
        async with self.store.engine() as connection:
            counted = await campaigns.recount_messages(connection, *self.key)
            booked = await campaigns.get_counts(connection, *self.key)
        assert imbalance(booked) == 0, booked
        assert {state: booked[state] for state in MessageState if booked.get(state)} == counted
        return counted

    async def fetch(self, statement: str, *values: object) -> list[asyncpg.Record]:
        """Rows of any statement."""
        async with self.store.engine() as connection:
            return await connection.fetch(statement, *values)

    async def column(self, statement: str, *values: object) -> list[Any]:
        """The first column of any statement."""
        return [row[0] for row in await self.fetch(statement, *values)]

    async def execute(self, statement: str, *values: object) -> None:
        """Change something by hand."""
        async with self.store.engine() as connection:
            await connection.execute(statement, *values)

    async def release_account(self) -> None:
        """Let every hold and every wait of a batch be over."""
        await self.execute("UPDATE account SET held_until = now() - interval '1 second'")
        await self.execute("UPDATE batch SET due_at = now() - interval '1 second'")


async def spoil(scene: Scene) -> None:
    """Flip a byte of the first chunk's payload."""
    await scene.execute(
        "UPDATE chunk SET payload = set_byte(payload, 20, (get_byte(payload, 20) + 1) % 256) WHERE chunk_no = 0"
    )


async def ensure_tenant(connection: Connection, name: str) -> TenantId:
    """The tenant of that name, made if need be."""
    made = await tenants.create_tenant(connection, name)
    if made is None:
        found = await tenants.find_tenant(connection, name)
        assert found is not None
        return found.tenant_id
    return made


async def make_draft(store: Store, *, tenant: str = "acme", text: str = TEXT, **fields: Any) -> Scene:
    """A campaign without recipients."""
    campaign_id = CampaignId(fields.pop("campaign_id", None) or new_id())
    async with store.engine() as connection:
        account_id = fields.pop("account_id", ACCOUNT)
        await accounts.ensure_account(connection, account_id)
        tenant_id = await ensure_tenant(connection, tenant)
        new = campaigns.NewCampaign(
            tenant_id=tenant_id,
            campaign_id=campaign_id,
            name="Spring",
            text=text,
            sender=SENDER,
            account_id=account_id,
            **fields,
        )
        await campaigns.create_campaign(connection, new)
    return Scene(store, tenant_id, campaign_id)


async def add_chunk(connection: Connection, scene: Scene, chunk: _core.Chunk) -> bool:
    """Store a chunk and book it, as the intake does."""
    async with connection.transaction():
        if not await uploads.insert_chunk(connection, *scene.key, chunk):
            return False
        deltas = {"received": chunk.rows, "queued": chunk.messages}
        deltas |= {skipped_counter(reason): n for reason, n in chunk.skipped.items()}
        await campaigns.add_counts(connection, *scene.key, deltas)
    return True


async def make_campaign(store: Store, recipients: int = 10, *, chunk: int = 5000, first: int = 0, **fields: Any) -> Scene:
    """A campaign that is sending to `recipients` numbers."""
    scene = await make_draft(store, **fields)
    async with store.engine() as connection:
        for part in parse_recipients(recipients_csv(recipients, first), text=fields.get("text", TEXT), chunk=chunk):
            assert await add_chunk(connection, scene, part)
        await campaigns.start_campaign(connection, *scene.key)
    return scene


def accept_all(_: bytes, expected: int) -> Answered:
    """Mitto's answer that takes every message."""
    items = [{"messageId": str(uuid4())} for _ in range(expected)]
    return answer_of(items)


def answer_of(items: list[Mapping[str, str]], status: int = 200) -> Answered:
    """An answer with these items."""
    return Answered(status, None, json.dumps({"bulkId": str(uuid4()), "messages": items}).encode())


def refusal(status: int, body: bytes = b"{}", retry_after: str | None = None) -> Answered:
    """A complete answer without acceptance."""
    return Answered(status, retry_after, body)


class ScriptedProvider:
    """Says what the script says, then accepts everything; remembers every body it was sent."""

    def __init__(self, *script: Script) -> None:
        self.script = deque(script)
        self.bodies: list[bytes] = []

    async def send_bulk(self, body: bytes, expected: int, is_free: IsFree = always) -> Reply:
        """Take one request, if it is free to leave."""
        if not await is_free():
            return Unsent("not_free")
        self.bodies.append(body)
        reply: Any = self.script.popleft() if self.script else accept_all
        if callable(reply):
            reply = reply(body, expected)
        if hasattr(reply, "__await__"):
            reply = await reply
        if isinstance(reply, Exception):
            raise reply
        answer: Reply = reply
        return answer

    async def get_message(self, provider_id: str) -> Reply:
        """Nobody asks this one."""
        raise NotImplementedError(provider_id)

    @property
    def sizes(self) -> list[int]:
        """Messages in each request."""
        return [len(json.loads(body)["messages"]) for body in self.bodies]

    @property
    def destinations(self) -> list[str]:
        """Every number that was written to, as often as it was."""
        return [message["destination"] for body in self.bodies for message in json.loads(body)["messages"]]


class OpenBrake:
    """A limiter that always lets through, at most `most` segments at a time."""

    def __init__(self, most: int = 1_000_000) -> None:
        self.most = most

    def is_limited(self, account_id: AccountId) -> bool:
        """Nothing is counted."""
        del account_id
        return False

    def most_segments(self, account_id: AccountId) -> int | None:
        """Anything goes."""
        del account_id

    async def acquire(self, account_id: AccountId, tenant_id: TenantId, *, want: int, is_urgent: bool = False) -> Grant:
        """Grant."""
        del account_id, tenant_id, is_urgent
        return Grant(min(want, self.most), expires_at=math.inf)

    async def renew(self, grant: Grant, segments: int) -> Grant:
        """It is good for any number."""
        del segments
        return grant

    async def release(self, grant: Grant) -> None:
        """It was never counted."""


class BrokenStore(Store):
    """A store that can be told to lose a connection: before anything happens, or after all was committed."""

    lose_before = 0
    lose_after = 0

    @classmethod
    def of(cls, store: Store) -> "BrokenStore":
        """The same pools, breakable."""
        return cls(store._api, store._engine)

    def engine(self) -> AbstractAsyncContextManager[Connection]:
        """A connection for the stages."""
        return self._break(super().engine())

    @asynccontextmanager
    async def _break(self, whole: AbstractAsyncContextManager[Connection]) -> AsyncIterator[Connection]:
        if self.lose_before:
            self.lose_before -= 1
            raise UnavailableError("lost before")
        async with whole as connection:
            yield connection
        if self.lose_after:
            self.lose_after -= 1
            raise UnavailableError("lost after")


class CountingStore(Store):
    """A store that remembers the text of every statement of its stages."""

    def __init__(self, api: Any, engine: Any) -> None:
        super().__init__(api, engine)
        self.statements: list[str] = []

    @classmethod
    def of(cls, store: Store) -> "CountingStore":
        """The same pools, counted."""
        return cls(store._api, store._engine)

    def engine(self) -> AbstractAsyncContextManager[Connection]:
        """A connection for the stages."""
        return self._count(super().engine())

    @asynccontextmanager
    async def _count(self, whole: AbstractAsyncContextManager[Connection]) -> AsyncIterator[Connection]:
        async with whole as connection:
            with connection.query_logger(lambda logged: self.statements.append(logged.query)):
                yield connection


class Rig:
    """A dispatcher and everything around it."""

    def __init__(
        self,
        store: Store,
        spool: Path,
        provider: Provider | None = None,
        *,
        brake: Brake | None = None,
        bounds: BatchBounds = BOUNDS,
        claims_from: Store | None = None,
        settler: type[Settler] = Settler,
        in_flight: int = 2,
        poll_s: float = POLL_S,
        lanes_age_s: float = -1,
        clock: Clock | None = None,
    ) -> None:
        self.metrics = Metrics("test")
        self.script = ScriptedProvider()
        self.spool = Spool(spool)
        self.claimer = Claimer(claims_from or store, bounds, "test", lambda: AttemptId(new_id()), Marks(spool))
        clock = clock or SystemClock()
        limiter = brake or OpenBrake()
        self.chooser = Chooser(store, clock, max_age_s=lanes_age_s, of_tenant=in_flight, is_limited=limiter.is_limited)
        parts = Parts(
            store=store,
            chooser=self.chooser,
            claimer=self.claimer,
            settler=settler(store, self.metrics, lambda: 0.5),
            spool=self.spool,
            limiter=limiter,
            provider=provider or self.script,
            judge=judge,
            clock=clock,
            metrics=self.metrics,
        )
        self.dispatcher = Dispatcher(parts, in_flight=in_flight, poll_s=poll_s)

    def says(self, *script: Script) -> None:
        """What the provider answers next, one reply a request."""
        self.script.script.extend(script)

    async def drain(self) -> None:
        """Send until nothing is due."""
        while await self.dispatcher.run_once() == 0:
            pass

    def kept_answers(self) -> list[AttemptId]:
        """What lies in the spool."""
        return [attempt_id for attempt_id, _ in self.spool.answers()]


def report_lines(statuses: Mapping[str, str]) -> bytes:
    """A JSON array of reports: provider id → status."""
    return json.dumps([{"messageId": name, "deliveryStatus": status} for name, status in statuses.items()]).encode()


async def ignore(_: bytes) -> None:
    """What reports show beside states is no matter here."""


def plan_nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every node of an EXPLAIN (FORMAT JSON) plan, from the top."""
    yield plan
    for child in plan.get("Plans", ()):
        yield from plan_nodes(child)


async def end_other_sessions(connection: Connection) -> None:
    """Kill every other session of this database, as a restart of the server would."""
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


async def make_sent_campaign(store: Store, recipients: int = 10, **fields: Any) -> Scene:
    """A campaign whose messages were all accepted, as `m0`, `m1` and so on."""
    scene = await make_campaign(store, recipients, **fields)
    where = "tenant_id = $1 AND campaign_id = $2"
    await scene.execute(
        f"UPDATE message SET state = 'sent', sent_at = now(), provider_id = 'm' || seq WHERE {where}",  # noqa: S608 - a literal
        *scene.key,
    )
    await scene.execute(f"UPDATE batch SET state = 'settled' WHERE {where}", *scene.key)  # noqa: S608 - a literal
    async with store.engine() as connection:
        await campaigns.add_counts(connection, *scene.key, {"queued": -recipients, "sent": recipients})
    return scene


async def make_unknown_campaign(store: Store, recipients: int = 10, **fields: Any) -> Scene:
    """A campaign whose messages may have been sent: their one attempt was given up."""
    scene = await make_campaign(store, recipients, **fields)
    await scene.execute(
        "INSERT INTO attempt (attempt_id, tenant_id, campaign_id, batch_id, account_id, first_seq, last_seq, messages, "
        "segments, digest, codec, worker, state, lease_until, closed_at, detail) "
        "SELECT gen_random_uuid(), b.tenant_id, b.campaign_id, b.batch_id, $2, b.first_seq, b.last_seq, "
        "b.last_seq - b.first_seq + 1, b.segments, 'd', 1, 'test', 'unknown', now(), now(), 'timeout' "
        "FROM batch b WHERE b.campaign_id = $1",
        scene.campaign_id, ACCOUNT,
    )  # fmt: skip
    await scene.execute(
        "UPDATE batch b SET state = 'unknown', attempt_id = a.attempt_id FROM attempt a WHERE a.batch_id = b.batch_id "
        "AND b.campaign_id = $1",
        scene.campaign_id,
    )
    await scene.execute("UPDATE message SET state = 'unknown' WHERE tenant_id = $1 AND campaign_id = $2", *scene.key)
    async with store.engine() as connection:
        await campaigns.add_counts(connection, *scene.key, {"queued": -recipients, "unknown": recipients})
    return scene


async def add_twin_of_next_month(scene: Scene) -> None:
    """A sent message of a campaign made next month, with the provider id `m0` once more."""
    later = (SystemClock().now().replace(day=1) + timedelta(days=32)).timestamp()
    await scene.execute(
        "INSERT INTO message (campaign_id, tenant_id, seq, msisdn, segments, state, provider_id) "
        "VALUES ($1, $2, 0, $3, 1, 'sent', 'm0')",
        uuid7(int(later * 1000), bytes(RANDOM_BYTES)), scene.tenant_id, number(0),
    )  # fmt: skip


async def lose_track(store: Store, spool: Path, **fields: Any) -> Scene:
    """A campaign whose one batch was claimed by a process that died, its lease over."""
    scene = await make_campaign(store, 5, **fields)
    rig = Rig(store, spool)
    rig.says(RuntimeError("the process dies here"))
    with pytest.raises(RuntimeError):
        await rig.dispatcher.run_once()
    await scene.execute("UPDATE attempt SET lease_until = now() - interval '1 second'")
    return scene
