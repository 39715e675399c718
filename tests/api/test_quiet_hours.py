"""Quiet hours as tenants and operators set them, and what campaigns make of them."""

from typing import Any

import pytest

from tests.api.conftest import Api
from tests.api.test_admin import TENANTS, make_tenant

NIGHT = {"from": "21:00", "to": "08:00", "days": []}
SUNDAY = {"from": "20:00", "to": "10:00", "days": ["sun"]}


async def set_own(api: Api, hours: object) -> Any:
    """As the tenant does; its settings after it."""
    answer = await api.call("PATCH", "/v1/tenant", json={"settings": {"quiet_hours": hours}})
    assert answer.status == 200, answer.body
    return answer.json["settings"]


async def test_a_tenant_sets_its_own(api: Api) -> None:
    """They are shown as they were given, the days empty where none were, and null resets them."""
    assert (await set_own(api, {"from": "21:00", "to": "08:00"}))["quiet_hours"] == NIGHT
    assert (await set_own(api, SUNDAY))["quiet_hours"] == SUNDAY
    assert (await set_own(api, None))["quiet_hours"] is None


async def test_an_operator_sets_them_for_a_tenant(operator: Api) -> None:
    """At its creation and later; other settings stay as they are."""
    made = await make_tenant(operator, sender="Acme", quiet_hours=NIGHT)
    assert made["settings"]["quiet_hours"] == NIGHT
    changed = await operator.call("PATCH", f"{TENANTS}/{made['id']}", json={"settings": {"quiet_hours": SUNDAY}})
    assert (changed.json["settings"]["quiet_hours"], changed.json["settings"]["sender"]) == (SUNDAY, "Acme")


@pytest.mark.parametrize(("asked", "shown"), [(None, NIGHT), ("none", None), (SUNDAY, SUNDAY)])
async def test_a_campaign_has_its_tenants_its_own_or_none(api: Api, asked: object, shown: object) -> None:
    """What counts is decided when it is made: a change of the tenant's setting is for campaigns after it."""
    await set_own(api, NIGHT)
    campaign = await api.create(quiet_hours=asked)
    await set_own(api, None)
    assert (await api.show(campaign))["quiet_hours"] == shown


@pytest.mark.parametrize(
    ("hours", "pointer"),
    [
        ({"from": "21:00"}, "/quiet_hours"),
        ({"from": "24:00", "to": "08:00"}, "/quiet_hours/from"),
        ({"from": "21:00", "to": "8:00"}, "/quiet_hours/to"),
        ({"from": "08:00", "to": "08:00"}, "/quiet_hours"),
        ({"from": "21:00", "to": "08:00", "days": ["someday"]}, "/quiet_hours/days/0"),
        ({"from": "21:00", "to": "08:00", "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]}, "/quiet_hours"),
        ("always", "/quiet_hours"),
    ],
)
async def test_hours_that_say_nothing_are_refused(api: Api, hours: object, pointer: str) -> None:
    """422 with the field, for a campaign and for a tenant."""
    answer = await api.call("POST", "/v1/campaigns", json={"name": "n", "text": "t", "quiet_hours": hours})
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, pointer)
    if isinstance(hours, dict):
        answer = await api.call("PATCH", "/v1/tenant", json={"settings": {"quiet_hours": hours}})
        assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, f"/settings{pointer}")


async def test_an_upload_names_its_column_of_zones(api: Api) -> None:
    """A zone that there is not is a skipped row; another column under the same Upload-Id is another upload."""
    campaign = await api.create(quiet_hours=NIGHT)
    body = b"phone,name,where\n+4915100000001,A,Europe/Athens\n+4915100000002,B,Atlantis\n+4915100000003,C,\n"
    path = f"/v1/campaigns/{campaign}/recipients"
    headers = {"Content-Type": "text/csv", "Upload-Id": "people"}
    answer = await api.call("POST", f"{path}?zone_column=where", data=body, headers=headers)
    assert (answer.status, answer.json["accepted"], answer.json["skipped"]) == (200, 2, {"invalid_zone": 1}), answer.body
    assert answer.json["problems"] == [{"line": 3, "reason": "invalid_zone", "detail": "Atlantis"}]
    again = await api.call("POST", f"{path}?zone_column=where", data=body, headers=headers)
    assert (again.status, again.json) == (200, answer.json)
    other = await api.call("POST", path, data=body, headers=headers)
    assert other.status == 422
