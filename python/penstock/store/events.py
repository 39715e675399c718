"""Events from elsewhere and the sources they come from."""

from datetime import datetime
from uuid import UUID

import msgspec
from asyncpg import Record
from msgspec import Struct

from penstock.domain.event import Identity, Rule
from penstock.domain.ids import TenantId
from penstock.store.pool import Connection
from penstock.store.queries import query, row_count

FIND_SOURCE = query("events.find_source")
LIST_SOURCES = query("events.list_sources")
PUT_SOURCE = query("events.put_source")
DROP_SOURCE = query("events.drop_source")
ADD_EVENT = query("events.add_event")
NOTE_EVENT_MESSAGE = query("events.note_event_message")


class Source(Struct, frozen=True):
    """Where events come from, and what they are for."""

    source: str
    identity: Identity
    rule: Rule | None
    created_at: datetime


class Event(Struct, frozen=True):
    """One event as it arrived."""

    tenant_id: TenantId
    source: str
    identity: bytes
    event_id: UUID
    body: bytes


def _source(row: Record) -> Source:
    rule = None if row["rule"] is None else msgspec.json.decode(row["rule"], type=Rule)
    return Source(**{**row, "rule": rule})


async def find_source(connection: Connection, tenant_id: TenantId, source: str) -> Source | None:
    """The tenant's source of that name."""
    row = await connection.fetchrow(FIND_SOURCE, tenant_id, source)
    return _source(row) if row else None


async def list_sources(connection: Connection, tenant_id: TenantId) -> list[Source]:
    """All of the tenant's sources, by name."""
    return [_source(row) for row in await connection.fetch(LIST_SOURCES, tenant_id)]


async def put_source(connection: Connection, tenant_id: TenantId, source: str, identity: Identity, rule: Rule | None) -> bool:
    """Set a source up or change it; whether it is new."""
    text = None if rule is None else msgspec.json.encode(rule).decode()
    is_new: bool = await connection.fetchval(PUT_SOURCE, tenant_id, source, identity, text)
    return is_new


async def drop_source(connection: Connection, tenant_id: TenantId, source: str) -> bool:
    """Whether there was such a source."""
    return row_count(await connection.execute(DROP_SOURCE, tenant_id, source)) == 1


async def add_event(connection: Connection, event: Event) -> bool:
    """Whether the event is new."""
    added = await connection.fetchval(ADD_EVENT, event.tenant_id, event.source, event.identity, event.event_id, event.body)
    return added is not None


async def note_event_message(connection: Connection, event: Event, message_id: str) -> None:
    """Write down which message a new event sent."""
    await connection.execute(NOTE_EVENT_MESSAGE, event.tenant_id, event.source, event.identity, message_id)
