"""Test messages of a campaign over HTTP."""

from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import Answer, Api, rows
from tests.builders import Rig, number
from tests.singles import texts


async def trial(api: Api, campaign: str, to: str = f"+{number(7)}", key: str | None = None, **values: str) -> Answer:
    """One test message."""
    headers = {"Idempotency-Key": key} if key else {}
    return await api.call("POST", f"/v1/campaigns/{campaign}/test", json={"to": to, "values": values}, headers=headers)


async def test_a_test_message_has_the_campaigns_text_and_sender(api: Api, tmp_path: Path) -> None:
    """It goes out as a single message, once for its key, and the campaign's books know nothing of it."""
    campaign = await api.create(text="Hi {name} {{x}}", **{"from": "Shop"})
    await api.upload(campaign, rows(3))
    before = await api.show(campaign)
    answers = [await trial(api, campaign, key="try-1", name="Ann") for _ in range(2)]
    assert [answer.status for answer in answers] == [201, 201]
    assert answers[0].body == answers[1].body
    rig = Rig(api.parts.store, tmp_path)
    await rig.drain()
    assert [texts(body) for body in rig.script.bodies] == [[(f"+{number(7)}", "Hi Ann {x}")]]
    assert b'"sender":"Shop"' in rig.script.bodies[0]
    assert await api.show(campaign) == before


@pytest.mark.parametrize(
    ("sent", "pointer"),
    [({"name": ""}, "/values/name"), ({}, "/values/name"), ({"name": "A", "nmae": "B"}, "/values/nmae")],
)
async def test_values_must_fit_the_text(api: Api, sent: dict[str, Any], pointer: str) -> None:
    """A missing value and one that the text does not ask for are 422 with their place."""
    answer = await trial(api, await api.create(), **sent)
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, pointer)


async def test_a_number_that_opted_out_gets_no_test_message(api: Api, tmp_path: Path) -> None:
    """The checks of single messages hold here as well."""
    await api.call("POST", "/v1/opt-outs", json={"numbers": [f"+{number(7)}"]})
    answer = await trial(api, await api.create(), name="Ann")
    assert answer.status == 422
    rig = Rig(api.parts.store, tmp_path)
    await rig.drain()
    assert rig.script.bodies == []
