"""One INSERT and its commit behind more and more of the front door: a process of its own that `front_door.py` measures.

    python bench/stage/door_steps.py DSN REDIS_URL

Serves each step on a port of its own, prints their addresses as one line of JSON, and ends with standard input. `DSN` is a
migrated database with a tenant, `REDIS_URL` where callers are counted. All steps live in one process, so that they share a
loop, a heap and the machine's mood.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

import asyncpg
import msgspec
import uvloop
from aiohttp import web

sys.path.insert(0, str(Path(__file__).parents[2]))

from penstock.api import limited
from penstock.api.answers import stored
from penstock.api.app import for_tenants
from penstock.api.auth import Authenticator, Caller
from penstock.api.bodies import read_json
from penstock.api.idempotency import once
from penstock.api.middleware import add_headers, observe
from penstock.api.parts import PARTS, Parts, ProviderScopes
from penstock.api.routes import ONCE, ROUTE, Handler, post
from penstock.api.server import WebServer
from penstock.clock import SystemClock
from penstock.config import Callers, Database, Http, RateLimit, Redis, Sms
from penstock.domain.ids import AccountId, TenantId
from penstock.domain.keys import Scope
from penstock.domain.tenant import TenantSettings
from penstock.ingest.audience import Intake
from penstock.ingest.repeats import Repeats
from penstock.ingest.singles import Singles
from penstock.limits.callers import CallerLimits
from penstock.limits.limiter import Limiter
from penstock.limits.rules import Tier
from penstock.redact import Secret
from penstock.store.idempotency import StoredAnswer
from penstock.store.pool import Connection, Store, connect
from penstock.store.roles import API_ROLE
from penstock.telemetry import logs
from penstock.telemetry.metrics import Metrics

PATH: Final = "/bench"
CREATE: Final = f"""
CREATE TABLE IF NOT EXISTS bench_order (number text, text text, stored_at timestamptz DEFAULT now());
GRANT INSERT ON bench_order TO {API_ROLE};
"""
INSERT: Final = "INSERT INTO bench_order (number, text) VALUES ($1, $2)"


class Order(msgspec.Struct, forbid_unknown_fields=True):
    """What is asked and answered."""

    to: str
    text: str


DECODER: Final = msgspec.json.Decoder(Order)


async def insert_once(request: web.Request, caller: Caller) -> web.Response:
    """Read strictly, and insert under the key in the effect's own transaction."""
    order = await read_json(request, Order)

    async def effect(connection: Connection) -> StoredAnswer:
        await connection.execute(INSERT, order.to, order.text)
        return stored(order, status=201)

    return await once(request, caller, effect)


ROUTE_MEASURED: Final = post(PATH, insert_once, Order, Order, 201, key=ONCE)


class Steps:
    """The same work behind nothing, behind each part of the door alone, and behind all of it."""

    def __init__(self, pool: asyncpg.Pool, parts: Parts, caller: Caller) -> None:
        self._pool = pool
        self._parts = parts
        self._caller = caller

    def apps(self) -> dict[str, web.Application]:
        """By name; what each is compared with is the caller's to say."""
        whole = self._app(for_tenants(self._parts, ROUTE_MEASURED), is_observed=True)
        return {
            "bare": self._app(self._bare),
            "auth": self._app(self._authenticated),
            "limits": self._app(self._limited),
            "strict": self._app(self._strict),
            "idempotency": self._app(self._idempotent),
            "observed": self._app(self._bare, is_observed=True),
            "whole": whole,
        }

    def _app(self, handler: Handler, *, is_observed: bool = False) -> web.Application:
        app = web.Application(middlewares=[observe] if is_observed else [])
        app[PARTS] = self._parts
        if is_observed:
            app.on_response_prepare.append(add_headers)
        app.router.add_post(PATH, handler)
        return app

    async def _bare(self, request: web.Request) -> web.Response:
        return await self._insert(DECODER.decode(await request.read()))

    async def _authenticated(self, request: web.Request) -> web.Response:
        await limited.find_caller(request)
        return await self._bare(request)

    async def _limited(self, request: web.Request) -> web.Response:
        await limited.admit(request, self._caller, Tier.SEND)
        return await self._bare(request)

    async def _strict(self, request: web.Request) -> web.Response:
        return await self._insert(await read_json(request, Order))

    async def _idempotent(self, request: web.Request) -> web.Response:
        request[ROUTE] = ROUTE_MEASURED
        return await insert_once(request, self._caller)

    async def _insert(self, order: Order) -> web.Response:
        async with self._pool.acquire() as connection:
            await connection.execute(INSERT, order.to, order.text)
        return web.Response(status=201, body=msgspec.json.encode(order), content_type="application/json")


@asynccontextmanager
async def open_steps(dsn: str, redis: Redis, tenant_id: TenantId) -> AsyncIterator[Steps]:
    """Pools of the gateway's sizes, one for the bare handlers and the gateway's own."""
    settings, http, clock, metrics = Database(), Http(), SystemClock(), Metrics("bench")
    callers = CallerLimits.open(redis, Callers(), metrics=metrics, clock=clock)
    limiter = Limiter.open(redis, RateLimit(), "unlimited", metrics=metrics, clock=clock)
    async with Store.open(dsn, settings) as store, asyncpg.create_pool(dsn, max_size=settings.api_pool) as pool:
        kept = http.idempotency_kept
        parts = Parts(
            store=store, intake=Intake(store, Sms(), metrics, clock=clock, random=os.urandom), metrics=metrics, clock=clock,
            repeats=Repeats(store, kept), random=os.urandom, http=http, authenticator=Authenticator(store, clock),
            singles=Singles(store, metrics, new_id=uuid4, kept=kept, announce=lambda _: None),
            account_id=AccountId("bench"), sender="Penstock", callers=callers,
            provider_scopes=ProviderScopes(limiter.look, {}),
        )  # fmt: skip
        yield Steps(pool, parts, Caller(tenant_id, b"\0" * 32, 0, frozenset(Scope), TenantSettings()))
    await callers.aclose()


async def serve(dsn: str, redis: Redis) -> None:
    """Until standard input ends."""
    connection = await connect(dsn)
    await connection.execute(CREATE)
    tenant_id: TenantId = await connection.fetchval("SELECT min(tenant_id) FROM tenant")
    await connection.close()
    async with open_steps(dsn, redis, tenant_id) as steps, AsyncExitStack() as stack:
        apps = steps.apps()
        whole = WebServer("whole", apps.pop("whole"), Http(), 0, Metrics("bench"))
        ports = {name: await _listen_plainly(app, stack) for name, app in apps.items()}
        halt = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(whole.run(halt))
            await whole.listening.wait()
            ports["whole"] = whole.port
            print(json.dumps({name: f"http://127.0.0.1:{port}{PATH}" for name, port in ports.items()}), flush=True)
            await asyncio.to_thread(sys.stdin.read)
            halt.set()


async def _listen_plainly(app: web.Application, stack: AsyncExitStack) -> int:
    """As aiohttp's own documentation does; the port."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port: int = runner.addresses[0][1]
    return port


def main() -> None:
    """Log lines are made in full and thrown away."""
    with Path(os.devnull).open("w") as nowhere:
        logs.configure(nowhere)
        uvloop.run(serve(sys.argv[1], Redis(url=Secret(sys.argv[2]))))


if __name__ == "__main__":
    main()
