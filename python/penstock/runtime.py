"""The composition root: settings become resources, resources become the services of a role. The only file that sees all."""

import asyncio
import os
import random
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import UUID

import structlog
from aiohttp import web

from penstock import __version__
from penstock.api import ops, webhooks
from penstock.api.address import Proxies
from penstock.api.app import make_app
from penstock.api.auth import Authenticator
from penstock.api.middleware import standing_headers
from penstock.api.parts import Parts as ApiParts
from penstock.api.parts import ProviderScopes
from penstock.api.server import WebServer
from penstock.api.shortcut import ReportShortcut
from penstock.clock import Clock, SystemClock
from penstock.config import Settings, Sms
from penstock.dispatch.bounds import BatchBounds
from penstock.dispatch.choose import Chooser
from penstock.dispatch.claim import Claimer
from penstock.dispatch.limits import LimitReader
from penstock.dispatch.marks import Marks
from penstock.dispatch.parts import Parts as DispatchParts
from penstock.dispatch.pipeline import Dispatcher
from penstock.dispatch.settle import Settler
from penstock.dispatch.spool import Spool
from penstock.domain.estimate import Speeds
from penstock.domain.fairness import Lane
from penstock.domain.ids import RANDOM_BYTES, AccountId, uuid7
from penstock.health import Fact, Health
from penstock.ingest.audience import MOST_PARTS, Intake
from penstock.ingest.repeats import Repeats
from penstock.ingest.singles import Singles
from penstock.jobs import leaders, look_ups
from penstock.lifecycle import Service
from penstock.limits.callers import CallerLimits
from penstock.limits.limiter import Limiter
from penstock.providers.mitto import wire
from penstock.providers.mitto.client import MittoClient
from penstock.providers.mitto.message import read_shown
from penstock.receipts.apply import Applier
from penstock.receipts.receive import Receiver
from penstock.reconcile.findings import RecentFindings
from penstock.reconcile.heartbeat import Heartbeat
from penstock.reconcile.order import OrderJudge
from penstock.reconcile.witness import Witness
from penstock.store import accounts
from penstock.store.migrate import migrate
from penstock.store.pool import Store, connect
from penstock.store.processes import Identity
from penstock.store.roles import SECOND_WALL_OFF
from penstock.telemetry.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)


class Runtime:
    """Everything a process of this role needs, opened; `services` is in drain order reversed: writers first, doors last."""

    def __init__(self, settings: Settings, services: Sequence[Service], health: Health, metrics: Metrics) -> None:
        self.settings = settings
        self.metrics = metrics
        self.services = services
        self.eager = [service for service in services if service.name in ("dispatch", "http", "reconciler")]
        """Stopped at once: they begin work that the others finish."""
        self.health = health


@asynccontextmanager
async def open_runtime(settings: Settings, spool: Path) -> AsyncIterator[Runtime]:
    """Connect, migrate and compose; closed in reverse. The URLs in `settings` must point at running servers."""
    clock, metrics = SystemClock(), Metrics(__version__)
    async with AsyncExitStack() as stack:
        dsn = _required(settings.database.url)
        await migrate_database(dsn, settings.mode)
        store = await stack.enter_async_context(Store.open(dsn, settings.database))
        if not store.is_walled:
            log.warning("second_wall_off", meaning=SECOND_WALL_OFF)
        await _ensure_account(store, settings)
        recent = RecentFindings(store.for_jobs(), clock)
        health = Health(checks={"database": store.check}, facts=_facts(store, settings), details={"findings": recent.tell})
        is_sending = settings.general.role in ("all", "dispatch") and not settings.general.safe_mode
        me = Identity(_worker(), settings.general.role, is_sending)
        news = asyncio.Event()
        limiter = _limiter(settings, metrics, clock, tell=news.set)
        stack.push_async_callback(limiter.aclose)
        heartbeat = Heartbeat(dsn, me, clock, limiter.shares if is_sending else None, news)
        services: list[Service] = [_ops_door(settings, health, metrics), heartbeat]
        if settings.general.role in ("all", "jobs"):
            services += leaders(dsn, store.for_jobs(), settings, clock, metrics)
            if settings.look_up.per_s > 0:
                services.append(await look_ups(stack, dsn, store.for_jobs(), settings, clock=clock, metrics=metrics))
        if settings.general.role in ("all", "receipts"):
            services.append(_applier(store, settings, clock, metrics))
        announce: Callable[[Lane], None] = _ignore
        if is_sending:
            health.facts["limiter"] = lambda: limiter.state
            dispatch = settings.dispatch
            chooser = Chooser(
                store, clock, max_age_s=dispatch.poll.total_seconds(), of_tenant=dispatch.in_flight,
                is_limited=limiter.is_limited,
            )  # fmt: skip
            announce = chooser.announce
            services += await _dispatcher(
                stack, store, settings, worker=me.worker, limiter=limiter, chooser=chooser, spool=spool, clock=clock,
                metrics=metrics,
            )  # fmt: skip
        elif settings.general.role != "jobs":
            # Callers look at the limits also where nothing is sent.
            services.append(LimitReader(store, limiter))
        callers = CallerLimits.open(settings.redis, settings.callers, metrics=metrics, clock=clock)
        stack.push_async_callback(callers.aclose)
        services += _doors(
            store, settings, callers=callers, limiter=limiter, clock=clock, metrics=metrics, health=health, announce=announce
        )
        yield Runtime(settings, services, health, metrics)


def _facts(store: Store, settings: Settings) -> dict[str, Fact]:
    """What /health/full tells operators."""
    wall = "on" if store.is_walled else "off"
    safe_mode = "on" if settings.general.safe_mode else "off"
    return {
        "mode": lambda: settings.mode, "role": lambda: settings.general.role, "safe_mode": lambda: safe_mode,
        "second_wall": lambda: wall,
    }  # fmt: skip


async def migrate_database(dsn: str, mode: str) -> list[str]:
    """Bring the database to this version; the names of the migrations applied."""
    connection = await connect(dsn)
    try:
        return await migrate(connection, mode)
    finally:
        await connection.close()


def _required(secret: object) -> str:
    reveal = getattr(secret, "reveal", None)
    if reveal is None:
        raise ValueError("a server's URL is missing; the command line starts embedded servers first")
    text: str = reveal()
    return text


async def _ensure_account(store: Store, settings: Settings) -> None:
    async with store.engine() as connection:
        await accounts.ensure_account(connection, AccountId(settings.mitto.traffic_account_id or ""))


def _ignore(_: Lane) -> None:
    """No sender in this process: those of others find what is due by themselves."""


def _ops_door(settings: Settings, health: Health, metrics: Metrics) -> Service:
    """Stands first among the services, so that it answers until the others have drained."""
    app = web.Application()
    app.add_routes(ops.routes(health, metrics))
    return WebServer("ops", app, settings.http, settings.http.ops_port, metrics)


def _doors(  # noqa: PLR0913 - a composition root takes everything
    store: Store, settings: Settings, *, callers: CallerLimits, limiter: Limiter, clock: Clock, metrics: Metrics,
    health: Health, announce: Callable[[Lane], None],
) -> list[Service]:  # fmt: skip
    """The main HTTP listener, for callers and for the provider, and what stores the provider's reports behind it."""
    services: list[Service] = []
    ops_routes = ops.routes(health, metrics)
    extra: list[web.RouteDef] = []
    shortcut: ReportShortcut | None = None
    if settings.general.role in ("all", "receipts") and settings.mitto.webhook_secret is not None:
        receiver = Receiver(store, metrics)
        services.append(receiver)
        extra += webhooks.routes(receiver.accept, settings.mitto.webhook_secret, metrics)
        shortcut = ReportShortcut(
            receiver.accept, settings.mitto.webhook_secret, metrics, new_id=lambda: str(_uuid7(clock)),
            headers=standing_headers(safe_mode=settings.general.safe_mode),
        )  # fmt: skip
    if settings.general.role in ("all", "api", "receipts"):
        kept = settings.http.idempotency_kept
        singles = Singles(store, metrics, new_id=lambda: _uuid7(clock), kept=kept, announce=announce)
        services += [callers, singles]
        parts = ApiParts(
            store=store,
            intake=Intake(
                store, _upload_bounds(settings), metrics, clock=clock, random=os.urandom, most_parts=_most_parts(settings)
            ),
            repeats=Repeats(store, kept),
            singles=singles,
            metrics=metrics,
            clock=clock,
            random=os.urandom,
            http=settings.http,
            authenticator=Authenticator(store, clock),
            callers=callers,
            proxies=Proxies.of(settings.http.trusted_proxies),
            account_id=AccountId(settings.mitto.traffic_account_id or ""),
            sender=settings.mitto.sender_name or "",
            most_parts=_most_parts(settings),
            safe_mode=settings.general.safe_mode,
            provider_scopes=_provider_scopes(settings, limiter),
            speeds=_speeds(settings),
            admin_key=settings.http.admin_key,
        )
        app = make_app(parts, [*ops_routes, *extra])
        services.append(WebServer("http", app, settings.http, settings.http.port, metrics, shortcut=shortcut))
    return services


async def _dispatcher(  # noqa: PLR0913 - a composition root takes everything
    stack: AsyncExitStack, store: Store, settings: Settings, *, worker: str, limiter: Limiter, chooser: Chooser, spool: Path,
    clock: Clock, metrics: Metrics,
) -> list[Service]:  # fmt: skip
    provider = await stack.enter_async_context(MittoClient(settings.mitto))
    parts = DispatchParts(
        store=store,
        chooser=chooser,
        claimer=Claimer(
            store,
            BatchBounds(settings.sms.batch_size, settings.sms.batch_max_bytes),
            worker,
            lambda: _uuid7(clock),  # type: ignore[arg-type, return-value]
            Marks(spool),
            references=settings.has_references,
        ),
        settler=Settler(store, metrics, random.random),
        spool=Spool(spool),
        limiter=limiter,
        provider=provider,
        judge=wire.judge,
        clock=clock,
        metrics=metrics,
    )
    dispatcher = Dispatcher(
        parts,
        in_flight=settings.dispatch.in_flight,
        poll_s=settings.dispatch.poll.total_seconds(),
    )
    return [limiter, LimitReader(store, limiter), dispatcher]


def _limiter(settings: Settings, metrics: Metrics, clock: Clock, *, tell: Callable[[], None]) -> Limiter:
    per_s = settings.mitto.max_segments_per_s
    return Limiter.open(settings.redis, settings.rate_limit, per_s, metrics=metrics, clock=clock, tell=tell)


def _worker() -> str:
    """This start of this process: host and pid may come again, above all in containers."""
    return f"{socket.gethostname()}:{os.getpid()}:{os.urandom(4).hex()}"


def _speeds(settings: Settings) -> Speeds:
    """The limits that a campaign alone would run into first."""
    rates, segments = settings.rate_limit, settings.mitto.max_segments_per_s
    requests = min(
        rates.traffic_account_max / rates.traffic_account_window_ms,
        rates.tenant_max / rates.tenant_window_ms,
        rates.global_max / rates.global_window_ms,
    )
    return Speeds(requests=requests * 1000, segments=segments if isinstance(segments, int) else None)


def _upload_bounds(settings: Settings) -> Sms:
    """A stored batch becomes one body, also with a reference in each message: 57 bytes beside 130 at least."""
    most_bytes = settings.sms.batch_max_bytes
    return Sms(
        batch_size=settings.sms.batch_size, batch_max_bytes=most_bytes * 2 // 3 if settings.has_references else most_bytes
    )


def _provider_scopes(settings: Settings, limiter: Limiter) -> ProviderScopes:
    """What a tenant is shown of them: nothing of what all tenants send together."""
    rates = settings.rate_limit
    windows_s = {"account": rates.traffic_account_window_ms / 1000, "tenant": rates.tenant_window_ms / 1000, "segments": 1.0}
    return ProviderScopes(limiter.look, windows_s)


def _most_parts(settings: Settings) -> int:
    """No message may need more segments than the account may send in a second."""
    limit = settings.mitto.max_segments_per_s
    return min(MOST_PARTS, limit) if isinstance(limit, int) else MOST_PARTS


def _applier(store: Store, settings: Settings, clock: Clock, metrics: Metrics) -> Service:
    receipts = settings.receipts
    witness = Witness(store, read_shown, OrderJudge(metrics), clock)
    return Applier(
        store, metrics, hear=witness.hear, poll_s=receipts.poll.total_seconds(), flush_reports=receipts.flush_reports
    )


def _uuid7(clock: Clock) -> UUID:
    return uuid7(int(clock.now().timestamp() * 1000), os.urandom(RANDOM_BYTES))
