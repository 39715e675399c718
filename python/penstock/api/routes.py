"""A route as a value: what the table in app.py is made of, and what the OpenAPI document is made from."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any, Final

from aiohttp import web
from msgspec import Struct

from penstock.api.auth import Caller
from penstock.domain.errors import GatewayError
from penstock.domain.keys import Scope
from penstock.limits.rules import Tier

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
TenantHandler = Callable[[web.Request, Caller], Awaitable[web.StreamResponse]]


class KeyUse(StrEnum):
    """What a route makes of the header Idempotency-Key."""

    NONE = "none"
    """Nothing: repeating the request is harmless, or it has another way to be repeated."""
    OPTIONAL = "optional"
    """With a key it is answered once."""
    REQUIRED = "required"
    """It spends, so it is not accepted without one."""


class Parameter(Struct, frozen=True):
    """Something that a request may carry beside its body: in the query string, or in a header."""

    name: str
    kind: Any
    """The type of its value, with its bounds: what it is checked by, and what the document says."""
    description: str


class Media(Struct, frozen=True):
    """A body that is not one JSON value: a file of recipients, a report."""

    content_type: str
    description: str
    example: str
    kind: Any = None
    """The type of the whole where it is JSON after all, None for text."""
    line: Any = None
    """The type of a line where each line is JSON."""


class Also(Struct, frozen=True):
    """Another answer with which all went well."""

    status: int
    gives: object
    description: str


class Address(Struct, frozen=True):
    """One method at one address, whoever may call it: what is checked before its handler runs, and what the document says."""

    method: str
    path: str
    handler: Callable[..., Awaitable[web.StreamResponse]]
    """Its docstring is the description in the API's document."""
    takes: Any = None
    """The type of the JSON body, a struct but where any object is taken."""
    gives: object = None
    """The type of the JSON answer."""
    status: int = 200
    """Of the answer when all went well."""
    also: tuple[Also, ...] = ()
    query: tuple[Parameter, ...] = ()
    """The parameters it knows. Every other one is refused."""
    headers: tuple[Parameter, ...] = ()
    """Headers of its own, beside those that all routes know. The handler checks them."""
    uploads: tuple[Media, ...] = ()
    """What it takes in place of a JSON value; such bodies are streamed."""
    downloads: tuple[Media, ...] = ()
    """What it gives in place of a JSON value."""
    errors: tuple[type[GatewayError], ...] = ()
    """For the document: what it may refuse beside what follows from the fields above."""

    @property
    def name(self) -> str:
        """As it appears in metrics and as the place of idempotency keys."""
        return f"{self.method} {self.path}"


class Route(Address, frozen=True, kw_only=True):
    """An address for a tenant's key."""

    scope: Scope
    key: KeyUse = KeyUse.NONE
    tier: Tier = Tier.CALL
    """In which limits of callers it counts."""


ROUTE: Final = web.RequestKey("route", Route)
"""The line of the table that a request came by."""

ONCE: Final = KeyUse.OPTIONAL
SPENDS: Final = KeyUse.REQUIRED


def get(  # noqa: PLR0913 - a line of the table
    path: str,
    handler: TenantHandler,
    gives: object,
    *,
    scope: Scope = Scope.READ,
    query: tuple[Parameter, ...] = (),
    downloads: tuple[Media, ...] = (),
) -> Route:
    """Look at something."""
    return Route(method="GET", path=path, handler=handler, scope=scope, gives=gives, query=query, downloads=downloads)


def post(  # noqa: PLR0913 - a line of the table
    path: str,
    handler: TenantHandler,
    takes: Any,  # noqa: ANN401 - a type is any object
    gives: object,
    status: int = 200,
    *,
    key: KeyUse = KeyUse.NONE,
    scope: Scope = Scope.SEND,
    tier: Tier = Tier.CALL,
    query: tuple[Parameter, ...] = (),
    headers: tuple[Parameter, ...] = (),
    uploads: tuple[Media, ...] = (),
    also: tuple[Also, ...] = (),
    errors: tuple[type[GatewayError], ...] = (),
) -> Route:
    """Do something."""
    return Route(
        method="POST", path=path, handler=handler, scope=scope, key=key, takes=takes, gives=gives, status=status, tier=tier,
        query=query, headers=headers, uploads=uploads, also=also, errors=errors,
    )  # fmt: skip


def patch(path: str, handler: TenantHandler, takes: type[Struct], gives: object, *, scope: Scope = Scope.SEND) -> Route:
    """Change something: fields that are given are set, null resets one."""
    return Route(method="PATCH", path=path, handler=handler, scope=scope, takes=takes, gives=gives)


def put(  # noqa: PLR0913 - a line of the table
    path: str,
    handler: TenantHandler,
    takes: type[Struct],
    gives: object,
    *,
    scope: Scope = Scope.SEND,
    also: tuple[Also, ...] = (),
) -> Route:
    """Set something, whatever it was before."""
    return Route(method="PUT", path=path, handler=handler, scope=scope, takes=takes, gives=gives, also=also)


def delete(  # noqa: PLR0913 - a line of the table
    path: str,
    handler: TenantHandler,
    takes: Any,  # noqa: ANN401 - a type is any object
    gives: object,
    status: int = 200,
    *,
    scope: Scope = Scope.SEND,
) -> Route:
    """Take something away."""
    return Route(method="DELETE", path=path, handler=handler, scope=scope, takes=takes, gives=gives, status=status)
