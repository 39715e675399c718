"""Two tenants side by side: every route, with every id of the other, answers as for an id of nothing, and changes nothing.

Generated from the route table: a new route with an id in its path is here by itself; an id of a new kind must be named below.
"""

import re
from typing import Any
from uuid import uuid4

import pytest

from penstock.api.app import TENANT_ROUTES
from penstock.api.routes import Route
from penstock.reconcile.canceled import sweep_canceled
from tests.api.conftest import Answer, Api, rows
from tests.api.test_bad_input import check_problem

WITH_IDS = [route for route in TENANT_ROUTES if re.search(r"\{(?!source)", route.path)]
"""A source is named by its tenant, so the same name may be of both: tests of events hold them apart."""
BODIES: dict[str, dict[str, Any]] = {
    "POST /v1/campaigns/{campaign_id}/recipients": {"data": rows(3), "headers": {"Content-Type": "text/csv"}},
    "POST /v1/campaigns/{campaign_id}/test": {"json": {"to": "+4915100000001", "values": {"name": "Ada"}}},
}
"""What a route needs beside an empty body to come as far as the id."""
TABLES = ("campaign", "upload", "chunk", "batch", "message", "skipped", "counter_delta", "api_key", "opt_out")


async def ids_of(tenant: Api) -> dict[str, str]:
    """An id of each kind, of things that the tenant has."""
    campaign = await tenant.create()
    assert (await tenant.upload(campaign, rows(12))).status == 200
    key = (await tenant.call("POST", "/v1/keys", json={"scopes": ["read"]})).json["id"]
    message = (await tenant.call("GET", f"/v1/campaigns/{campaign}/messages?limit=1")).json["items"][0]["id"]
    return {"campaign_id": campaign, "key_id": str(key), "message_id": message}


async def end(tenant: Api, campaign: str) -> None:
    """A stream of it ends, too."""
    await tenant.call("POST", f"/v1/campaigns/{campaign}/cancel")
    await sweep_canceled(tenant.parts.store)


def ids_of_nothing() -> dict[str, str]:
    """The same kinds, well-formed."""
    return {"campaign_id": str(uuid4()), "key_id": "999999", "message_id": f"{uuid4().hex}-0"}


async def call(tenant: Api, route: Route, ids: dict[str, str]) -> Answer:
    """The route with these ids."""
    sent = {**BODIES.get(route.name, {})}
    headers = {"X-Request-Id": "same", "Idempotency-Key": str(uuid4()), **sent.pop("headers", {})}
    return await tenant.call(route.method, route.path.format(**ids), headers=headers, **sent)


async def everything(api: Api) -> list[Any]:
    """Every row that a request could touch, as text."""
    async with api.parts.store.engine() as connection:
        return [await connection.fetch(f"SELECT t::text FROM {table} t ORDER BY 1") for table in TABLES]  # noqa: S608


@pytest.mark.parametrize("route", WITH_IDS, ids=lambda route: route.name)
async def test_the_others_ids_are_ids_of_nothing(api: Api, other: Api, route: Route) -> None:
    """The same 404 with the same body, and not a row is changed; the owner of the id is not turned away."""
    theirs = await ids_of(other)
    if route.path.endswith("/events"):
        await end(other, theirs["campaign_id"])
    await api.call("GET", "/v1/tenant")
    before = await everything(api)
    answer, nothing = await call(api, route, theirs), await call(api, route, ids_of_nothing())
    check_problem(answer, 404, "not_found")
    assert answer.body == nothing.body
    assert await everything(api) == before
    assert (await call(other, route, theirs)).status != 404


def test_ids_are_in_paths_of_known_kinds() -> None:
    """Each kind of id in the table is one that this file makes."""
    kinds = {kind for route in WITH_IDS for kind in re.findall(r"\{(\w+)\}", route.path)}
    assert kinds <= set(ids_of_nothing())


async def test_lists_are_apart(api: Api, other: Api) -> None:
    """What one tenant lists has nothing of the other."""
    await ids_of(other)
    await other.call("POST", "/v1/opt-outs", json={"numbers": ["+4915100000001"]})
    for route in TENANT_ROUTES:
        if route.method == "GET" and "{" not in route.path and route.path not in ("/v1/tenant", "/v1/keys", "/v1/limits"):
            answer = await api.call("GET", route.path)
            assert answer.status != 200 or answer.json["items"] == [], route.name
