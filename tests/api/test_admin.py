"""The operator's API: tenants, their keys, and the record of every act."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from penstock.api.admin.routes import ADMIN_ROUTES
from penstock.api.app import TENANT_ROUTES
from penstock.api.parts import Parts
from tests.api.conftest import ADMIN_KEY, KEY, Answer, Api
from tests.api.test_bad_input import check_problem

TENANTS = "/admin/v1/tenants"
PATHS = [(route.method, route.path.format(tenant_id=1, key_id=1, account_id="a", batch_id=1)) for route in ADMIN_ROUTES]


async def make_tenant(operator: Api, name: str = "acme", **settings: Any) -> Any:
    """A new tenant, as it is shown."""
    answer = await operator.call("POST", TENANTS, json={"name": name, "settings": settings})
    assert answer.status == 201, answer.body
    return answer.json


async def make_key(operator: Api, tenant: int, **fields: Any) -> Any:
    """A new key of the tenant, as it is shown this once."""
    body = {"scopes": ["read"], "label": "test", **fields}
    answer = await operator.call("POST", f"{TENANTS}/{tenant}/keys", json=body)
    assert answer.status == 201, answer.body
    return answer.json


async def read_all(operator: Api, path: str) -> list[Any]:
    """Every item of a list, page by page."""
    found: list[Any] = []
    following: str | None = path
    while following:
        page = (await operator.call("GET", following)).json
        found += page["items"]
        following = page["next"]
    return found


async def acts(operator: Api, query: str = "") -> list[tuple[str, str, str]]:
    """Actor, action and subject of what is on record, oldest first."""
    found = await read_all(operator, f"/admin/v1/audit?{query}")
    return [(act["actor"], act["action"], act["subject"]) for act in reversed(found)]


class TestTheDoor:
    """Who comes in."""

    @pytest.mark.parametrize(("method", "path"), PATHS)
    @pytest.mark.parametrize("key", ["", "wrong", KEY, ADMIN_KEY[:-1], f"{ADMIN_KEY}x", ADMIN_KEY.upper()])
    async def test_only_the_operators_key_opens(self, operator: Api, method: str, path: str, key: str) -> None:
        """Any other credential is 401 with a challenge, on every route, before anything is looked at."""
        answer = await operator.call(method, path, data=b"nonsense", headers={"Authorization": f"Bearer {key}".strip()})
        check_problem(answer, 401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert ADMIN_KEY not in answer.body.decode()
        assert "*" not in answer.json["detail"]

    @pytest.mark.parametrize("route", TENANT_ROUTES, ids=lambda route: route.name)
    async def test_the_operators_key_is_no_tenants_key(self, operator: Api, route: Any) -> None:
        """It opens nothing of a tenant's API: whoever operates is not a tenant."""
        path = route.path.format(campaign_id="x", key_id="1", **dict.fromkeys(("message_id", "source"), "x"))
        check_problem(await operator.call(route.method, path), 401, "unauthenticated")


class TestWithoutAKey:
    """A gateway for which no operator's key was set."""

    @pytest.fixture
    def parts(self, parts: Parts) -> Parts:
        """The same surroundings without it."""
        return msgspec.structs.replace(parts, admin_key=None)

    @pytest.mark.parametrize(("method", "path"), PATHS)
    async def test_the_api_does_not_exist(self, operator: Api, method: str, path: str) -> None:
        """Every address answers as any other that does not exist."""
        same = {"headers": {"X-Request-Id": "same"}}
        answer = await operator.call(method, path, **same)
        check_problem(answer, 404, "not_found")
        assert answer.body == (await operator.call("GET", "/admin/v1/nothing", **same)).body


async def test_a_tenant_from_first_to_last(operator: Api) -> None:
    """It is created, found, changed, deactivated and activated, and each act is on record once."""
    made = await make_tenant(operator, sender="Acme", idempotency="key_and_body")
    path = f"{TENANTS}/{made['id']}"
    assert made["settings"] == {
        "sender": "Acme", "traffic_account_id": None, "default_region": None, "idempotency": "key_and_body",
        "requests_max": None, "limits": None, "quiet_hours": None,
    }  # fmt: skip
    assert (await operator.call("GET", path)).json == made
    changed = await operator.call("PATCH", path, json={"settings": {"default_region": "DE", "sender": None}})
    assert changed.json["settings"] == {**made["settings"], "sender": None, "default_region": "DE"}
    for verb, state in [("deactivate", "deactivated")] * 2 + [("activate", "active")] * 2:
        answer = await operator.call("POST", f"{path}/{verb}")
        assert (answer.status, answer.json["state"]) == (200, state)
    subject = f"tenant:{made['id']}"
    assert await acts(operator, f"tenant_id={made['id']}") == [
        ("admin", f"tenant.{verb}", subject) for verb in ("create", "change", "deactivate", "activate")
    ]


async def test_a_name_is_taken_once(operator: Api) -> None:
    """A second tenant of one name is a conflict, and leaves nothing in the record."""
    await make_tenant(operator)
    check_problem(await operator.call("POST", TENANTS, json={"name": "acme"}), 409, "state_conflict")
    assert [action for _, action, _ in await acts(operator)] == ["tenant.create"]


@pytest.mark.parametrize(
    ("settings", "pointer"),
    [
        ({"sender": "ab"}, "/settings/sender"), ({"sender": "Ünïc"}, "/settings/sender"), ({"sender": ""}, "/settings/sender"),
        ({"default_region": "XX"}, "/settings/default_region"), ({"default_region": "de"}, "/settings/default_region"),
        ({"traffic_account_id": ""}, "/settings/traffic_account_id"),
        ({"traffic_account_id": "a b"}, "/settings/traffic_account_id"),
        ({"traffic_account_id": "x" * 65}, "/settings/traffic_account_id"), ({"idempotency": "body"}, "/settings/idempotency"),
        ({"sender": "a\0bc"}, "/settings/sender"),
    ],
)  # fmt: skip
async def test_settings_are_checked_as_campaigns_check_them(operator: Api, settings: Any, pointer: str) -> None:
    """What a campaign could not use is refused where it is set, by creating and by changing."""
    tenant = await make_tenant(operator)
    for method, path, extra in (("POST", TENANTS, {"name": "other"}), ("PATCH", f"{TENANTS}/{tenant['id']}", {})):
        answer = await operator.call(method, path, json={**extra, "settings": settings})
        check_problem(answer, 422, "invalid_value")
        assert answer.json["errors"][0]["pointer"] == pointer
    assert (await operator.call("GET", f"{TENANTS}/{tenant['id']}")).json == tenant


@pytest.mark.parametrize("body", [{"name": "x", "extra": 1}, {"name": "x", "settings": {"Sender": "Acme"}}])
async def test_unknown_fields_are_refused(operator: Api, body: Any) -> None:
    """A typo is not taken for silence."""
    check_problem(await operator.call("POST", TENANTS, json=body), 400, "malformed_request")


@pytest.mark.parametrize("tenant", ["0", "999", "-1", "x", "4294967297", "1e3", "%00", "9" * 30])
async def test_what_cannot_be_a_tenant_does_not_exist(operator: Api, tenant: str) -> None:
    """An unknown id and a malformed one are the same 404, on every route."""
    bodies = {"PATCH": {"settings": {}}, "POST": {"scopes": ["read"]}}
    for route in ADMIN_ROUTES:
        if "{tenant_id}" in route.path:
            sent = {"json": bodies[route.method]} if route.takes is not None and "rotate" not in route.path else {}
            path = route.path.format(tenant_id=tenant, key_id=1)
            check_problem(await operator.call(route.method, path, **sent), 404, "not_found")


async def test_lists_are_read_page_by_page(operator: Api) -> None:
    """Tenants, keys and acts: every one once, in order, whatever the page."""
    made = [await make_tenant(operator, f"t{i}") for i in range(5)]
    keys = [await make_key(operator, made[0]["id"]) for _ in range(5)]
    tenants = await read_all(operator, f"{TENANTS}?limit=2")
    assert [tenant["id"] for tenant in tenants] == [operator.tenant_id, *(tenant["id"] for tenant in made)]
    listed = await read_all(operator, f"{TENANTS}/{made[0]['id']}/keys?limit=2")
    assert [key["id"] for key in listed] == [key["id"] for key in keys]
    assert len(await read_all(operator, "/admin/v1/audit?limit=3")) == 10
    assert len(await acts(operator, f"limit=1&tenant_id={made[0]['id']}&action=key.create")) == 5


@pytest.mark.parametrize("query", ["action=nothing", "tenant_id=x", "tenant_id=-1", "after=!", "limit=0", "actor=admin"])
async def test_the_record_is_asked_in_known_words(operator: Api, query: str) -> None:
    """A filter that is unknown or has no meaning is refused, not ignored."""
    assert (await operator.call("GET", f"/admin/v1/audit?{query}")).status in {400, 422}


async def test_a_key_is_shown_once_and_opens_at_once(operator: Api) -> None:
    """The answer that makes it has the key, forbids keeping it, and no other answer has it; nor has the record."""
    tenant = await make_tenant(operator)
    answer = await operator.call("POST", f"{TENANTS}/{tenant['id']}/keys", json={"scopes": ["read", "send"], "label": "shop"})
    shown = answer.json
    assert answer.headers["Cache-Control"] == "no-store"
    assert (shown["label"], shown["scopes"], shown["state"]) == ("shop", ["read", "send"], "live")
    assert shown["key"].startswith(shown["prefix"])
    opened = await operator.call("GET", "/v1/campaigns", headers={"Authorization": f"Bearer {shown['key']}"})
    assert opened.status == 200
    for path in (f"{TENANTS}/{tenant['id']}/keys", "/admin/v1/audit"):
        assert shown["key"][9:] not in (await operator.call("GET", path)).body.decode()
    (listed,) = (await operator.call("GET", f"{TENANTS}/{tenant['id']}/keys")).json["items"]
    assert listed == {**{name: shown[name] for name in shown if name != "key"}, "last_used_at": listed["last_used_at"]}
    assert listed["last_used_at"] is not None


async def test_no_answer_with_a_key_is_kept(operator: Api) -> None:
    """An Idempotency-Key changes nothing: two requests make two keys, and nothing of either is stored."""
    tenant = await make_tenant(operator)
    path, sent = f"{TENANTS}/{tenant['id']}/keys", {"json": {"scopes": ["read"]}, "headers": {"Idempotency-Key": "once"}}
    first, second = [(await operator.call("POST", path, **sent)).json["key"] for _ in range(2)]
    assert first != second
    async with operator.parts.store.engine() as connection:
        assert await connection.fetchval("SELECT count(*) FROM idempotency_key") == 0


async def test_a_key_is_rotated_with_overlap(operator: Api) -> None:
    """The new key has label, scopes and lifetime of the old one, which ends after the overlap; a rotation is one record."""
    tenant = await make_tenant(operator)
    end = datetime.now(UTC) + timedelta(days=30)  # noqa: TID251 - the server's clock is the real one
    old = await make_key(operator, tenant["id"], scopes=["send"], expires_at=end.isoformat())
    path = f"{TENANTS}/{tenant['id']}/keys"
    answer = await operator.call("POST", f"{path}/{old['id']}/rotate", json={"overlap_s": 60})
    new = answer.json
    assert answer.headers["Cache-Control"] == "no-store"
    assert (new["label"], new["scopes"]) == (old["label"], old["scopes"])
    assert new["key"] != old["key"]
    assert abs(read_time(new["expires_at"]) - end) < timedelta(minutes=1)
    kept, _ = (await operator.call("GET", path)).json["items"]
    assert read_time(kept["expires_at"]) - end < -timedelta(days=29)
    assert kept["state"] == "live"
    again = await operator.call("POST", f"{path}/{old['id']}/rotate", json={"overlap_s": 60})
    assert abs(read_time(again.json["expires_at"]) - end) < timedelta(minutes=1)
    assert [action for _, action, _ in await acts(operator, f"tenant_id={tenant['id']}")] == [
        "tenant.create", "key.create", "key.rotate", "key.rotate",
    ]  # fmt: skip


def read_time(text: str) -> datetime:
    """A time of an answer."""
    return datetime.fromisoformat(text)


async def test_a_key_without_an_end_is_rotated_at_once(operator: Api) -> None:
    """With no overlap the old key is closed when the answer comes, and neither it nor a revoked one is rotated again."""
    tenant = await make_tenant(operator)
    old = await make_key(operator, tenant["id"])
    path = f"{TENANTS}/{tenant['id']}/keys"
    assert (await opens(operator, old["key"])).status == 200
    new = (await operator.call("POST", f"{path}/{old['id']}/rotate", json={"overlap_s": 0})).json
    assert new["expires_at"] is None
    assert (await opens(operator, old["key"])).status == 401
    assert (await opens(operator, new["key"])).status == 200
    check_problem(await operator.call("POST", f"{path}/{old['id']}/rotate"), 409, "state_conflict")
    for _ in range(2):
        assert (await operator.call("DELETE", f"{path}/{new['id']}")).status == 204
    assert (await opens(operator, new["key"])).status == 401
    check_problem(await operator.call("POST", f"{path}/{new['id']}/rotate"), 409, "state_conflict")
    assert [action for _, action, _ in await acts(operator)][-1] == "key.revoke"


async def opens(operator: Api, key: str) -> Answer:
    """What a key is answered."""
    return await operator.call("GET", "/v1/campaigns", headers={"Authorization": f"Bearer {key}"})


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"scopes": []}, "/scopes"), ({"scopes": ["admin"]}, "/scopes/0"), ({"scopes": "read"}, "/scopes"),
        ({"scopes": None}, "/scopes"), ({"label": "x" * 101}, "/label"), ({"label": "a\0"}, "/label"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"), ({"expires_at": "2099-01-01T00:00:00Z"}, "/expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-12:00"}, "/expires_at"), ({"expires_at": "2030-01-01T00:00:00"}, "/expires_at"),
        ({"expires_at": "tomorrow"}, "/expires_at"), ({"expires_at": 5}, "/expires_at"),
        ({"expires_at": "0001-01-01T00:00:00+14:00"}, "/expires_at"),
    ],
)  # fmt: skip
async def test_a_key_that_makes_no_sense_is_refused(operator: Api, change: Any, pointer: str) -> None:
    """Scopes are known ones, an end is ahead and has a zone, a label is short."""
    answer = await operator.call("POST", f"{TENANTS}/{operator.tenant_id}/keys", json={"scopes": ["read"], **change})
    check_problem(answer, 422, "invalid_value")
    assert answer.json["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("overlap", [-1, 2_592_001, 1.5, "60", None])
async def test_an_overlap_has_bounds(operator: Api, overlap: Any) -> None:
    """From nothing to thirty days, in whole seconds."""
    made = await make_key(operator, operator.tenant_id)
    path = f"{TENANTS}/{operator.tenant_id}/keys/{made['id']}/rotate"
    check_problem(await operator.call("POST", path, json={"overlap_s": overlap}), 422, "invalid_value")


async def test_a_key_belongs_to_its_tenants_path(operator: Api) -> None:
    """Under another tenant's path a key does not exist."""
    other_tenant = await make_tenant(operator, "beside")
    made = await make_key(operator, operator.tenant_id)
    path = f"{TENANTS}/{other_tenant['id']}/keys/{made['id']}"
    check_problem(await operator.call("DELETE", path), 404, "not_found")
    check_problem(await operator.call("POST", f"{path}/rotate"), 404, "not_found")
    assert (await opens(operator, made["key"])).status == 200


async def test_the_record_holds_names_not_values(operator: Api) -> None:
    """A sender may be a number and a label may be anything: the record says which fields changed, not to what."""
    await operator.call("PATCH", f"{TENANTS}/{operator.tenant_id}", json={"settings": {"sender": "4915100000001"}})
    await make_key(operator, operator.tenant_id, label="of +4915100000001")
    listed = await operator.call("GET", "/admin/v1/audit")
    assert [act["detail"] for act in listed.json["items"]] == [
        {"scopes": ["read"], "expires_at": None}, {"changed": ["sender"]},
    ]  # fmt: skip
    assert "4915100000001" not in listed.body.decode()


async def test_a_failed_act_leaves_no_record(operator: Api) -> None:
    """The record stands or falls with the act: what is refused is not on it."""
    await operator.call("POST", f"{TENANTS}/999/deactivate")
    await operator.call("DELETE", f"{TENANTS}/{operator.tenant_id}/keys/999")
    await operator.call("PATCH", f"{TENANTS}/{operator.tenant_id}", json={"settings": {"sender": "a"}})
    assert await acts(operator) == []
