"""Events from other systems: stored once, answered 201 the first time and 204 ever after, and the sources they come from."""

import re
from typing import TYPE_CHECKING, Final
from uuid import UUID

from aiohttp import web

from penstock import _core
from penstock.api import idempotency, schemas
from penstock.api.answers import answer, stored
from penstock.api.auth import Caller
from penstock.api.bodies import raw_body, read_json, read_object
from penstock.api.parts import PARTS, Parts, new_id
from penstock.api.routes import Also
from penstock.api.singles import rules_for
from penstock.domain.errors import GatewayError, InvalidValueError, KeyRequiredError, NotFoundError
from penstock.domain.event import REFERENCE_FIELD, Identity, Rule, identity_digest
from penstock.domain.ids import message_id
from penstock.ingest import control, events
from penstock.ingest.events import RuledMessage
from penstock.ingest.placing import place_messages
from penstock.ingest.repeats import Replied
from penstock.ingest.single_checks import Asked, check_messages
from penstock.store import events as sources
from penstock.store.events import Event, Source
from penstock.store.idempotency import RequestKey, StoredAnswer
from penstock.store.pool import Connection

if TYPE_CHECKING:
    from penstock.domain.single import Single
    from penstock.ingest.singles import Result

_SOURCE: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,49}")
_KNOWN: Final = StoredAnswer(204, {}, b"")

KNOWN: Final = (Also(204, None, "The event was known: nothing happened."),)
NEW: Final = (Also(201, schemas.SourceView, "The source is new."),)


async def take(request: web.Request, caller: Caller) -> web.Response:
    """Take an event. The first of its kind is stored and may send a message; a repeated one changes nothing."""
    parts = request.app[PARTS]
    source = _source_name(request)
    given = {name.lower(): value for name, value in (await read_object(request, schemas.MOST_EVENT_BYTES)).items()}
    async with parts.store.tenant(caller.tenant_id) as connection:
        setup = await sources.find_source(connection, caller.tenant_id, source)
    identity = _identity(request, given, setup)
    event = Event(caller.tenant_id, source, identity, UUID(new_id(parts)), raw_body(request))

    async def decide() -> Replied:
        sender = _Sender(caller, parts)
        async with parts.store.tenant(caller.tenant_id) as connection, connection.transaction():
            taken = await events.take_event(connection, event, given, setup.rule if setup else None, sender.send)
        parts.singles.announce(caller.tenant_id, sender.messages, sender.results)
        if not taken.is_new:
            return Replied(_KNOWN, is_repeat=True)
        view = schemas.EventTaken(id=str(event.event_id), message_id=taken.message_id, not_sent=taken.not_sent)
        return Replied(stored(view, status=201), is_repeat=False)

    replied = await parts.repeats.first(RequestKey(caller.tenant_id, f"event {source}", identity.hex(), identity), decide)
    if replied.is_repeat:
        parts.metrics.count_duplicate_event(caller.tenant_id, source)
    return idempotency.respond_once(_KNOWN if replied.is_repeat else replied.answer, is_repeat=replied.is_repeat)


async def index(request: web.Request, caller: Caller) -> web.Response:
    """List the sources that were set up."""
    async with request.app[PARTS].store.tenant(caller.tenant_id) as connection:
        found = await sources.list_sources(connection, caller.tenant_id)
    return answer(schemas.Listing([_view(source) for source in found], None))


async def put_source(request: web.Request, caller: Caller) -> web.Response:
    """Say how the events of a source are told apart, and which message they send."""
    source = _source_name(request)
    asked = await read_json(request, schemas.SourceSetup)
    rule = _check_rule(asked.rule)
    async with request.app[PARTS].store.tenant(caller.tenant_id) as connection, connection.transaction():
        is_new = await sources.put_source(connection, caller.tenant_id, source, asked.identity, rule)
        setup = await sources.find_source(connection, caller.tenant_id, source)
    assert setup is not None  # noqa: S101 - written in this transaction
    return answer(_view(setup), status=201 if is_new else 200)


async def drop(request: web.Request, caller: Caller) -> web.Response:
    """Forget a source's set-up. Its events stay known, and new ones are told apart by their key again."""
    async with request.app[PARTS].store.tenant(caller.tenant_id) as connection:
        if not await sources.drop_source(connection, caller.tenant_id, _source_name(request)):
            raise NotFoundError("There is no such source.")
    return web.Response(status=204)


class _Sender:
    """Sends an event's message as the caller would, and remembers it until it is committed."""

    def __init__(self, caller: Caller, parts: Parts) -> None:
        self._caller = caller
        self._parts = parts
        self.messages: list[Single] = []
        self.results: list[Result] = []

    async def send(self, connection: Connection, made: RuledMessage) -> str:
        """Store it in the event's transaction; its id. Raises InvalidValueError, OptedOutError."""
        caller, parts = self._caller, self._parts
        asked = Asked(to=made.to, text=made.text, sender=made.sender or caller.settings.sender or parts.sender)
        (message,) = check_messages([asked], rules_for(caller, parts))
        if isinstance(message, GatewayError):
            raise message
        (placed,) = await place_messages(connection, caller.tenant_id, [message], lambda: UUID(new_id(parts)))
        if isinstance(placed, GatewayError):
            raise placed
        self.messages.append(message)
        self.results.append(placed)
        return message_id(placed.campaign_id, placed.seq)


def _source_name(request: web.Request) -> str:
    name: str = request.match_info["source"]
    if not _SOURCE.fullmatch(name):
        raise NotFoundError("A source has a name of 1 to 50 small letters, digits, dots, dashes and underscores.")
    return name


def _identity(request: web.Request, given: dict[str, object], setup: Source | None) -> bytes:
    """The header's key always counts; without one, what the source says."""
    if (key := idempotency.read_key(request)) is not None:
        return identity_digest("key", key.encode())
    kind: Identity = setup.identity if setup else "reference"
    reference = given.get(REFERENCE_FIELD)
    if kind == "content":
        return identity_digest("content", _core.canonical_json(raw_body(request)))
    if kind == "reference" and isinstance(reference, str) and reference:
        return identity_digest("reference", reference.encode())
    raise KeyRequiredError(
        f"Send an {idempotency.HEADER}" + ("." if kind == "key" else f", or a text in the field {REFERENCE_FIELD}.")
    )


def _check_rule(asked: schemas.RuleSetup | None) -> Rule | None:
    if asked is None:
        return None
    try:
        control.check_text(asked.text, 10)
        if asked.sender is not None:
            control.check_sender(asked.sender)
    except InvalidValueError as error:
        raise InvalidValueError(error.detail, pointer=f"/rule{error.pointer or ''}") from error
    when = {name.lower(): value for name, value in asked.when.items()}
    return Rule(text=asked.text, to=asked.to.lower(), sender=asked.sender, when=when)


def _view(source: Source) -> schemas.SourceView:
    rule = source.rule
    setup = None if rule is None else schemas.RuleSetup(text=rule.text, to=rule.to, sender=rule.sender, when=rule.when)
    return schemas.SourceView(source=source.source, identity=source.identity, rule=setup, created_at=source.created_at)
