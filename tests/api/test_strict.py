"""What is accepted is kept exactly, what is set from data stays one header, and every address answers in one form."""

import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.api import ops, report
from penstock.api.app import SECTIONS, methods_of
from penstock.api.examples import EXAMPLES
from penstock.api.examples.form import CAMPAIGN_ID, MESSAGE_ID
from penstock.api.routes import Address
from penstock.health import Health
from tests.api.conftest import Api, rows
from tests.api.test_around import log_lines as log_lines  # noqa: PLC0414 - a fixture
from tests.api.test_bad_input import check_problem
from tests.api.test_document import holder, prepared
from tests.api.test_overload import served
from tests.api.wire import exchange, request

ROUTES = [route for section in SECTIONS for route in section.routes]
TEXTS = st.text(max_size=60) | st.text(alphabet=st.characters(min_codepoint=1, max_codepoint=0x2FF), max_size=200)
SENDERS = st.from_regex(r"\A[ -~]{1,16}\Z") | st.text(max_size=12)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=TEXTS, text=TEXTS, sender=SENDERS)
async def test_an_accepted_text_is_read_back_as_it_was_sent(api: Api, name: str, text: str, sender: str) -> None:
    """Any text of any field is stored and comes back identical, or it is a 4xx."""
    sent = {"name": name, "text": text, "from": sender}
    answer = await api.call("POST", "/v1/campaigns", json=sent)
    if answer.status != 201:
        check_problem(answer, 422, "invalid_value")
        return
    kept = await api.show(answer.json["id"])
    assert {field: kept[field] for field in sent} == sent


FIELDS = st.from_regex(r"[a-z_]{1,12}", fullmatch=True)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(reference=TEXTS, label=TEXTS, text=TEXTS, when=st.dictionaries(FIELDS, TEXTS, max_size=2))
async def test_every_other_text_is_read_back_too(api: Api, reference: str, label: str, text: str, when: dict[str, str]) -> None:
    """References of messages, labels of keys, rules of sources; the names of the fields that a rule looks at are kept small."""
    message = {"to": "+4915100000001", "text": "Hi", "reference": reference}
    key = {"label": label, "scopes": ["read"]}
    source = {"identity": "content", "rule": {"to": "phone", "text": text, "from": None, "when": when}}
    await is_kept(api, "POST", "/v1/messages", message, "reference")
    await is_kept(api, "POST", "/v1/keys", key, "label")
    await is_kept(api, "PUT", "/v1/ingest/any", source, "rule")


async def is_kept(api: Api, method: str, path: str, sent: Any, field: str) -> None:
    """Refused with a 4xx, or there when it is looked at again."""
    answer = await api.call(method, path, json=sent)
    if answer.status not in {200, 201}:
        check_problem(answer, answer.status, "malformed_request" if answer.status == 400 else "invalid_value")
        return
    looked = {
        "/v1/messages": answer.headers.get("Location", ""),
        "/v1/keys": "/v1/keys?limit=1000",
        "/v1/ingest/any": "/v1/ingest",
    }
    shown = (await api.call("GET", looked[path])).json
    assert sent[field] in [item[field] for item in shown.get("items", [shown])]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(min_size=1, max_size=100))
async def test_an_accepted_header_is_read_back_as_it_was_sent(api: Api, name: str) -> None:
    """An upload's name too, however it is written."""
    campaign = await api.create("Hi")
    raw = request(
        api, "POST", f"/v1/campaigns/{campaign}/recipients", "Content-Type: text/csv",
        b"Upload-Id: " + name.encode("utf-8", "replace"), body=b"phone\n+4915100000001\n",
    )  # fmt: skip
    reply = await exchange(api, raw)
    assert reply.status in {200, 400, 422}, reply.raw
    if reply.status == 200:
        assert (await api.show(campaign))["uploads"][0]["upload_id"] == name.strip()


def texts(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all texts in a value."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from texts(inner, (*path, key))


PLACES = [(route, place) for route in ROUTES if route.takes for place in texts(EXAMPLES[route.name].takes)]


@pytest.mark.parametrize(("route", "place"), PLACES, ids=[f"{route.name} {place}" for route, place in PLACES])
@pytest.mark.parametrize("poison", ["\0", "\ud800", "\udfff\ud800"], ids=["NUL", "half a pair", "a pair the wrong way"])
async def test_no_text_of_any_request_takes_what_cannot_be_stored(
    api: Api, route: Address, place: tuple[Any, ...], poison: str
) -> None:
    """U+0000 and lone surrogates are refused in every text of every request."""
    sent = json.loads(json.dumps(EXAMPLES[route.name].takes))
    inner = sent
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = poison
    path = await prepared(api, route)
    answer = await holder(api, route).call(
        route.method, path, data=json.dumps(sent).encode(), headers={"Content-Type": "application/json"}
    )
    check_problem(answer, answer.status, "malformed_request" if answer.status == 400 else "invalid_value")


CONTROLS = [*range(0x20), 0x7F, 0x85, 0xFF]


@pytest.mark.parametrize("code", CONTROLS, ids=hex)
async def test_nothing_that_is_sent_breaks_a_header_of_the_answer(api: Api, code: int) -> None:
    """A control character in a header, in the address or in the body never gets into the head of an answer."""
    campaign = await api.create()
    evil = b"a" + bytes([code]) + b"X-Evil: 1"
    quoted = "".join(f"%{byte:02x}" for byte in evil)
    for sent in (
        request(api, "GET", "/v1/campaigns", b"X-Request-Id: " + evil),
        request(api, "POST", "/v1/campaigns", "Content-Type: application/json", b"Idempotency-Key: " + evil, body=b"{}"),
        request(
            api, "POST", f"/v1/campaigns/{campaign}/recipients", "Content-Type: text/csv", b"Upload-Id: " + evil, body=b"x"
        ),
        request(api, "GET", f"/v1/campaigns/{quoted}/report"),
        request(api, "GET", f"/v1/campaigns/{campaign}/report?format={quoted}"),
        request(api, "GET", f"/v1/campaigns?limit={quoted}&after={quoted}"),
        request(api, "GET", f"/docs/errors/{quoted}"),
        request(api, "GET", f"/{quoted}"),
    ):
        reply = await exchange(api, sent)
        assert reply.status, sent
        head = reply.raw.partition(b"\r\n\r\n")[0]
        assert "x-evil" not in reply.headers
        assert not re.search(rb"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\xff]|\r(?!\n)|(?<!\r)\n", head), head


async def test_headers_that_are_set_from_data_are_what_they_should_be(api: Api) -> None:
    """The address of what was made, and the name of a file, consist of an id."""
    answer = await api.call("POST", "/v1/campaigns", json={"name": "a\r\nX-Evil: 1", "text": "b"})
    assert re.fullmatch(r"/v1/campaigns/[0-9a-f-]{36}", answer.headers["Location"])
    answer = await api.call("GET", f"{answer.headers['Location'].upper().replace('/V1/CAMPAIGNS', '/v1/campaigns')}/report")
    assert re.fullmatch(r'attachment; filename="report-[0-9a-f-]{36}\.csv"', answer.headers["Content-Disposition"])


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
async def test_other_methods_are_refused_with_those_that_are_known(api: Api, route: Address) -> None:
    """405 with Allow, as a problem, for every method that an address does not know, with or without a key."""
    ids = {"campaign_id": CAMPAIGN_ID, "message_id": MESSAGE_ID, "tenant_id": 1, "key_id": 1, "batch_id": 1}
    path = route.path.format(**ids, source="shop", account_id="a")
    # `/v1/messages/search` is an address of a message, too.
    here = [one for one in ROUTES if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", one.path), path)]
    known = {method for one in here for method in methods_of(one)}
    for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"} - known:
        answer = await api.call(method, path, headers={"Authorization": ""})
        assert answer.status == 405
        if method != "HEAD":
            check_problem(answer, 405, "method_not_allowed")
        assert set(answer.headers["Allow"].split(",")) == known


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.method == "GET" and route.gives], ids=lambda route: route.name
)
async def test_head_is_get_without_a_body(api: Api, route: Address) -> None:
    """The same status and headers, for what is there and for what is not."""
    path, caller = await prepared(api, route), holder(api, route)
    got, head = await caller.call("GET", path), await caller.call("HEAD", path)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Type"] == got.headers["Content-Type"]
    assert (await caller.call("HEAD", f"{path}?nothing=1")).status == 400
    assert (await api.call("HEAD", path, headers={"Authorization": ""})).status == 401


@pytest.mark.parametrize(
    "path", ["/", "//", "/v1", "/v1/", "/v2/campaigns", "/V1/campaigns", "/v1/campaigns/", "/docs/", "/openapi"]
)
async def test_what_is_not_there_is_not_there_in_one_form(api: Api, path: str) -> None:
    """A slash too many, another version or another case: 404, never a redirect, for every method and before any key."""
    for method in ("GET", "HEAD", "POST", "DELETE", "OPTIONS"):
        answer = await api.call(method, path, headers={"Authorization": ""}, allow_redirects=False)
        assert answer.status == 404
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert method == "HEAD" or answer.json["code"] == "not_found"


async def test_the_operations_door_speaks_the_same_way(api: Api) -> None:
    """What it does not know is a problem too, with a name of its own."""
    app = web.Application()
    app.add_routes(ops.routes(Health(), api.parts.metrics))
    async with served(app, api.parts) as url:
        for method, path, status, code in (("GET", "/v1", 404, "not_found"), ("POST", "/livez", 405, "method_not_allowed")):
            async with api.session.request(method, url + path) as response:
                problem = await response.json(content_type=None)
                assert (response.status, problem["code"]) == (status, code)
                assert problem["request_id"] == response.headers["X-Request-Id"]


async def test_the_name_of_a_request_is_everywhere(api: Api, log_lines: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's own is in the answer's head, in an error's body and in every line of the log, streamed or broken."""
    campaign = await api.create()
    await api.upload(campaign, rows(3))
    log_lines.truncate(0)
    named = {"X-Request-Id": "mine-1"}
    streamed = await api.call("GET", f"/v1/campaigns/{campaign}/report", headers=named)
    refused = await api.call("POST", "/v1/campaigns", json={"name": 5, "text": "b"}, headers=named)
    assert streamed.headers["X-Request-Id"] == refused.headers["X-Request-Id"] == refused.json["request_id"] == "mine-1"
    monkeypatch.setattr(report.messages, "list_messages", broken)
    with pytest.raises(Exception, match="payload"):
        await api.call("GET", f"/v1/campaigns/{campaign}/report", headers=named)
    lines = [json.loads(line) for line in log_lines.getvalue().strip("\0").splitlines()]
    assert {line["request_id"] for line in lines} == {"mine-1"}
    assert [line["status"] for line in lines if line["event"] == "request"] == [200, 422, 499]
    assert any(line["event"] == "request_failed" for line in lines)


async def broken(*_: object, **__: object) -> None:
    """A page that cannot be read."""
    raise RuntimeError("gone")
