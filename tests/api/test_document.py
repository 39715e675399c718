"""The API's document is true: valid, equal to what is routed, bounded, and its examples work."""

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from penstock.api import ops, webhooks
from penstock.api.app import SECTIONS, TENANT_ROUTES, make_app
from penstock.api.examples import EXAMPLES
from penstock.api.open_routes import OPEN_ROUTES
from penstock.api.openapi import document
from penstock.api.parts import Parts
from penstock.api.problems import ROWS
from penstock.api.routes import Address, KeyUse, Route
from penstock.health import Health
from penstock.redact import Secret
from penstock.store import accounts
from tests.api.conftest import ADMIN_KEY, Api
from tests.api.test_bad_input import check_problem
from tests.builders import ACCOUNT, make_unknown_campaign

DOCUMENT = document(SECTIONS, OPEN_ROUTES)
ROUTES = [route for section in SECTIONS for route in section.routes]
IDS = [route.name for route in ROUTES]


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every operation by its name."""
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def test_it_is_openapi() -> None:
    """The validator of the specification finds nothing."""
    assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []


def test_it_has_exactly_the_routes_of_the_application(parts: Parts) -> None:
    """What is routed is described, and what is described is routed; HEAD comes with GET."""

    async def accept(_: bytes, __: str) -> int:
        raise NotImplementedError

    extra = [*ops.routes(Health(), parts.metrics), *webhooks.routes(accept, Secret("s"), parts.metrics)]
    routed = {
        (route.method, route.resource.canonical)
        for route in make_app(parts, extra).router.routes()
        if route.method != "HEAD" and route.resource is not None
    }
    described = {(method.upper(), path) for path, item in DOCUMENT["paths"].items() for method in item}
    assert routed == described


def test_operations_are_named_and_described() -> None:
    """Each has a name of its own and a sentence that says what it does, not where it stands."""
    names = [operation["operationId"] for _, operation in operations()]
    assert len(set(names)) == len(names)
    for name, operation in operations():
        assert re.fullmatch(r"[A-Z][^/]{10,}\.", operation["summary"]), name
        assert not operation["summary"].startswith(("GET", "POST", "PUT", "PATCH", "DELETE")), name


def test_codes_are_the_closed_list() -> None:
    """The list of codes in the document is the table's, and each status of an operation names its own."""
    assert set(DOCUMENT["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]) == set(ROWS)
    for _, operation in operations():
        for status, answer in operation["responses"].items():
            for code in re.findall(r"`(\w+)`:", answer["description"]):
                assert str(ROWS[code].status) == status


@pytest.mark.parametrize("route", ROUTES, ids=IDS)
def test_an_operation_says_what_its_route_says(route: Address) -> None:
    """Scope, parameters, key, status, body and answer are those of the table."""
    operation = DOCUMENT["paths"][route.path][route.method.lower()]
    [[(_, scopes)]] = [list(one.items()) for one in operation["security"]]
    assert scopes == ([route.scope] if isinstance(route, Route) else [])
    given = {(one["in"], one["name"]): one for one in operation["parameters"] if "name" in one}
    assert {name for place, name in given if place == "query"} == {one.name for one in route.query}
    assert {name for place, name in given if place == "path"} == set(re.findall(r"\{(\w+)\}", route.path))
    key = given.get(("header", "Idempotency-Key"))
    use = route.key if isinstance(route, Route) else KeyUse.NONE
    assert (key is not None) == (use is not KeyUse.NONE)
    assert key is None or key["required"] == (use is KeyUse.REQUIRED)
    answer = operation["responses"][str(route.status)]
    assert set(answer.get("content", {})) == {one.content_type for one in route.downloads} | (
        {"application/json"} if route.gives is not None else set()
    )
    body = set(operation.get("requestBody", {"content": {}})["content"])
    assert body == {one.content_type for one in route.uploads} | ({"application/json"} if route.takes else set())


def unbounded(schema: dict[str, Any], place: str) -> Iterator[str]:
    """Places in a request where there is no bound to what may be sent."""
    if "$ref" in schema:
        yield from unbounded(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]], place)
    for one in schema.get("anyOf", ()):
        yield from unbounded(one, place)
    kind = schema.get("type")
    if kind == "string" and not {"maxLength", "enum", "format"} & set(schema):
        yield f"{place}: any text"
    if kind in ("integer", "number") and not {"minimum", "maximum"} <= set(schema):
        yield f"{place}: any number"
    if kind == "array" and "maxItems" not in schema:
        yield f"{place}: any number of items"
    if kind == "object" and not ("maxProperties" in schema or schema.get("additionalProperties") is False):
        yield f"{place}: any members"
    if kind == "array":
        yield from unbounded(schema["items"], f"{place}[]")
    for name, inner in schema.get("properties", {}).items():
        yield from unbounded(inner, f"{place}.{name}")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from unbounded(schema["additionalProperties"], f"{place}.*")


@pytest.mark.parametrize("route", [route for route in ROUTES if route.takes], ids=lambda route: route.name)
def test_every_field_of_a_request_has_a_bound(route: Address) -> None:
    """A text has a length, a number a range, a list a count, and no object takes what it does not know."""
    operation = DOCUMENT["paths"][route.path][route.method.lower()]
    assert list(unbounded(operation["requestBody"]["content"]["application/json"]["schema"], "")) == []


def test_every_parameter_has_a_bound() -> None:
    """The same for the query, the path and headers; but for a request's name, which is replaced where it is odd."""
    for name, operation in operations():
        for one in operation["parameters"]:
            if "schema" in one:
                assert list(unbounded(one["schema"], f"{name} {one['name']}")) == []


def test_times_are_times() -> None:
    """A field that is called a time is one, in answers too."""
    for name, schema in DOCUMENT["components"]["schemas"].items():
        for field, inner in schema.get("properties", {}).items():
            if field.endswith("_at"):
                assert "date-time" in json.dumps(inner), f"{name}.{field}"


def test_every_json_route_has_an_example() -> None:
    """Of its body where it takes one, and of its answer where it gives one; no example is of a route that is gone."""
    assert set(EXAMPLES) <= set(IDS)
    for route in ROUTES:
        example = EXAMPLES.get(route.name)
        assert (route.takes is None) == (example is None or example.takes is None), route.name
        assert (route.gives is None) == (example is None or example.gives is None), route.name


@pytest.mark.parametrize("route", [route for route in ROUTES if route.gives is not None], ids=lambda route: route.name)
def test_an_example_of_an_answer_is_one(route: Address) -> None:
    """It is read as the answer's type, and written again it is the same: nothing is missing, nothing too much."""
    example = EXAMPLES[route.name].gives
    value = msgspec.json.decode(msgspec.json.encode(example), type=route.gives)
    assert msgspec.json.decode(msgspec.json.encode(value)) == example


@pytest.mark.parametrize("route", [route for route in ROUTES if route.takes], ids=lambda route: route.name)
async def test_an_example_of_a_request_works(api: Api, route: Address) -> None:
    """Sent to the application as it stands in the document, it is answered as the document says."""
    path = await prepared(api, route)
    answer = await holder(api, route).call(route.method, path, json=EXAMPLES[route.name].takes)
    assert answer.status in {route.status, *(one.status for one in route.also)}, answer.body
    if route.gives is not None:
        msgspec.json.decode(answer.body, type=route.gives)


@pytest.mark.parametrize(
    ("route", "index"),
    [(route, index) for route in ROUTES for index, _ in enumerate(route.uploads)],
    ids=lambda one: str(one)[:9],
)
async def test_an_example_of_an_upload_works(api: Api, route: Address, index: int) -> None:
    """Each form of an upload is taken whole."""
    media = route.uploads[index]
    path = route.path.format(campaign_id=await api.create("Hi {name}"))
    answer = await api.call(route.method, path, data=media.example.encode(), headers={"Content-Type": media.content_type})
    assert (answer.status, answer.json["accepted"], answer.json["skipped"]) == (200, 3, {}), answer.body


async def test_the_report_has_the_form_of_its_examples(api: Api) -> None:
    """The same columns, and lines that are read as their type."""
    [route] = [route for route in TENANT_ROUTES if route.path.endswith("/report")]
    path = await prepared(api, route)
    for media in route.downloads:
        answer = await api.call("GET", path, headers={"Accept": media.content_type})
        assert answer.headers["Content-Type"].partition(";")[0] == media.content_type
        first, shown = answer.body.splitlines()[0], media.example.encode().splitlines()
        if media.line is None:
            assert first == shown[0]
        else:
            assert msgspec.json.decode(first).keys() == msgspec.json.decode(shown[0]).keys()
            msgspec.json.decode(shown[0], type=media.line)


def holder(api: Api, route: Address) -> Api:
    """Whoever holds the key that opens the route."""
    key = api.key if isinstance(route, Route) else ADMIN_KEY
    return Api(api.session, api.url, key, api.tenant_id, api.parts)


async def prepared(api: Api, route: Address) -> str:
    """The route's address, of things that are as its example needs them."""
    found: dict[str, Any] = {"source": "shop", "tenant_id": api.tenant_id}
    if "{campaign_id}" in route.path:
        found["campaign_id"] = await campaign_for(api, route)
    if "{message_id}" in route.path:
        found["message_id"] = (await api.call("POST", "/v1/messages", json=EXAMPLES["POST /v1/messages"].takes)).json["id"]
    if "{key_id}" in route.path:
        found["key_id"] = (await api.call("POST", "/v1/keys", json=EXAMPLES["POST /v1/keys"].takes)).json["id"]
    if "{batch_id}" in route.path:
        scene = await make_unknown_campaign(api.parts.store)
        (found["batch_id"],) = await scene.column("SELECT batch_id FROM batch")
    if "{account_id}" in route.path:
        found["account_id"] = ACCOUNT
        async with api.parts.store.engine() as connection:
            await accounts.ensure_account(connection, ACCOUNT)
    return route.path.format(**found)


async def campaign_for(api: Api, route: Address) -> str:
    """With the three recipients of the upload's example: a draft, but one that is being sent for what stops and goes on."""
    campaign = await api.create("Hi {name}")
    [uploading] = [one for one in TENANT_ROUTES if one.uploads]
    assert (await api.upload(campaign, uploading.uploads[0].example.encode())).status == 200
    if route.path.endswith(("/pause", "/resume", "/cancel", "/retry-failed")):
        assert (await api.call("POST", f"/v1/campaigns/{campaign}/send")).status == 202
    return campaign


async def test_the_document_is_served_without_a_key(api: Api) -> None:
    """As bytes that are made once, with a tag by which they are not sent twice."""
    async with api.session.get(f"{api.url}/openapi.json") as response:
        assert response.status == 200
        assert response.content_type == "application/json"
        assert await response.json() == DOCUMENT
        tag = response.headers["ETag"]
    for known in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        async with api.session.get(f"{api.url}/openapi.json", headers={"If-None-Match": known}) as response:
            assert (response.status, await response.read(), response.headers["ETag"]) == (304, b"", tag)
    async with api.session.get(f"{api.url}/openapi.json", headers={"If-None-Match": '"other"'}) as response:
        assert response.status == 200


@pytest.mark.parametrize("path", ["/docs", "/docs/errors/", *(f"/docs/errors/{code}" for code in ROWS)])
async def test_pages_are_served_without_a_key_and_allow_nothing(api: Api, path: str) -> None:
    """HTML that the browser may not run, frame or send anywhere."""
    async with api.session.get(api.url + path) as response:
        assert (response.status, response.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert (await response.text()).startswith("<!doctype html>")
    async with api.session.head(api.url + path) as response:
        assert (response.status, await response.read()) == (200, b"")


async def test_an_unknown_code_has_no_page(api: Api) -> None:
    """It is a problem like every other, whose own page exists."""
    answer = await api.call("GET", "/docs/errors/nothing")
    check_problem(answer, 404, "not_found")
    assert (await api.call("GET", answer.json["type"])).status == 200
