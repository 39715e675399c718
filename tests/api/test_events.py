"""The progress of a campaign as server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from aiohttp import web

from penstock.api import events
from penstock.api.app import make_app
from penstock.api.events import WATCH, Watch
from penstock.api.parts import Parts
from penstock.api.server import WebServer
from penstock.domain.ids import CampaignId
from penstock.reconcile.canceled import sweep_canceled
from tests.api.conftest import KEY, Api, rows


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Listeners look twenty times a second."""
    monkeypatch.setattr(events, "EVERY_S", 0.05)


class Stream:
    """An open stream, event by event."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def next(self) -> tuple[str, Any]:
        """Name and data of the next event; a comment is an event without a name."""
        name, data = "", None
        async with asyncio.timeout(20):
            while line := (await self.response.content.readline()).decode().rstrip("\n"):
                key, _, value = line.partition(": ")
                name, data = (value, data) if key == "event" else (name, json.loads(value) if key == "data" else value)
        return name, data

    async def is_at_end(self) -> bool:
        """Whether the server has ended it."""
        async with asyncio.timeout(20):
            return await self.response.content.read() == b""


@asynccontextmanager
async def listen(api: Api, campaign: str, **headers: str) -> AsyncIterator[Stream]:
    """A listener."""
    sent = {"Authorization": f"Bearer {api.key}", **headers}
    async with api.session.get(f"{api.url}/v1/campaigns/{campaign}/events", headers=sent) as response:
        assert response.status == 200, await response.read()
        assert response.headers["Content-Type"].startswith("text/event-stream")
        yield Stream(response)


@asynccontextmanager
async def served(api: Api, app: web.Application) -> AsyncIterator[tuple[Api, asyncio.Event]]:
    """The tenant at a server of the test's own, and what stops it."""
    server, halt = WebServer("second", app, api.parts.http, 0, api.parts.metrics), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(server.run(halt))
        await server.listening.wait()
        yield Api(api.session, f"http://127.0.0.1:{server.port}", KEY, api.tenant_id, api.parts), halt
        halt.set()


async def filled(api: Api, n: int = 3) -> str:
    """A draft with recipients."""
    campaign = await api.create()
    await api.upload(campaign, rows(n))
    return campaign


async def test_progress_until_the_end(api: Api) -> None:
    """The present state comes first, each change after it, and `end` when nothing will change any more."""
    campaign = await filled(api)
    async with listen(api, campaign, **{"Last-Event-ID": "7"}) as stream:
        name, data = await stream.next()
        assert (name, data["state"], data["counts"]["queued"], data["progress"]) == ("progress", "draft", 3, None)
        await api.call("POST", f"/v1/campaigns/{campaign}/send")
        assert (await stream.next())[1]["state"] == "sending"
        await api.call("POST", f"/v1/campaigns/{campaign}/cancel")
        assert (await stream.next())[1]["state"] == "canceled"
        await sweep_canceled(api.parts.store)
        name, data = await stream.next()
        if name == "progress":
            name, data = await stream.next()
        assert (name, data["counts"]["canceled"]) == ("end", 3)
        assert await stream.is_at_end()


async def test_an_ended_campaign_ends_at_once(api: Api) -> None:
    """Whoever comes late gets the last state and the end."""
    campaign = await filled(api)
    await api.call("POST", f"/v1/campaigns/{campaign}/cancel")
    await sweep_canceled(api.parts.store)
    async with listen(api, campaign) as stream:
        assert [(await stream.next())[0] for _ in range(2)] == ["progress", "end"]
        assert await stream.is_at_end()


async def test_a_quiet_line_has_a_heartbeat(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """When nothing changes a comment is sent now and then."""
    monkeypatch.setattr(events, "HEARTBEAT_S", 0.1)
    async with listen(api, await filled(api)) as stream:
        await stream.next()
        assert await stream.next() == ("", "still here")


async def test_listeners_share_their_queries(parts: Parts, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many look within a second, the campaign is read once; when the last one leaves nothing is kept."""
    monkeypatch.setattr(events, "EVERY_S", 60)
    campaign = await filled(api)
    async with parts.store.engine() as connection:
        found = await events.find(connection, api.tenant_id, CampaignId(UUID(campaign)))
    watch, reads = Watch(parts), 0
    read = watch._read

    async def counted(*asked: Any) -> Any:
        nonlocal reads
        reads += 1
        return await read(*asked)

    monkeypatch.setattr(watch, "_read", counted)
    for _ in range(20):
        watch.join(found)
    seen = await asyncio.gather(*(watch.look(found.tenant_id, found.campaign_id) for _ in range(20)))
    assert (reads, len({id(one) for one in seen})) == (1, 1)
    for _ in range(20):
        watch.leave(found)
    assert watch._watched == {}


async def test_one_listener_too_many_is_told_to_come_again(parts: Parts, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenant has its share of places; a place is free again when its listener has gone."""
    campaign = await filled(api)
    monkeypatch.setattr(events, "MOST_LISTENERS_OF_A_TENANT", 1)
    app = make_app(parts)
    async with asyncio.timeout(20), served(api, app) as (second, _):
        async with listen(second, campaign) as first:
            await first.next()
            refused = await second.call("GET", f"/v1/campaigns/{campaign}/events")
            assert (refused.status, refused.json["code"], "Retry-After" in refused.headers) == (503, "unavailable", True)
        while app[WATCH]._watched:  # noqa: ASYNC110 - the server notices in its own time that the listener has gone
            await asyncio.sleep(0.01)
        async with listen(second, campaign) as again:
            await again.next()


async def test_the_server_stops_while_somebody_listens(parts: Parts, api: Api) -> None:
    """A stop ends the streams at once instead of waiting for them."""
    campaign = await filled(api)
    async with asyncio.timeout(10), served(api, make_app(parts)) as (second, halt), listen(second, campaign) as stream:
        await stream.next()
        halt.set()
        assert await stream.is_at_end()


async def test_an_outage_of_the_database_is_no_end(parts: Parts, api: Api) -> None:
    """While the database is away nothing is told; then the stream goes on."""
    campaign = await filled(api)
    async with listen(api, campaign) as stream:
        await stream.next()
        async with parts.store.engine() as connection:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'penstock-api'"
            )
            await connection.execute("UPDATE campaign SET state = 'paused' WHERE campaign_id = $1", campaign)
        assert (await stream.next())[1]["state"] == "paused"
