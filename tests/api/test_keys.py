"""A tenant's own keys and settings, by a key that may manage them and no more than that."""

from typing import Any

import pytest

from penstock.domain.keys import Scope
from penstock.store import keys
from tests.api.conftest import KEY, Api, known_key
from tests.api.test_admin import acts, read_all
from tests.api.test_bad_input import check_problem


async def with_scopes(api: Api, *scopes: Scope) -> Api:
    """The same tenant with a key of these scopes."""
    text = f"pk_only_{'_'.join(scopes)}_0123456789"
    async with api.parts.store.engine() as connection:
        await keys.create_key(connection, api.tenant_id, known_key(text), "", scopes=scopes)
    return Api(api.session, api.url, text, api.tenant_id, api.parts)


async def test_keys_are_made_listed_rotated_and_revoked(api: Api, operator: Api) -> None:
    """All by the tenant itself; each act is on record under the key that did it."""
    made = await api.call("POST", "/v1/keys", json={"label": "till", "scopes": ["send"]})
    assert made.status == 201
    assert made.headers["Cache-Control"] == "no-store"
    key = made.json["id"]
    rotated = await api.call("POST", f"/v1/keys/{key}/rotate")
    assert rotated.status == 201
    assert (await api.call("DELETE", f"/v1/keys/{key}")).status == 204
    listed = await read_all(api, "/v1/keys?limit=1")
    assert [(one["label"], one["state"]) for one in listed] == [("test", "live"), ("till", "revoked"), ("till", "live")]
    assert "key" not in listed[0]
    actor, subject = f"key:{listed[0]['id']}", f"key:{key}"
    assert await acts(operator) == [(actor, f"key.{verb}", subject) for verb in ("create", "rotate", "revoke")]


@pytest.mark.parametrize("wanted", [["send"], ["read"], ["manage", "read"], ["send", "read", "manage"]])
async def test_a_key_gives_only_what_it_has(api: Api, wanted: list[str]) -> None:
    """Neither by making a key nor by rotating one does a key reach a scope it does not have."""
    strong = (await api.call("POST", "/v1/keys", json={"scopes": wanted})).json
    manager = await with_scopes(api, Scope.MANAGE)
    check_problem(await manager.call("POST", "/v1/keys", json={"scopes": wanted}), 403, "not_allowed")
    check_problem(await manager.call("POST", f"/v1/keys/{strong['id']}/rotate"), 403, "not_allowed")
    assert (await manager.call("POST", "/v1/keys", json={"scopes": ["manage"]})).status == 201
    assert (await manager.call("DELETE", f"/v1/keys/{strong['id']}")).status == 204


async def test_a_key_may_end_itself(api: Api) -> None:
    """Whoever revokes the key that asks is answered, and then closed out."""
    (own,) = (await api.call("GET", "/v1/keys")).json["items"]
    assert (await api.call("DELETE", f"/v1/keys/{own['id']}")).status == 204
    check_problem(await api.call("GET", "/v1/keys"), 401, "unauthenticated")


async def test_settings_are_the_tenants_own(api: Api, operator: Api) -> None:
    """They are merged, null resets one, and the next campaign uses them."""
    shown = (await api.call("GET", "/v1/tenant")).json
    assert (shown["name"], shown["state"]) == ("first", "active")
    changed = await api.call("PATCH", "/v1/tenant", json={"settings": {"sender": "Acme", "default_region": "DE"}})
    assert changed.json["settings"]["sender"] == "Acme"
    campaign = await api.show(await api.create())
    assert (campaign["from"], campaign["default_region"]) == ("Acme", "DE")
    reset = await api.call("PATCH", "/v1/tenant", json={"settings": {"sender": None}})
    assert reset.json["settings"] == {**changed.json["settings"], "sender": None}
    assert (await api.show(await api.create()))["from"] == "Penstock"
    assert [action for _, action, _ in await acts(operator)] == ["tenant.change"] * 2


async def test_a_setting_of_a_newer_release_survives(api: Api) -> None:
    """What this release does not know is neither shown nor taken away."""
    async with api.parts.store.engine() as connection:
        await connection.execute("""UPDATE tenant SET settings = '{"later": 1, "sender": "Acme"}'""")
        await api.call("PATCH", "/v1/tenant", json={"settings": {"sender": None, "idempotency": "key_and_body"}})
        assert await connection.fetchval("SELECT settings::text FROM tenant") == '{"later": 1, "idempotency": "key_and_body"}'


@pytest.mark.parametrize("body", [{"settings": {"traffic_account_id": "x"}}, {"name": "other"}, {"settings": {}, "x": 1}])
async def test_what_the_operator_decides_is_not_the_tenants(api: Api, body: Any) -> None:
    """Which account is billed, and the name, are no fields of a tenant's request."""
    answer = await api.call("PATCH", "/v1/tenant", json=body)
    assert answer.status in {400, 422}
    assert (await api.call("GET", "/v1/tenant")).json["settings"]["traffic_account_id"] is None


async def test_no_answer_with_a_key_is_kept(api: Api) -> None:
    """An Idempotency-Key changes nothing: two requests make two keys, and nothing of either is stored."""
    sent = {"json": {"scopes": ["read"]}, "headers": {"Idempotency-Key": "once"}}
    answers = [await api.call("POST", "/v1/keys", **sent) for _ in range(2)]
    assert len({answer.json["key"] for answer in answers}) == 2
    assert not any("X-Idempotency" in answer.headers for answer in answers)
    async with api.parts.store.engine() as connection:
        assert await connection.fetchval("SELECT count(*) FROM idempotency_key") == 0


async def test_another_tenants_keys_are_not_listed(api: Api, other: Api) -> None:
    """Each tenant has its own list."""
    await api.call("POST", "/v1/keys", json={"scopes": ["read"], "label": "ours"})
    assert [key["label"] for key in (await other.call("GET", "/v1/keys")).json["items"]] == ["test"]
    assert KEY[:9] in (await api.call("GET", "/v1/keys")).body.decode()
