"""Messages looked up: by id, by number or reference, and what happened to one. Numbers travel in bodies only."""

from uuid import UUID

from aiohttp import web

from penstock import _core
from penstock.api import message_views, queries, schemas
from penstock.api.answers import answer
from penstock.api.auth import Caller
from penstock.api.bodies import read_json
from penstock.api.parts import PARTS
from penstock.domain.errors import InvalidValueError, MalformedRequestError, MessagesDroppedError, NotFoundError
from penstock.domain.ids import CampaignId, TenantId, parse_message_id
from penstock.store import message_search, retention
from penstock.store.message_search import FoundMessage, Place
from penstock.store.pool import Connection

_NEWEST: Place = (CampaignId(UUID(int=(1 << 128) - 1)), 0)
_CAMPAIGN_BYTES = 16
_CURSOR_BYTES = _CAMPAIGN_BYTES + 4


async def show(request: web.Request, caller: Caller) -> web.Response:
    """Read a message, whether single or of a campaign."""
    place = message_place(request)
    async with request.app[PARTS].store.tenant(caller.tenant_id) as connection:
        return answer(message_views.detail(await find(connection, caller.tenant_id, place)))


async def timeline(request: web.Request, caller: Caller) -> web.Response:
    """Read what happened to a message: queued, each attempt that carried it, its reports, its end."""
    place = message_place(request)
    async with request.app[PARTS].store.tenant(caller.tenant_id) as connection:
        message = await find(connection, caller.tenant_id, place)
        attempts = await message_search.list_attempts_of(connection, caller.tenant_id, message)
        conflicts = await message_search.list_conflicts_of(connection, message.provider_id) if message.provider_id else []
    return answer(message_views.timeline(message, attempts, conflicts))


async def search(request: web.Request, caller: Caller) -> web.Response:
    """Find messages to a number or with a reference, newest first. `next` of the answer goes into `after`."""
    asked = await read_json(request, schemas.SearchRequest)
    if (asked.number is None) == (asked.reference is None):
        raise InvalidValueError("Give either a number or a reference.")
    number = None if asked.number is None else _read_number(asked.number, caller.settings.default_region)
    before = _NEWEST if asked.after is None else _open_cursor(asked.after)
    async with request.app[PARTS].store.tenant(caller.tenant_id) as connection:
        # Read before the page: what is indexed meanwhile may be missing from it.
        until = await message_search.indexed_until(connection, caller.tenant_id)
        places = await _find(connection, caller.tenant_id, number, asked, before)
        found = await message_search.list_found(connection, caller.tenant_id, places)
    # A number of a draft that was emptied is still indexed, and another may stand in its place.
    items = [message_views.detail(message) for message in found if number in (None, message.msisdn)]
    more = queries.encode_cursor(_cursor(places[-1])) if len(places) == asked.limit else None
    return answer(schemas.Found(items=items, next=more, indexed_until=until))


async def find(connection: Connection, tenant_id: TenantId, place: Place) -> FoundMessage:
    """The tenant's message. Raises NotFoundError, also for another tenant's, and MessagesDroppedError."""
    found = await message_search.list_found(connection, tenant_id, [place])
    if found:
        return found[0]
    if await retention.are_messages_dropped(connection, tenant_id, place[0]):
        raise MessagesDroppedError("The messages of that time are not kept any more.")
    raise NotFoundError("There is no such message.")


def message_place(request: web.Request) -> Place:
    """The id in the path. Anything that cannot be one does not exist."""
    place = parse_message_id(request.match_info["message_id"])
    if place is None:
        raise NotFoundError("There is no such message.")
    return place


async def _find(
    connection: Connection, tenant_id: TenantId, number: int | None, asked: schemas.SearchRequest, before: Place
) -> list[Place]:
    if number is not None:
        return await message_search.find_by_number(connection, tenant_id, number, before, asked.limit)
    return await message_search.find_by_reference(connection, tenant_id, asked.reference or "", before, asked.limit)


def _read_number(text: str, region: str | None) -> int:
    (number,) = _core.read_numbers([text], region)
    if number is None:
        raise InvalidValueError("A number is written as + and the digits of its country and itself.", pointer="/number")
    return number


def _cursor(place: Place) -> bytes:
    campaign_id, seq = place
    return campaign_id.bytes + seq.to_bytes(_CURSOR_BYTES - _CAMPAIGN_BYTES, "big")


def _open_cursor(text: str) -> Place:
    cursor = queries.decode_cursor(text)
    seq = int.from_bytes(cursor[_CAMPAIGN_BYTES:], "big")
    if len(cursor) != _CURSOR_BYTES or seq >= 1 << 31:
        raise MalformedRequestError("The cursor in after is not one of ours: give next of the page before.", pointer="/after")
    return CampaignId(UUID(bytes=cursor[:_CAMPAIGN_BYTES])), seq
