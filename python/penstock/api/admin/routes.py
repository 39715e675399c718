"""The operator's route table, apart from the tenants': another key opens it, and nothing in it belongs to a tenant's key."""

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from penstock.api import limited, queries, schemas
from penstock.api.admin import accounts, audit, batches, dead_letters, findings, keys, tenants
from penstock.api.admin.auth import require_operator
from penstock.api.queries import PAGE
from penstock.api.routes import Address, Handler
from penstock.domain.errors import StateConflictError, UnauthenticatedError
from penstock.redact import Secret


class AdminRoute(Address, frozen=True):
    """One method at one address, for the operator's key."""


TENANTS: Final = "/admin/v1/tenants"
TENANT: Final = f"{TENANTS}/{{tenant_id}}"
BATCHES: Final = "/admin/v1/batches"
ACCOUNTS: Final = "/admin/v1/accounts"
ACCOUNT: Final = f"{ACCOUNTS}/{{account_id}}"
DEAD_LETTERS: Final = "/admin/v1/dead-letters"
DEAD_LETTER: Final = f"{DEAD_LETTERS}/{{batch_id}}"

_List = schemas.Listing

ADMIN_ROUTES: Final[Sequence[AdminRoute]] = (
    AdminRoute("GET", TENANTS, tenants.index, None, _List[schemas.TenantView], query=PAGE),
    AdminRoute("POST", TENANTS, tenants.create, schemas.NewTenant, schemas.TenantView, 201, errors=(StateConflictError,)),
    AdminRoute("GET", TENANT, tenants.show, None, schemas.TenantView),
    AdminRoute("PATCH", TENANT, tenants.change, schemas.TenantChange, schemas.TenantView),
    AdminRoute("POST", f"{TENANT}/deactivate", tenants.deactivate, None, schemas.TenantView),
    AdminRoute("POST", f"{TENANT}/activate", tenants.activate, None, schemas.TenantView),
    AdminRoute("GET", f"{TENANT}/keys", keys.index, None, _List[schemas.KeyView], query=PAGE),
    AdminRoute("POST", f"{TENANT}/keys", keys.create, schemas.NewKey, schemas.ShownKey, 201),
    AdminRoute("DELETE", f"{TENANT}/keys/{{key_id}}", keys.revoke, None, None, 204),
    AdminRoute("POST", f"{TENANT}/keys/{{key_id}}/rotate", keys.rotate, schemas.Rotation, schemas.ShownKey, 201),
    AdminRoute("GET", BATCHES, batches.index, None, _List[schemas.DoubtfulBatchView], query=batches.QUERY),
    AdminRoute(
        "POST", f"{BATCHES}/{{batch_id}}/resolve", batches.resolve, schemas.BatchClaim, schemas.ResolutionView,
        errors=(StateConflictError,),
    ),
    AdminRoute("GET", ACCOUNTS, accounts.index, None, _List[schemas.AccountView], query=PAGE),
    AdminRoute("PATCH", ACCOUNT, accounts.change, schemas.AccountChange, schemas.AccountView),
    AdminRoute("POST", f"{ACCOUNT}/hold", accounts.hold, schemas.AccountHold, schemas.AccountView),
    AdminRoute("POST", f"{ACCOUNT}/release", accounts.release, None, schemas.AccountView),
    AdminRoute("GET", DEAD_LETTERS, dead_letters.index, None, _List[schemas.DeadLetterView], query=dead_letters.QUERY),
    AdminRoute("POST", f"{DEAD_LETTERS}/redrive", dead_letters.redrive_all, schemas.Redrive, schemas.Redriven),
    AdminRoute(
        "POST", f"{DEAD_LETTER}/redrive", dead_letters.redrive, None, schemas.DeadLetterView, errors=(StateConflictError,)
    ),
    AdminRoute(
        "POST", f"{DEAD_LETTER}/cancel", dead_letters.cancel, None, schemas.DeadLetterView, errors=(StateConflictError,)
    ),
    AdminRoute("GET", "/admin/v1/findings", findings.index, None, _List[schemas.FindingView], query=findings.QUERY),
    AdminRoute("GET", "/admin/v1/audit", audit.index, None, _List[schemas.ActView], query=audit.QUERY),
)  # fmt: skip


def for_operators(admin_key: Secret, route: AdminRoute) -> Handler:
    """The route's handler behind the operator's key; it has no limits, but guesses at it have."""

    async def authenticated(request: web.Request) -> web.StreamResponse:
        limited.check_not_barred(request)
        try:
            require_operator(request, admin_key)
        except UnauthenticatedError as error:
            raise await limited.refusal(request, error) from None
        queries.read_parameters(request, route)
        return await route.handler(request)

    return authenticated
