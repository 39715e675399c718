"""Single messages: sent, and taken back."""

from collections.abc import Callable, Sequence
from typing import Final, cast

from aiohttp import web

from penstock.api import message_views, problems, schemas
from penstock.api.answers import answer, stored
from penstock.api.auth import Caller
from penstock.api.bodies import read_json
from penstock.api.idempotency import once_grouped
from penstock.api.lookup import find, message_place
from penstock.api.names import request_id
from penstock.api.parts import PARTS, Parts
from penstock.api.routes import Also
from penstock.domain.errors import GatewayError, InvalidValueError, StateConflictError
from penstock.domain.ids import AccountId
from penstock.domain.message import MessageState
from penstock.domain.single import Placed, Single
from penstock.ingest.canceling import cancel_message
from penstock.ingest.repeats import Replied
from penstock.ingest.single_checks import Asked, Rules, check_messages
from penstock.ingest.singles import Result
from penstock.store.idempotency import RequestKey, StoredAnswer

ALSO: Final = (Also(200, schemas.MessageResults, "What became of each message of a list, in its order."),)


async def create(request: web.Request, caller: Caller) -> web.Response:
    """Send one message, or a list of up to 1,000: then each is accepted or refused by itself."""
    parts = request.app[PARTS]
    body = await read_json(request, schemas.NewMessages)
    asked = _asked(body)
    messages = check_messages([_with_sender(one, caller, parts) for one in asked], rules_for(caller, parts))
    render = _render_list(messages) if body.messages is not None else render_one(messages[0], request_id(request))

    async def send(key: RequestKey | None) -> Replied:
        if key is None and not any(isinstance(message, Single) for message in messages):
            return Replied(render(cast("Sequence[Result]", messages)), is_repeat=False)
        return await parts.singles.send(caller.tenant_id, key, messages, render)

    return await once_grouped(request, caller, send)


async def cancel(request: web.Request, caller: Caller) -> web.Response:
    """Take a message back while it is queued. Once it is being sent that is a conflict, which names the state."""
    place = message_place(request)
    async with request.app[PARTS].store.tenant(caller.tenant_id) as connection:
        async with connection.transaction():
            is_canceled = await cancel_message(connection, caller.tenant_id, *place)
        message = await find(connection, caller.tenant_id, place)
    if not is_canceled and message.state != MessageState.CANCELED:
        state = "taken for sending" if message.state == MessageState.QUEUED else message.state
        raise StateConflictError(f"Only a message that waits can be canceled; this one is {state}.")
    return answer(message_views.detail(message))


def _asked(body: schemas.NewMessages) -> Sequence[schemas.NewMessage]:
    """The messages of either form."""
    if body.messages is not None:
        if body != schemas.NewMessages(messages=body.messages):
            raise InvalidValueError("Give either one message or a list under messages, not both.", pointer="/messages")
        return body.messages
    if body.to is None or body.text is None:
        missing = "to" if body.to is None else "text"
        raise InvalidValueError(f"A message needs the field {missing}.", pointer=f"/{missing}")
    return [schemas.NewMessage(to=body.to, text=body.text, sender=body.sender, send_at=body.send_at, reference=body.reference)]


def _with_sender(one: schemas.NewMessage, caller: Caller, parts: Parts) -> Asked:
    sender = (caller.settings.sender or parts.sender) if one.sender is None else one.sender
    return Asked(to=one.to, text=one.text, sender=sender, send_at=one.send_at, reference=one.reference)


def rules_for(caller: Caller, parts: Parts) -> Rules:
    """What the caller's tenant and this moment say about a message."""
    return Rules(
        account_id=AccountId(caller.settings.traffic_account_id or parts.account_id),
        region=caller.settings.default_region, most_parts=parts.most_parts, now=parts.clock.now(),
    )  # fmt: skip


def render_one(message: Single | GatewayError, name: str) -> Callable[[Sequence[Result]], StoredAnswer]:
    """The answer to a request with one message; `name` is the request's own."""

    def render(results: Sequence[Result]) -> StoredAnswer:
        (result,) = results
        if isinstance(result, Placed) and isinstance(message, Single):
            view = message_views.placed(message, result)
            return stored(view, status=201, location=f"/v1/messages/{view.id}")
        return problems.refusal(cast("GatewayError", result), name)

    return render


def _render_list(messages: Sequence[Single | GatewayError]) -> Callable[[Sequence[Result]], StoredAnswer]:
    def render(results: Sequence[Result]) -> StoredAnswer:
        items = [_item(position, *pair) for position, pair in enumerate(zip(messages, results, strict=True))]
        accepted = sum(item.error is None for item in items)
        return stored(schemas.MessageResults(items=items, accepted=accepted, refused=len(items) - accepted))

    return render


def _item(position: int, message: Single | GatewayError, result: Result) -> schemas.MessageResult:
    if isinstance(result, Placed) and isinstance(message, Single):
        return schemas.MessageResult(message=message_views.placed(message, result))
    error = cast("GatewayError", result)
    pointer = f"/messages/{position}{error.pointer or ''}"
    return schemas.MessageResult(error=schemas.MessageError(error.code, error.detail, pointer))
