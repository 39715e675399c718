"""The operator's route table, apart from the tenants': another key opens it, and nothing in it belongs to a tenant's key."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from aiohttp import web
from msgspec import Struct

from penstock.api import schemas
from penstock.api.admin import audit, keys, tenants
from penstock.api.admin.auth import require_operator
from penstock.redact import Secret

AdminHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class AdminRoute(Struct, frozen=True):
    """One method at one address, for the operator's key."""

    method: str
    path: str
    handler: AdminHandler
    """Its docstring is the description in the API's document."""
    takes: type[Struct] | None = None
    """The JSON body."""
    gives: object = None
    """The type of the JSON answer."""
    status: int = 200
    """Of the answer when all went well."""

    @property
    def name(self) -> str:
        """As it appears in metrics."""
        return f"{self.method} {self.path}"


TENANTS: Final = "/admin/v1/tenants"
TENANT: Final = f"{TENANTS}/{{tenant_id}}"

_List = schemas.Listing

ADMIN_ROUTES: Final[Sequence[AdminRoute]] = (
    AdminRoute("GET", TENANTS, tenants.index, None, _List[schemas.TenantView]),
    AdminRoute("POST", TENANTS, tenants.create, schemas.NewTenant, schemas.TenantView, 201),
    AdminRoute("GET", TENANT, tenants.show, None, schemas.TenantView),
    AdminRoute("PATCH", TENANT, tenants.change, schemas.TenantChange, schemas.TenantView),
    AdminRoute("POST", f"{TENANT}/deactivate", tenants.deactivate, None, schemas.TenantView),
    AdminRoute("POST", f"{TENANT}/activate", tenants.activate, None, schemas.TenantView),
    AdminRoute("GET", f"{TENANT}/keys", keys.index, None, _List[schemas.KeyView]),
    AdminRoute("POST", f"{TENANT}/keys", keys.create, schemas.NewKey, schemas.ShownKey, 201),
    AdminRoute("DELETE", f"{TENANT}/keys/{{key_id}}", keys.revoke, None, None, 204),
    AdminRoute("POST", f"{TENANT}/keys/{{key_id}}/rotate", keys.rotate, schemas.Rotation, schemas.ShownKey, 201),
    AdminRoute("GET", "/admin/v1/audit", audit.index, None, _List[schemas.ActView]),
)


def for_operators(admin_key: Secret, route: AdminRoute) -> AdminHandler:
    """The route's handler behind the operator's key."""

    async def authenticated(request: web.Request) -> web.StreamResponse:
        require_operator(request, admin_key)
        return await route.handler(request)

    return authenticated
