"""A route as a value: what the table in app.py is made of, and what the OpenAPI document is made from."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Final

from aiohttp import web
from msgspec import Struct

from penstock.api.auth import Caller
from penstock.domain.keys import Scope

TenantHandler = Callable[[web.Request, Caller], Awaitable[web.StreamResponse]]


class KeyUse(StrEnum):
    """What a route makes of the header Idempotency-Key."""

    NONE = "none"
    """Nothing: repeating the request is harmless, or it has another way to be repeated."""
    OPTIONAL = "optional"
    """With a key it is answered once."""
    REQUIRED = "required"
    """It spends, so it is not accepted without one."""


class Route(Struct, frozen=True, kw_only=True):
    """One method at one address, for a tenant's key."""

    method: str
    path: str
    handler: TenantHandler
    """Its docstring is the description in the API's document."""
    scope: Scope
    key: KeyUse = KeyUse.NONE
    takes: type[Struct] | None = None
    """The JSON body."""
    gives: object = None
    """The type of the JSON answer."""
    status: int = 200
    """Of the answer when all went well."""

    @property
    def name(self) -> str:
        """As it appears in metrics and as the place of idempotency keys."""
        return f"{self.method} {self.path}"


ONCE: Final = KeyUse.OPTIONAL
SPENDS: Final = KeyUse.REQUIRED


def get(path: str, handler: TenantHandler, gives: object, *, scope: Scope = Scope.READ) -> Route:
    """Look at something."""
    return Route(method="GET", path=path, handler=handler, scope=scope, gives=gives)


def post(  # noqa: PLR0913 - a line of the table
    path: str,
    handler: TenantHandler,
    takes: type[Struct] | None,
    gives: object,
    status: int = 200,
    *,
    key: KeyUse = KeyUse.NONE,
    scope: Scope = Scope.SEND,
) -> Route:
    """Do something."""
    return Route(method="POST", path=path, handler=handler, scope=scope, key=key, takes=takes, gives=gives, status=status)


def patch(path: str, handler: TenantHandler, takes: type[Struct], gives: object, *, scope: Scope = Scope.SEND) -> Route:
    """Change something: fields that are given are set, null resets one."""
    return Route(method="PATCH", path=path, handler=handler, scope=scope, takes=takes, gives=gives)


def delete(  # noqa: PLR0913 - a line of the table
    path: str,
    handler: TenantHandler,
    takes: type[Struct] | None,
    gives: object,
    status: int = 200,
    *,
    scope: Scope = Scope.SEND,
) -> Route:
    """Take something away."""
    return Route(method="DELETE", path=path, handler=handler, scope=scope, takes=takes, gives=gives, status=status)
