"""Probes and metrics: what orchestrators and Prometheus ask. No credential, no tenant data."""

from typing import Final

import orjson
from aiohttp import web

from penstock import __version__
from penstock.health import Health
from penstock.telemetry.metrics import Metrics

PATHS: Final = frozenset(
    {"/livez", "/healthz", "/startupz", "/health/ready", "/readiness", "/health", "/health/full", "/metrics"}
)
"""Asked every few seconds: their requests are measured, but make no log line."""


def routes(health: Health, metrics: Metrics) -> list[web.RouteDef]:
    """The operations routes, for the ops port and the main one."""

    async def live(_: web.Request) -> web.Response:
        """The process turns its loop. No dependency is asked: a restart would not mend one."""
        return _answer(200, {"status": "ok", "version": __version__})

    async def startup(_: web.Request) -> web.Response:
        """Everything is opened and migrated."""
        return _answer(200 if health.started else 503, {"status": "ok" if health.started else "starting"})

    async def ready(_: web.Request) -> web.Response:
        """Traffic may come: dependencies answer and the process is not draining."""
        is_ready, checks = await health.ready()
        return _answer(200 if is_ready else 503, {"status": "ok" if is_ready else "unavailable", "checks": checks})

    async def full(_: web.Request) -> web.Response:
        """The same with what else there is to know."""
        is_ready, checks = await health.ready()
        status = "ok" if is_ready else "unavailable"
        facts = {name: fact() for name, fact in health.facts.items()}
        content: dict[str, object] = {"status": status, "version": __version__, "checks": checks, "facts": facts}
        content |= await health.explain()
        return _answer(200 if is_ready else 503, content)

    async def scrape(request: web.Request) -> web.Response:
        body, content_type = metrics.render(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    return [
        web.get("/livez", live),
        web.get("/healthz", live),
        web.get("/startupz", startup),
        web.get("/health/ready", ready),
        web.get("/readiness", ready),
        web.get("/health", ready),
        web.get("/health/full", full),
        web.get("/metrics", scrape),
    ]


def _answer(status: int, content: dict[str, object]) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(content), content_type="application/json")
