"""Every route of the table with a key of every scope: what its line says, and nothing else."""

from uuid import uuid4

import pytest

from penstock.api.app import TENANT_ROUTES
from penstock.api.routes import Route
from penstock.domain.keys import Scope
from tests.api.conftest import Api
from tests.api.test_bad_input import check_problem
from tests.api.test_keys import with_scopes

PARAMETERS = {"campaign_id": str(uuid4()), "key_id": "999", "message_id": f"{uuid4().hex}-1"}
"""Ids of nothing."""


class Anything(dict[str, str]):
    """An id for parameters of which this file does not know."""

    def __missing__(self, name: str) -> str:
        return name


def address(route: Route) -> str:
    """Where nothing is found."""
    return route.path.format_map(Anything(PARAMETERS))


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("route", TENANT_ROUTES, ids=lambda route: route.name)
async def test_a_route_opens_for_its_scope_only(api: Api, route: Route, scope: Scope) -> None:
    """A key of the route's scope comes past the door, whatever is behind it; one of another is 403 before anything is read."""
    caller = await with_scopes(api, scope)
    answer = await caller.call(route.method, address(route), data=b"nonsense")
    if scope is route.scope:
        assert answer.status not in {401, 403}, answer.body
    else:
        check_problem(answer, 403, "not_allowed")


@pytest.mark.parametrize("route", TENANT_ROUTES, ids=lambda route: route.name)
async def test_scopes_do_not_include_one_another(api: Api, route: Route) -> None:
    """All scopes but the route's are not enough, and all of them are."""
    others = await with_scopes(api, *(scope for scope in Scope if scope is not route.scope))
    check_problem(await others.call(route.method, address(route)), 403, "not_allowed")
    assert (await api.call(route.method, address(route), data=b"nonsense")).status not in {401, 403}


def test_managing_needs_the_scope_for_it() -> None:
    """Everything about keys and settings is `manage`: what sends or reads must not make keys."""
    managing = {route.scope for route in TENANT_ROUTES if route.path.startswith(("/v1/keys", "/v1/tenant"))}
    assert managing == {Scope.MANAGE}
