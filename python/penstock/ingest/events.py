"""Business events: stored once each, and the new ones send the message that a rule of their source names.

Not for single messages themselves: how one is stored is handed in.
"""

from collections.abc import Awaitable, Callable

from msgspec import Struct

from penstock import _core
from penstock.domain.errors import InvalidValueError, OptedOutError
from penstock.domain.event import Rule, rule_applies, template_value
from penstock.store import events
from penstock.store.events import Event
from penstock.store.pool import Connection


class RuledMessage(Struct, frozen=True):
    """What a rule makes of an event."""

    to: str
    text: str
    sender: str | None


class Taken(Struct, frozen=True):
    """What became of an event."""

    is_new: bool
    message_id: str | None = None
    not_sent: str | None = None
    """Why a rule that applies sent nothing."""


SendMessage = Callable[[Connection, RuledMessage], Awaitable[str]]
"""Stores a single message in the transaction and returns its id. Raises InvalidValueError and OptedOutError."""


async def take_event(
    connection: Connection, event: Event, fields: dict[str, object], rule: Rule | None, send: SendMessage
) -> Taken:
    """Store the event and send its message, in the caller's transaction. A repeated event does neither."""
    if not await events.add_event(connection, event):
        return Taken(is_new=False)
    if rule is None or not rule_applies(rule, fields):
        return Taken(is_new=True)
    try:
        message_id = await send(connection, render(rule, fields))
    except (InvalidValueError, OptedOutError) as error:
        return Taken(is_new=True, not_sent=error.detail)
    await events.note_event_message(connection, event, message_id)
    return Taken(is_new=True, message_id=message_id)


def render(rule: Rule, fields: dict[str, object]) -> RuledMessage:
    """The message of an event. Raises InvalidValueError when a field that the rule needs is missing or of another kind."""
    to = template_value(fields, rule.to)
    if to is None:
        raise InvalidValueError(f"The event has no number in the field {rule.to}.", pointer=f"/{rule.to}")
    template = _core.Template(rule.text)
    values: list[str] = []
    for name in template.names:
        value = template_value(fields, name)
        if value is None:
            raise InvalidValueError(f"The event has no text or number in the field {name}.", pointer=f"/{name}")
        values.append(value)
    return RuledMessage(to, template.render(values), rule.sender)
