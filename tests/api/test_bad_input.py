"""Whatever comes in: a problem that says what and where, nothing half-written, never a 500."""

import json
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.conftest import KEY, Answer, Api, rows

GOOD: dict[str, Any] = {"name": "Spring", "text": "Hi {name}"}
JSON = {"Content-Type": "application/json"}


def check_problem(answer: Answer, status: int, code: str) -> None:
    """The whole form of an error."""
    assert answer.status == status, answer.body
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json
    assert problem["type"] == f"/docs/errors/{code}"
    assert (problem["code"], problem["status"]) == (code, status)
    assert problem["title"]
    assert problem["detail"]
    assert problem["request_id"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"nonsense", b'{"name":"a","text":"b",}', b'{"name":"\xff","text":"b"}', b'{"name":"\\ud800","text":"b"}',
        b'{"name":NaN,"text":"b"}', b'{"name":"a","text":"b"}{}', b"[" * 100_000, b'{"x":' * 15_000, b"\xef\xbb\xbf{}",
    ],
)  # fmt: skip
async def test_unreadable_json_is_malformed(api: Api, body: bytes) -> None:
    """Anything that is not JSON in UTF-8 is 400, or 422 where it is JSON of another kind."""
    answer = await api.call("POST", "/v1/campaigns", data=body, headers=JSON)
    if answer.status != 422:
        check_problem(answer, 400, "malformed_request")
    assert (await api.call("GET", "/v1/campaigns")).json["items"] == []


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"name": 5}, "/name"), ({"name": ""}, "/name"), ({"name": "x" * 201}, "/name"), ({"name": None}, "/name"),
        ({"text": ["a"]}, "/text"), ({"text": "x" * 4001}, "/text"), ({"text": "Hi {"}, "/text"), ({"text": "{}"}, "/text"),
        ({"text": "x" * 1531}, "/text"), ({"text": "x" * 161, "max_parts": 1}, "/text"), ({"text": "a\0b"}, "/text"),
        ({"name": "a\0"}, "/name"), ({"from": "ab"}, "/from"), ({"from": "twelve chars"}, "/from"),
        ({"from": "Ünïc"}, "/from"),
        ({"from": "!!!!"}, "/from"), ({"from": "+4915100"}, "/from"), ({"from": "a\r\nb"}, "/from"),
        ({"from": "1" * 15}, "/from"),
        ({"max_parts": 0}, "/max_parts"), ({"max_parts": 11}, "/max_parts"), ({"max_parts": "2"}, "/max_parts"),
        ({"max_parts": 1e400}, "/max_parts"), ({"max_parts": 2**70}, "/max_parts"), ({"validity_s": 59}, "/validity_s"),
        ({"validity_s": 259_201}, "/validity_s"), ({"validity_s": 60.5}, "/validity_s"),
        ({"default_region": "de"}, "/default_region"),
        ({"default_region": "XX"}, "/default_region"), ({"default_region": "DEU"}, "/default_region"),
        ({"countries": []}, "/countries"),
        ({"countries": ["DE", "QQ"]}, "/countries"), ({"countries": ["DE", 5]}, "/countries/1"),
        ({"countries": "DE"}, "/countries"),
    ],
)  # fmt: skip
async def test_wrong_value_is_named_by_its_pointer(api: Api, change: dict[str, Any], pointer: str) -> None:
    """A known field with a value that is not acceptable is 422 and says which field."""
    body = json.dumps({**GOOD, **change}).replace("Infinity", "1e400")
    answer = await api.call("POST", "/v1/campaigns", data=body.encode(), headers=JSON)
    if answer.status != 400 or pointer != "/max_parts":
        check_problem(answer, 422, "invalid_value")
        assert answer.json["errors"][0]["pointer"] == pointer
    assert (await api.call("GET", "/v1/campaigns")).json["items"] == []


@pytest.mark.parametrize("field", ["over_s", "paced", "autoPause", "Name", "from_", "a/b~c", "+4915100000000", "x" * 1000])
async def test_unknown_field_is_malformed(api: Api, field: str) -> None:
    """A field that is not known is 400: a typo must not be taken for silence."""
    answer = await api.call("POST", "/v1/campaigns", json={**GOOD, field: 1})
    check_problem(answer, 400, "malformed_request")
    assert answer.json["errors"][0]["pointer"].startswith("/")
    assert "4915100000000" not in answer.body.decode()


async def test_missing_field_is_named(api: Api) -> None:
    """A required field that is absent is 422."""
    answer = await api.call("POST", "/v1/campaigns", json={"name": "a"})
    check_problem(answer, 422, "invalid_value")
    assert "text" in answer.json["detail"]


@pytest.mark.parametrize(
    "kind",
    [None, "text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", "application/jsonx", "json"],
)
async def test_other_content_types_are_refused(api: Api, kind: str | None) -> None:
    """JSON is asked for by name, and in UTF-8; the same for uploads."""
    campaign = await api.create()
    headers = {} if kind is None else {"Content-Type": kind}
    skip = ("Content-Type",)
    for path in ("/v1/campaigns", f"/v1/campaigns/{campaign}/recipients", "/v1/opt-outs"):
        answer = await api.call("POST", path, data=b"{}", headers=headers, skip_auto_headers=skip)
        check_problem(answer, 415, "unsupported_type")


async def test_unknown_content_encoding_is_refused(api: Api) -> None:
    """Bodies are plain or gzip."""
    campaign = await api.create()
    answer = await api.upload(campaign, rows(3), **{"Content-Encoding": "br"})
    check_problem(answer, 415, "unsupported_type")


async def test_oversized_json_is_refused(api: Api) -> None:
    """Beyond its bound a JSON body is 413: by its announced length, and while it is read."""

    async def unannounced() -> Any:
        for _ in range(20):
            yield b" " * 10_000

    campaign = await api.create()
    for path in ("/v1/campaigns", f"/v1/campaigns/{campaign}/recipients"):
        check_problem(await api.call("POST", path, data=b" " * 200_000, headers=JSON), 413, "too_large")
        check_problem(await api.call("POST", path, data=unannounced(), headers=JSON), 413, "too_large")


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "limit=-1", "limit=x", "limit=", "limit=%ff", "limit=1&limit=2", "after=%ff", "after=!!",
     "after=QUJD", "sate=queued", "after=", "limit=%00", "limit=10%0a"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/v1/campaigns", "/v1/campaigns/{id}/messages", "/v1/campaigns/{id}/skipped", "/v1/opt-outs"])
async def test_wrong_parameters_are_refused(api: Api, path: str, query: str) -> None:
    """A parameter that is unknown, repeated, unreadable or out of range is 400 or 422."""
    campaign = await api.create()
    answer = await api.call("GET", f"{path.format(id=campaign)}?{query}")
    assert answer.status in {400, 422}, answer.body
    check_problem(answer, answer.status, "malformed_request" if answer.status == 400 else "invalid_value")


@pytest.mark.parametrize("state", ["Queued", "", "%00", "nothing"])
async def test_unknown_message_state_is_refused(api: Api, state: str) -> None:
    """Only states that exist can be asked for."""
    campaign = await api.create()
    check_problem(await api.call("GET", f"/v1/campaigns/{campaign}/messages?state={state}"), 422, "invalid_value")


@pytest.mark.parametrize(
    "text", ["nonsense", "%00", "%ff", "{0}", "00000000000000000000000000000000", "a" * 3000, "..%2f..", "-1"]
)
async def test_id_that_cannot_be_one_does_not_exist(api: Api, text: str) -> None:
    """A malformed id is the same 404 as an unknown one."""
    answer = await api.call("GET", f"/v1/campaigns/{text.replace('{0}', '%7B0%7D')}")
    check_problem(answer, 404, "not_found")


async def test_unknown_address_and_method_are_problems(api: Api) -> None:
    """404 and 405 have the same form as every other error; 405 says what is allowed."""
    check_problem(await api.call("GET", "/v1/nothing"), 404, "not_found")
    answer = await api.call("PUT", "/v1/campaigns")
    check_problem(answer, 405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(",")) >= {"GET", "POST"}


@pytest.mark.parametrize(
    "credential",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer pk_",
        "Bearer wrong",
        f"Basic {KEY}",
        f"Bearer {KEY}x",
        "Bearer pk_\u00fc" + "a" * 20,
        KEY,
    ],
)
async def test_without_a_valid_key_nothing_is_said(api: Api, credential: str) -> None:
    """A missing, malformed or unknown key is 401 with a challenge, before anything else is looked at."""
    answer = await api.call("POST", "/v1/campaigns", data=b"nonsense", headers={"Authorization": credential})
    check_problem(answer, 401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json["detail"] == "Send an API key (pk_…) in the header Authorization, after the word Bearer."


@pytest.mark.parametrize(
    "numbers",
    [[], ["4915100000000"], ["+0123456789"], ["+49 151 00000000"], ["+49151"], ["+" + "1" * 16], [5], "+4915100000000",
     ["+49151000000٣"],
     ["+4915100000000\0"], ["+4915100000000\n"], [None], ["x" * 33]],
)  # fmt: skip
async def test_opt_outs_take_strict_numbers_only(api: Api, numbers: Any) -> None:
    """Anything but `+` and digits is 422, and nothing of the list is stored."""
    for method in ("POST", "DELETE"):
        answer = await api.call(method, "/v1/opt-outs", json={"numbers": numbers})
        check_problem(answer, 422, "invalid_value")
        assert "49151" not in answer.body.decode()
    good_and_bad = await api.call("POST", "/v1/opt-outs", json={"numbers": ["+4915100000001", "no"]})
    assert good_and_bad.json["errors"][0]["pointer"] == "/numbers/1"
    assert (await api.call("GET", "/v1/opt-outs")).json["items"] == []


@pytest.mark.parametrize("upload_id", ["", " ", "with space", "ü", "x" * 101])
async def test_malformed_upload_id_is_refused(api: Api, upload_id: str) -> None:
    """Upload-Id is 1 to 100 visible ASCII characters."""
    campaign = await api.create()
    check_problem(await api.upload(campaign, rows(3), upload_id=upload_id), 422, "invalid_value")


@pytest.mark.parametrize("column", ["", "x" * 101, "%00", "%ff"])
async def test_malformed_phone_column_is_refused(api: Api, column: str) -> None:
    """`phone_column` is a readable name."""
    campaign = await api.create()
    path = f"/v1/campaigns/{campaign}/recipients?phone_column={column}"
    answer = await api.call("POST", path, data=rows(3), headers={"Content-Type": "text/csv"})
    assert answer.status in {400, 422}
    assert (await api.show(campaign))["uploads"] == []


async def test_values_that_postgresql_cannot_hold_are_skipped_not_stored(api: Api) -> None:
    """U+0000 and broken bytes in a row cost that row, not its chunk."""
    campaign = await api.create()
    body = b"phone,name\n+4915100000000,a\x00b\n+4915100000001,\xff\xfe\n\x00,x\n+4915100000002,Ann\n"
    answer = await api.upload(campaign, body)
    assert answer.status == 200, answer.body
    assert (await api.call("GET", f"/v1/campaigns/{campaign}/skipped")).status == 200
    assert "+4915100000002" in await api.numbers(campaign)


async def test_unknown_ids_are_not_found_on_every_route(api: Api) -> None:
    """A well-formed id of nothing is 404 everywhere."""
    missing = str(uuid4())
    for method, path, sent in campaign_routes(missing):
        check_problem(await api.call(method, path, **sent), 404, "not_found")


async def test_another_tenants_campaign_does_not_exist(api: Api, other: Api) -> None:
    """Each route answers for a twin's campaign exactly as for an unknown id, and changes nothing."""
    campaign = await api.create()
    await api.upload(campaign, rows(3))
    before = await api.show(campaign)
    for (method, path, sent), (_, unknown, _) in zip(campaign_routes(campaign), campaign_routes(str(uuid4())), strict=True):
        theirs = await other.call(method, path, **sent)
        nothing = await other.call(method, unknown, **sent)
        check_problem(theirs, 404, "not_found")
        assert theirs.body == nothing.body
    assert await api.show(campaign) == before
    assert (await other.call("GET", "/v1/campaigns")).json["items"] == []
    await api.call("POST", "/v1/opt-outs", json={"numbers": ["+4915100000001"]})
    assert (await other.call("GET", "/v1/opt-outs")).json["items"] == []
    assert (await other.call("DELETE", "/v1/opt-outs", json={"numbers": ["+4915100000001"]})).json["removed"] == 0


def campaign_routes(campaign: str) -> list[tuple[str, str, dict[str, Any]]]:
    """A well-formed request to each route of one campaign."""
    path = f"/v1/campaigns/{campaign}"
    plain = {"headers": {"X-Request-Id": "same"}}
    upload = {"data": rows(3), "headers": {"X-Request-Id": "same", "Content-Type": "text/csv"}}
    return [
        ("GET", path, plain), ("POST", f"{path}/send", plain), ("POST", f"{path}/recipients", upload),
        ("DELETE", f"{path}/recipients", plain), ("GET", f"{path}/skipped", plain), ("GET", f"{path}/messages", plain),
        ("GET", f"{path}/report", plain), ("POST", f"{path}/pause", plain), ("POST", f"{path}/resume", plain),
        ("POST", f"{path}/cancel", plain), ("POST", f"{path}/retry-failed", plain),
        ("POST", f"{path}/test", {**plain, "json": {"to": "+4915100000001"}}),
        ("POST", f"{path}/quote", plain), ("GET", f"{path}/events", plain),
    ]  # fmt: skip


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [
        "name",
        "text",
        "from",
        "default_region",
        "countries",
        "max_parts",
        "validity_s",
        "numbers",
        "expect_recipients",
        "send_at",
        "pace",
        "auto_pause",
        "reason",
    ]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=ANY_JSON | st.dictionaries(NAMES, ANY_JSON, max_size=5))
async def test_any_json_is_stored_or_refused(api: Api, body: Any) -> None:
    """Whatever JSON is sent to whatever route, it is accepted or a 4xx problem."""
    campaign = await api.create()
    actions = [f"/v1/campaigns/{campaign}/{action}" for action in ("send", "recipients", "pause", "resume", "quote", "cancel")]
    for path in ("/v1/campaigns", "/v1/opt-outs", *actions):
        answer = await api.call("POST", path, data=json.dumps(body).encode("utf-8", "surrogatepass"), headers=JSON)
        assert answer.status < 500, answer.body
        if answer.status >= 400:
            check_problem(answer, answer.status, answer.json["code"])
