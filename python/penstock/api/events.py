"""The progress of a campaign as server-sent events, for pages that watch it.

`progress` when the books have changed, at most once a second; a comment every 15 s, so that proxies keep the line open; `end`
when nothing will change any more. A listener that comes back gets the present state first, so nothing has to be replayed and
Last-Event-ID is not looked at.

No task runs for a listener: each reads for itself, and what one has read within the second the others use. So there is one
query a second for a campaign however many watch it, and nothing is left behind when the last one leaves.
"""

import asyncio
from typing import Final

import msgspec
from aiohttp import web
from msgspec import Struct

from penstock.api import queries, schemas, views
from penstock.api.auth import Caller
from penstock.api.campaigns import find
from penstock.api.parts import PARTS, Parts
from penstock.api.routes import Media
from penstock.domain.campaign import CampaignState
from penstock.domain.errors import UnavailableError
from penstock.domain.ids import CampaignId, TenantId
from penstock.ingest.slots import Slots
from penstock.lifecycle import wait_for_halt
from penstock.store import campaigns
from penstock.store.campaigns import Campaign

EVERY_S: Final = 1.0
HEARTBEAT_S: Final = 15.0
LONGEST_S: Final = 3600.0
"""Then the listener connects again, with a key that is looked up anew."""
MOST_LISTENERS: Final = 500
MOST_LISTENERS_OF_A_TENANT: Final = 50

HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
}
HEARTBEAT: Final = b": still here\n\n"
DOWNLOADS: Final = (
    Media(
        "text/event-stream",
        "Events `progress` and, at last, `end`; the data of each is a JSON object.",
        'event: progress\ndata: {"state":"sending","counts":{"received":3,"skipped":0,"skipped_by_reason":{},"queued":2,'
        '"unknown":0,"sent":1,"delivered":0,"undelivered":0,"expired":0,"rejected":0,"canceled":0},"progress":{"handled":1,'
        '"total":3,"average_per_s":1.0,"expected_finish_at":"2026-03-02T08:02:03Z"}}\n\n',
        line=schemas.ProgressEvent,
    ),
)


class Seen(Struct, frozen=True):
    """What a campaign looked like."""

    at: float
    """By the monotonic clock."""
    event: schemas.ProgressEvent
    is_final: bool


class _Watched:
    """One campaign that is watched, shared by its listeners."""

    def __init__(self) -> None:
        self.listeners = 0
        self.reading = asyncio.Lock()
        self.seen: Seen | None = None


class Watch:
    """The campaigns that are watched through this process."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._watched: dict[tuple[TenantId, CampaignId], _Watched] = {}
        self.slots = Slots("listeners", MOST_LISTENERS, MOST_LISTENERS_OF_A_TENANT)
        self.closing = asyncio.Event()
        """The server stops: every stream ends."""

    def join(self, campaign: Campaign) -> None:
        """One listener more."""
        self._watched.setdefault((campaign.tenant_id, campaign.campaign_id), _Watched()).listeners += 1

    def leave(self, campaign: Campaign) -> None:
        """One less; nothing is kept for none."""
        key = (campaign.tenant_id, campaign.campaign_id)
        self._watched[key].listeners -= 1
        if not self._watched[key].listeners:
            del self._watched[key]

    async def look(self, tenant_id: TenantId, campaign_id: CampaignId) -> Seen:
        """The campaign as it was less than a second ago. For those who joined. Raises UnavailableError."""
        watched = self._watched[tenant_id, campaign_id]
        async with watched.reading:
            now = self._parts.clock.monotonic()
            # A little less than the listeners' own beat, else every second look would find the last one just fresh enough.
            if watched.seen is None or now - watched.seen.at >= EVERY_S * 0.9:
                watched.seen = await self._read(tenant_id, campaign_id, now)
            return watched.seen

    async def _read(self, tenant_id: TenantId, campaign_id: CampaignId, now: float) -> Seen:
        async with self._parts.store.tenant(tenant_id) as connection:
            campaign = await find(connection, tenant_id, campaign_id)
            books = views.counts(await campaigns.get_counts(connection, tenant_id, campaign_id))
        progress = views.progress(campaign, books, self._parts.clock.now())
        event = schemas.ProgressEvent(state=campaign.state, counts=books, progress=progress)
        return Seen(now, event, is_over(campaign))


WATCH: Final = web.AppKey("watch", Watch)


def prepare(app: web.Application) -> None:
    """Make the watch of this application, which ends its streams when the server stops."""
    app[WATCH] = watch = Watch(app[PARTS])

    async def close(_: web.Application) -> None:
        watch.closing.set()

    app.on_shutdown.append(close)


async def stream(request: web.Request, caller: Caller) -> web.StreamResponse:
    """Watch a campaign: `progress` events while its books change, `end` when they will not any more."""
    watch, campaign_id = request.app[WATCH], queries.campaign_id(request)
    with watch.slots.take(caller.tenant_id):
        async with request.app[PARTS].store.tenant(caller.tenant_id) as connection:
            campaign = await find(connection, caller.tenant_id, campaign_id)
        response = web.StreamResponse(headers=HEADERS)
        await response.prepare(request)
        watch.join(campaign)
        try:
            await _tell(request, response, watch, campaign)
        finally:
            watch.leave(campaign)
    return response


async def _tell(request: web.Request, response: web.StreamResponse, watch: Watch, campaign: Campaign) -> None:
    """Until the campaign is over, the listener gone, the server closing, or the time up."""
    clock = request.app[PARTS].clock
    began = written = clock.monotonic()
    told: tuple[str, schemas.Counts] | None = None
    while clock.monotonic() - began < LONGEST_S and request.transport is not None and not request.transport.is_closing():
        try:
            seen = await watch.look(campaign.tenant_id, campaign.campaign_id)
        except UnavailableError:
            seen = None
        if seen is not None and told != (seen.event.state, seen.event.counts):
            await response.write(_event("progress", seen.event))
            told, written = (seen.event.state, seen.event.counts), clock.monotonic()
        if seen is not None and seen.is_final:
            await response.write(_event("end", seen.event))
            break
        if clock.monotonic() - written >= HEARTBEAT_S:
            await response.write(HEARTBEAT)
            written = clock.monotonic()
        if await wait_for_halt(watch.closing, EVERY_S):
            break
    await response.write_eof()


def is_over(campaign: Campaign) -> bool:
    """Whether nothing of it waits, is on its way or in doubt. Reports that come late are no reason to wait."""
    match campaign.state:
        case CampaignState.COMPLETED | CampaignState.FAILED:
            return True
        case CampaignState.CANCELED:
            return campaign.completed_at is not None
        case _:
            return False


def _event(name: str, data: schemas.ProgressEvent) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(data))
