"""A served application with two tenants, and the few calls that most tests begin with."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from msgspec import Struct
from redis.asyncio import from_url as connect

from penstock.api.address import Proxies
from penstock.api.app import make_app
from penstock.api.auth import Authenticator
from penstock.api.parts import Parts, ProviderScopes
from penstock.api.server import WebServer
from penstock.clock import SystemClock
from penstock.config import Callers, Http, RateLimit, Redis, Sms
from penstock.domain.fairness import Lane
from penstock.domain.ids import AccountId, TenantId
from penstock.domain.keys import SHOWN_CHARACTERS, NewKey, digest
from penstock.ingest.audience import Intake
from penstock.ingest.repeats import Repeats
from penstock.ingest.singles import Singles
from penstock.limits.callers import CallerLimits
from penstock.limits.limiter import Limiter
from penstock.redact import Secret
from penstock.store import keys, tenants
from penstock.store.pool import Store
from penstock.telemetry.metrics import Metrics
from tests.builders import new_id

KEY = "pk_first_0123456789abcdef"
OTHER_KEY = "pk_other_0123456789abcdef"
ADMIN_KEY = "the-key-of-an-operator"
CHUNK = 10
"""Messages a chunk: small, so that small uploads are many chunks."""
PATIENCE = timedelta(seconds=10)
"""With a server of windows that shares its machine with other tests."""
PIECE = 256
"""Bytes that are parsed at once: small for the same reason."""


class Answer(Struct, frozen=True):
    """A response, read."""

    status: int
    headers: Any
    body: bytes
    json: Any


class Api:
    """The served application as one of its tenants sees it."""

    def __init__(self, session: aiohttp.ClientSession, url: str, key: str, tenant_id: TenantId, parts: Parts) -> None:
        self.session = session
        self.url = url
        self.key = key
        self.tenant_id = tenant_id
        self.parts = parts

    async def call(self, method: str, path: str, *, headers: dict[str, str] | None = None, **kwargs: Any) -> Answer:
        """One request with this tenant's key; a campaign is sent with a key of its own, if none is given."""
        once = {"Idempotency-Key": str(uuid4())} if path.endswith("/send") else {}
        sent = {"Authorization": f"Bearer {self.key}", **once, **(headers or {})}
        async with self.session.request(method, self.url + path, headers=sent, **kwargs) as response:
            body = await response.read()
            is_json = "json" in response.content_type and "ndjson" not in response.content_type
            parsed = await response.json(content_type=None) if is_json and body else None
            return Answer(response.status, response.headers, body, parsed)

    async def create(self, text: str = "Hello {name}", **fields: Any) -> str:
        """A draft's id."""
        answer = await self.call("POST", "/v1/campaigns", json={"name": "Spring", "text": text, **fields})
        assert answer.status == 201, answer.body
        return answer.json["id"]

    async def upload(
        self, campaign: str, body: Any, kind: str = "text/csv", upload_id: str | None = None, **headers: str
    ) -> Answer:
        """One upload."""
        named = {} if upload_id is None else {"Upload-Id": upload_id}
        path = f"/v1/campaigns/{campaign}/recipients"
        return await self.call("POST", path, data=body, headers={"Content-Type": kind, **named, **headers})

    async def show(self, campaign: str) -> Any:
        """The campaign as it stands."""
        return (await self.call("GET", f"/v1/campaigns/{campaign}")).json

    async def numbers(self, campaign: str) -> list[str]:
        """Its recipients, in order, page by page."""
        found: list[str] = []
        path: str | None = f"/v1/campaigns/{campaign}/messages?limit=1000"
        while path:
            page = (await self.call("GET", path)).json
            found += [item["to"] for item in page["items"]]
            path = page["next"]
        return found


def rows(n: int, start: int = 0) -> bytes:
    """A CSV file of `n` valid recipients."""
    lines = [f"+49151{i:08d},Name{i}" for i in range(start, start + n)]
    return ("phone,name\n" + "\n".join(lines) + "\n").encode()


@pytest.fixture
def http_settings() -> Http:
    """Doors with short patience."""
    return Http(body_timeout=timedelta(seconds=5), max_json_bytes=100_000)


@pytest.fixture
def announced() -> list[Lane]:
    """What a sender of this process would have been told."""
    return []


@pytest.fixture
def caller_settings() -> Callers:
    """The limits of callers as they are by default, but for the few keys that a tenant may make."""
    return Callers(new_keys_per_hour=10_000, new_keys_per_day=10_000)


@pytest.fixture
async def callers(valkey_url: str, caller_settings: Callers) -> AsyncIterator[CallerLimits]:
    """The limits of callers at a server that remembers nothing of other tests."""
    redis = Redis(url=Secret(valkey_url), timeout=PATIENCE)
    client = connect(valkey_url)
    await client.flushall()
    await client.aclose()
    limits = CallerLimits.open(redis, caller_settings, metrics=Metrics("test"), clock=SystemClock())
    yield limits
    await limits.aclose()


@pytest.fixture
async def limiter(valkey_url: str) -> AsyncIterator[Limiter]:
    """The limits of requests to the provider, as the settings have them by default."""
    redis = Redis(url=Secret(valkey_url), timeout=PATIENCE)
    limiter = Limiter.open(redis, RateLimit(), 500, metrics=Metrics("test"), clock=SystemClock())
    yield limiter
    await limiter.aclose()


@pytest.fixture
def parts(store: Store, http_settings: Http, callers: CallerLimits, limiter: Limiter, announced: list[Lane]) -> Parts:
    """The application's surroundings."""
    clock, metrics = SystemClock(), Metrics("test")
    intake = Intake(store, Sms(batch_size=CHUNK), metrics, clock=clock, random=os.urandom, piece_bytes=PIECE)
    singles = Singles(store, metrics, new_id=new_id, kept=timedelta(days=7), announce=announced.append)
    return Parts(
        store=store, intake=intake, repeats=Repeats(store, timedelta(days=7)), singles=singles, metrics=metrics, clock=clock,
        random=os.urandom, http=http_settings,
        authenticator=Authenticator(store, clock), callers=callers, proxies=Proxies.of(http_settings.trusted_proxies),
        provider_scopes=ProviderScopes(limiter.look, {"account": 1.0, "tenant": 1.0, "segments": 1.0}),
        account_id=AccountId("00000000-0000-4000-8000-000000000001"),
        sender="Penstock", admin_key=Secret(ADMIN_KEY),
    )  # fmt: skip


@pytest.fixture
async def api(parts: Parts) -> AsyncIterator[Api]:
    """The first tenant at a running server."""
    server = WebServer("test", make_app(parts), parts.http, 0, parts.metrics)
    halt = asyncio.Event()
    tenant_id = await _tenant(parts.store, "first", KEY)
    async with asyncio.TaskGroup() as group:
        group.create_task(server.run(halt))
        group.create_task(parts.singles.run(halt))
        await server.listening.wait()
        async with aiohttp.ClientSession() as session:
            yield Api(session, f"http://127.0.0.1:{server.port}", KEY, tenant_id, parts)
        halt.set()


@pytest.fixture
async def other(api: Api) -> Api:
    """Another tenant at the same server."""
    tenant_id = await _tenant(api.parts.store, "other", OTHER_KEY)
    return Api(api.session, api.url, OTHER_KEY, tenant_id, api.parts)


@pytest.fixture
def operator(api: Api) -> Api:
    """The operator at the same server."""
    return Api(api.session, api.url, ADMIN_KEY, api.tenant_id, api.parts)


async def _tenant(store: Store, name: str, key: str) -> TenantId:
    async with store.engine() as connection:
        tenant_id = await tenants.create_tenant(connection, name)
        assert tenant_id is not None
        await keys.create_key(connection, tenant_id, known_key(key), "test")
        return tenant_id


def known_key(text: str) -> NewKey:
    """A key whose text a test knows."""
    return NewKey(text, text[:SHOWN_CHARACTERS], digest(text))
