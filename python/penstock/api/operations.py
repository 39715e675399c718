"""Routes become operations of the OpenAPI document, with the errors that follow from what a route does."""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from msgspec import Meta

from penstock.api.examples import EXAMPLES
from penstock.api.open_routes import JSON, OpenRoute
from penstock.api.problems import CONTENT_TYPE, INTERNAL, TABLE, Problem, Row
from penstock.api.queries import DEFAULT_LIMIT, TENANT_ID
from penstock.api.routes import Address, KeyUse, Media, Parameter, Route
from penstock.domain import errors

SchemaOf = Callable[[Any], Mapping[str, Any]]
"""The schema of a type, usually a reference."""

Operation = dict[str, Any]

PATH_PARAMETERS: Final[Mapping[str, Parameter]] = {
    "campaign_id": Parameter("campaign_id", UUID, "The campaign's id."),
    "message_id": Parameter(
        "message_id", Annotated[str, Meta(max_length=42, pattern="^[0-9a-fA-F]{32}-[0-9]{1,9}$")], "The message's id."
    ),
    "tenant_id": Parameter("tenant_id", TENANT_ID, "The tenant's id."),
    "key_id": Parameter("key_id", Annotated[int, Meta(ge=1, le=(1 << 63) - 1)], "The key's id."),
    "batch_id": Parameter("batch_id", Annotated[int, Meta(ge=1, le=(1 << 63) - 1)], "The batch's id."),
    "account_id": Parameter(
        "account_id", Annotated[str, Meta(max_length=64, pattern="^[!-~]+$")], "The traffic account at the provider."
    ),
    "source": Parameter(
        "source", Annotated[str, Meta(max_length=50, pattern="^[a-z0-9][a-z0-9_.-]*$")], "Your name for where events come from."
    ),
    "code": Parameter("code", Annotated[str, Meta(max_length=64, pattern="^[a-z_]+$")], "The code of an error."),
}
IDEMPOTENCY_KEY: Final = Parameter(
    "Idempotency-Key",
    Annotated[str, Meta(min_length=1, max_length=255, pattern="^[!#-~][!-~]*$")],
    "Your name for this request. Repeated under the same name it is answered with the first answer, and nothing happens twice.",
)
_PLACE: Final = re.compile(r"\{(\w+)\}")
_MESSAGES: Final = re.compile(r"\{message_id\}|\{campaign_id\}/(?!events|quote|test)")
"""What is asked for needs the messages, or whatever stands beside them."""
_CHANGING: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})

_HEADERS: Final[Mapping[int, tuple[str, ...]]] = {
    401: ("WWW-Authenticate",),
    429: ("Retry-After", "RateLimit-Policy", "RateLimit"),
    503: ("Retry-After",),
}
"""Headers of an answer beside those that all have, by status."""


def kinds_of(route: Address) -> Iterable[Any]:
    """Every type that a route's operation refers to."""
    found = [route.takes, route.gives, *(one.gives for one in route.also)]
    for media in (*route.uploads, *route.downloads):
        found += [media.kind, media.line]
    found += [one.kind for one in (*route.query, *route.headers, *path_parameters(route.path))]
    return (kind for kind in found if kind is not None)


def path_parameters(path: str) -> list[Parameter]:
    """What varies in an address."""
    return [PATH_PARAMETERS[name] for name in _PLACE.findall(path)]


def operation_of(route: Address, schema_of: SchemaOf, security: str) -> Operation:
    """A route of a table, for holders of a key."""
    summary, description = _described(route.handler)
    scopes = [str(route.scope)] if isinstance(route, Route) else []
    needed = "".join(f"Needs a key with the scope `{scope}`." for scope in scopes)
    operation: Operation = {
        "operationId": f"{_module_of(route.handler)}_{route.handler.__name__}",
        "tags": [_tag_of(route.path)],
        "summary": summary,
        "description": f"{description}\n\n{needed}".strip(),
        "security": [{security: scopes}],
        "parameters": _parameters(route, schema_of),
        "responses": {**_answers(route, schema_of), **problems(_rows_of(route), schema_of)},
    }
    body = _request_body(route, schema_of)
    return operation | ({"requestBody": body} if body else {})


def open_operation_of(route: OpenRoute, schema_of: SchemaOf) -> Operation:
    """A route without a key."""
    content = {"content": {route.gives: {"schema": _loose(route.gives)}}} if route.gives else {}
    answers = {str(route.status): {"description": HTTPStatus(route.status).phrase, **content}}
    if route.is_unready:
        answers["503"] = {"description": "Not now.", **content}
    name = re.sub(r"\W+", "_", route.path).strip("_")
    operation: Operation = {
        "operationId": f"{name}_{route.method.lower()}",
        "tags": [route.tag],
        "summary": route.summary,
        "security": [{"webhookSecret": []}, {"webhookToken": []}] if route.is_with_secret else [],
        "parameters": [_parameter(one, "path", schema_of) for one in path_parameters(route.path)],
        "responses": {**answers, **problems([TABLE[kind] for kind in route.errors], schema_of)},
    }
    body = {"content": {kind: {"schema": _loose(kind)} for kind in route.takes}}
    return operation | ({"requestBody": body} if route.takes else {})


def _loose(content_type: str) -> dict[str, Any]:
    """What is described in words only."""
    return {} if content_type == JSON else {"type": "string"}


def _tag_of(path: str) -> str:
    """`/v1/campaigns/…` is about campaigns; what begins with `/admin` is for operators."""
    first, second = path.split("/")[1:3]
    return "operators" if first == "admin" else second


def _key_use(route: Address) -> KeyUse:
    return route.key if isinstance(route, Route) else KeyUse.NONE


def _module_of(handler: Callable[..., object]) -> str:
    return handler.__module__.removeprefix("penstock.api.").replace(".", "_")


def _described(handler: Callable[..., object]) -> tuple[str, str]:
    """The first line of its docstring, and the rest."""
    summary, _, rest = inspect.cleandoc(handler.__doc__ or "").partition("\n")
    return summary, rest.strip()


def _parameters(route: Address, schema_of: SchemaOf) -> list[dict[str, Any]]:
    found = [_parameter(one, "path", schema_of) for one in path_parameters(route.path)]
    found += [_parameter(one, "query", schema_of) for one in route.query]
    found += [_parameter(one, "header", schema_of) for one in route.headers]
    if _key_use(route) is not KeyUse.NONE:
        found.append(_parameter(IDEMPOTENCY_KEY, "header", schema_of, is_required=_key_use(route) is KeyUse.REQUIRED))
    return [*found, {"$ref": "#/components/parameters/RequestId"}]


def _parameter(one: Parameter, place: str, schema_of: SchemaOf, *, is_required: bool = False) -> dict[str, Any]:
    schema = dict(schema_of(one.kind))
    if one.name == "limit":
        schema["default"] = DEFAULT_LIMIT
    return {
        "name": one.name, "in": place, "required": is_required or place == "path", "description": one.description,
        "schema": schema,
    }  # fmt: skip


def _request_body(route: Address, schema_of: SchemaOf) -> dict[str, Any] | None:
    if route.uploads:
        return {"required": True, "content": {one.content_type: _media(one, schema_of) for one in route.uploads}}
    if route.takes is None:
        return None
    content: dict[str, Any] = {"schema": schema_of(route.takes)}
    example = EXAMPLES.get(route.name)
    if example is not None and example.takes is not None:
        content["example"] = example.takes
    return {"required": _needs_body(route.takes), "content": {JSON: content}}


def _needs_body(kind: Any) -> bool:  # noqa: ANN401 - a type is any object
    is_struct = isinstance(kind, type) and issubclass(kind, msgspec.Struct)
    return not is_struct or any(field.required for field in msgspec.structs.fields(kind))


def _media(one: Media, schema_of: SchemaOf) -> dict[str, Any]:
    if one.kind is not None:
        return {"schema": schema_of(one.kind), "example": msgspec.json.decode(one.example)}
    schema: dict[str, Any] = {"type": "string", "description": one.description}
    if one.line is not None:
        schema["x-line"] = schema_of(one.line)
    return {"schema": schema, "example": one.example}


def _success(route: Address, schema_of: SchemaOf) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(route.status).phrase, "headers": _header_refs(route)}
    if route.downloads:
        answer["content"] = {one.content_type: _media(one, schema_of) for one in route.downloads}
    elif route.gives is not None:
        content: dict[str, Any] = {"schema": schema_of(route.gives)}
        example = EXAMPLES.get(route.name)
        if example is not None and example.gives is not None:
            content["example"] = example.gives
        answer["content"] = {JSON: content}
    return answer


def _answers(route: Address, schema_of: SchemaOf) -> dict[str, Any]:
    """When all went well."""
    answers: dict[str, Any] = {str(route.status): _success(route, schema_of)}
    for one in route.also:
        content = {} if one.gives is None else {"content": {JSON: {"schema": schema_of(one.gives)}}}
        answers[str(one.status)] = {"description": one.description, "headers": _header_refs(route), **content}
    return answers


def _header_refs(route: Address) -> dict[str, Any]:
    names = ["X-Request-Id"]
    names += ["RateLimit-Policy", "RateLimit"] if isinstance(route, Route) else []
    names += ["X-Idempotency"] if _key_use(route) is not KeyUse.NONE else []
    names += ["Location"] if route.status == HTTPStatus.CREATED else []
    names += ["Content-Disposition"] if route.downloads else []
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _rows_of(route: Address) -> list[Row]:
    """The errors that follow from what a route takes and does; what it refuses besides has one of these codes too."""
    kinds: list[type[errors.GatewayError]] = [
        errors.MalformedRequestError, errors.UnauthenticatedError, errors.NotAllowedError, errors.LimitReachedError,
        errors.UnavailableError,
    ]  # fmt: skip
    is_changing, has_body, key = route.method in _CHANGING, bool(route.takes or route.uploads), _key_use(route)
    kinds += [errors.NotFoundError] if _PLACE.search(route.path) else []
    kinds += [errors.MessagesDroppedError] if _MESSAGES.search(route.path) else []
    kinds += [errors.StateConflictError] if is_changing and _PLACE.search(route.path) else []
    kinds += [errors.TooLargeError] if is_changing else []
    kinds += [errors.RequestTimeoutError, errors.UnsupportedTypeError] if has_body else []
    kinds += [errors.InvalidValueError] if has_body or route.query or route.headers or key is not KeyUse.NONE else []
    kinds += [errors.InProgressError, errors.KeyReusedError] if key is not KeyUse.NONE else []
    kinds += [errors.KeyRequiredError] if key is KeyUse.REQUIRED else []
    return [*(TABLE[kind] for kind in (*kinds, *route.errors)), INTERNAL]


def problems(rows: Iterable[Row], schema_of: SchemaOf) -> dict[str, Any]:
    """Errors by status; several codes may share one."""
    by_status: dict[int, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row.status):
        by_status.setdefault(row.status, []).append(row)
    return {str(status): _problem(status, found, schema_of) for status, found in by_status.items()}


def _problem(status: int, rows: list[Row], schema_of: SchemaOf) -> dict[str, Any]:
    names = ("X-Request-Id", *_HEADERS.get(status, ()))
    return {
        "description": " ".join(f"`{row.code}`: {row.title}" for row in rows),
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
        "content": {CONTENT_TYPE: {"schema": schema_of(Problem)}},
    }
