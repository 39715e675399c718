"""Batches in doubt, for operators: what is listed, and their word about them."""

import pytest

from tests.api.conftest import Api
from tests.api.test_admin import acts, read_all
from tests.api.test_bad_input import check_problem
from tests.builders import ACCOUNT, Scene, make_sent_campaign, make_unknown_campaign

BATCHES = "/admin/v1/batches"


async def only_batch(scene: Scene) -> int:
    """Its one batch."""
    (batch,) = await scene.column("SELECT batch_id FROM batch WHERE campaign_id = $1", scene.campaign_id)
    return int(batch)


async def test_unknown_batches_are_listed_with_what_is_left(operator: Api) -> None:
    """Every tenant's, oldest first, page by page, with how many messages are still unknown and why; no settled one."""
    store = operator.parts.store
    await make_sent_campaign(store, 3)
    scenes = [await make_unknown_campaign(store, 4, tenant=name) for name in ("acme", "other", "acme")]
    await scenes[1].execute("UPDATE message SET state = 'sent' WHERE campaign_id = $1 AND seq = 0", scenes[1].campaign_id)
    listed = await read_all(operator, f"{BATCHES}?limit=2")
    assert [one["id"] for one in listed] == [await only_batch(scene) for scene in scenes]
    assert [one["unknown"] for one in listed] == [4, 3, 4]
    first = listed[0]
    assert (first["tenant_id"], first["campaign_id"]) == (scenes[0].tenant_id, str(scenes[0].campaign_id))
    assert (first["state"], first["reason"], first["account_id"], first["messages"]) == ("unknown", "timeout", ACCOUNT, 4)


async def test_batches_with_another_order_are_listed(operator: Api) -> None:
    """Those whose answer was found to be out of order, and no other."""
    scene = await make_unknown_campaign(operator.parts.store, 2)
    assert await read_all(operator, f"{BATCHES}?state=contradicted") == []
    await scene.execute("UPDATE attempt SET mapping = 'contradicted'")
    (listed,) = await read_all(operator, f"{BATCHES}?state=contradicted")
    assert (listed["id"], listed["order"]) == (await only_batch(scene), "contradicted")


@pytest.mark.parametrize(
    ("outcome", "state", "left"), [("sent", "settled", {"sent": 4}), ("not_sent", "pending", {"queued": 4}),
                                   ("rejected", "settled", {"rejected": 4})],
)  # fmt: skip
async def test_the_operators_word_settles_a_batch(operator: Api, outcome: str, state: str, left: dict[str, int]) -> None:
    """Its messages are what was said, and the act is on record; a second word is 409."""
    scene = await make_unknown_campaign(operator.parts.store, 4)
    batch = await only_batch(scene)
    answer = await operator.call("POST", f"{BATCHES}/{batch}/resolve", json={"outcome": outcome})
    assert answer.json == {
        "id": batch, "tenant_id": scene.tenant_id, "campaign_id": str(scene.campaign_id), "outcome": outcome, "messages": 4,
        "state": state,
    }  # fmt: skip
    assert await scene.states() == left
    assert await acts(operator) == [("admin", "batch.resolve", f"batch:{batch}")]
    again = await operator.call("POST", f"{BATCHES}/{batch}/resolve", json={"outcome": "sent"})
    check_problem(again, 409, "state_conflict")
    assert len(await acts(operator)) == 1


@pytest.mark.parametrize("batch", ["0", "999", "-1", "x", "9223372036854775808", "9" * 30, "1e3"])
async def test_what_cannot_be_a_batch_does_not_exist(operator: Api, batch: str) -> None:
    """An unknown id and a malformed one are the same 404."""
    answer = await operator.call("POST", f"{BATCHES}/{batch}/resolve", json={"outcome": "sent"})
    check_problem(answer, 404, "not_found")


@pytest.mark.parametrize("body", [{}, {"outcome": "maybe"}, {"outcome": None}, {"outcome": "sent", "extra": 1}])
async def test_other_words_are_refused(operator: Api, body: dict[str, object]) -> None:
    """Only the three outcomes can be claimed."""
    scene = await make_unknown_campaign(operator.parts.store, 1)
    answer = await operator.call("POST", f"{BATCHES}/{await only_batch(scene)}/resolve", json=body)
    assert answer.status in (400, 422)
    assert await scene.states() == {"unknown": 1}


async def test_a_campaign_says_when_it_sends_again_and_how_often_it_did(api: Api) -> None:
    """The wish is given at the beginning and shown; the possible duplicates are none at first."""
    made = await api.call("POST", "/v1/campaigns", json={"name": "n", "text": "t", "resend_unknown_after_s": 3600})
    assert (made.status, made.json["resend_unknown_after_s"], made.json["possible_duplicates"]) == (201, 3600, 0)
    default = await api.call("POST", "/v1/campaigns", json={"name": "n", "text": "t"})
    assert default.json["resend_unknown_after_s"] is None
    for seconds in (599, 259_201, 0, -1):
        answer = await api.call("POST", "/v1/campaigns", json={"name": "n", "text": "t", "resend_unknown_after_s": seconds})
        check_problem(answer, 422, "invalid_value")
