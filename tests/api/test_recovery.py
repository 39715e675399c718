"""What operators mend: accounts that cannot send, batches that died. Each act is on record, and the books balance."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from penstock.store import limits
from tests.api.conftest import Api
from tests.api.test_admin import acts, read_all
from tests.api.test_bad_input import check_problem
from tests.builders import ACCOUNT, Rig, Scene, make_campaign, refusal, spoil

ACCOUNTS = "/admin/v1/accounts"
LETTERS = "/admin/v1/dead-letters"


@pytest.fixture
async def scene(api: Api) -> Scene:
    """A campaign of two batches, the first of which cannot be rendered."""
    made = await make_campaign(api.parts.store, 20, chunk=10, tenant="first")
    await spoil(made)
    return made


@pytest.fixture
async def rig(api: Api, tmp_path: Any, scene: Scene) -> Rig:
    """A dispatcher that has tried until the first batch was dead."""
    made = Rig(api.parts.store, tmp_path)
    for _ in range(8):
        await made.drain()
        await scene.release_account()
    assert await scene.states() == {"queued": 10, "sent": 10}
    return made


async def mend(scene: Scene) -> None:
    """Undo `spoil`."""
    await scene.execute(
        "UPDATE chunk SET payload = set_byte(payload, 20, (get_byte(payload, 20) + 255) % 256) WHERE chunk_no = 0"
    )


@pytest.mark.usefixtures("rig")
class TestDeadLetters:
    """Batches that failed eight times by themselves."""

    async def test_they_are_listed_with_what_is_known(self, operator: Api, scene: Scene) -> None:
        """Which messages wait, how often it failed and of what kind the failure was; never its text."""
        (letter,) = await read_all(operator, LETTERS)
        assert letter.pop("failed_at").endswith("Z")
        batch_id = letter.pop("batch_id")
        assert await scene.column("SELECT state::text FROM batch WHERE batch_id = $1", batch_id) == ["dead"]
        assert letter == {
            "state": "dead", "tenant_id": scene.tenant_id, "campaign_id": str(scene.campaign_id), "campaign_state": "sending",
            "first_seq": 0, "last_seq": 9, "messages": 10, "failures": 8, "failure": "PayloadError",
        }  # fmt: skip

    async def test_they_are_found_page_by_page_and_by_owner(self, operator: Api, scene: Scene) -> None:
        """Pages follow one another; a tenant or a campaign without any has none."""
        await scene.execute("UPDATE batch SET state = 'dead'")
        found = await read_all(operator, f"{LETTERS}?limit=1")
        assert [letter["first_seq"] for letter in found] == [0, 10]
        assert await read_all(operator, f"{LETTERS}?tenant_id={scene.tenant_id}&campaign_id={scene.campaign_id}") == found
        assert await read_all(operator, f"{LETTERS}?tenant_id={scene.tenant_id + 1}") == []
        assert await read_all(operator, f"{LETTERS}?campaign_id={ACCOUNT}") == []

    @pytest.mark.parametrize("how", [lambda letter: f"{letter['batch_id']}/redrive", lambda _: "redrive"], ids=["one", "all"])
    async def test_a_redriven_batch_is_sent_once_it_can_be(
        self, operator: Api, rig: Rig, scene: Scene, how: Callable[[Any], str]
    ) -> None:
        """It has all its tries again; once the cause is mended it is sent, once, and the books balance all the while."""
        (letter,) = await read_all(operator, LETTERS)
        await mend(scene)
        answer = await operator.call("POST", f"{LETTERS}/{how(letter)}")
        assert answer.status == 200, answer.body
        assert await scene.column("SELECT attempts FROM batch WHERE state = 'pending'") == [0]
        await rig.drain()
        assert await scene.states() == {"sent": 20}
        assert len(set(rig.script.destinations)) == len(rig.script.destinations) == 20
        assert [action for _, action, _ in await acts(operator)] == ["dead_letter.redrive"]

    async def test_redriving_all_can_be_kept_to_a_campaign(self, operator: Api, scene: Scene) -> None:
        """Batches of others stay dead, and what was put back is told."""
        for chosen, batches in [
            ({"campaign_id": ACCOUNT}, 0), ({"tenant_id": scene.tenant_id + 1}, 0),
            ({"campaign_id": str(scene.campaign_id)}, 1), ({}, 0),
        ]:  # fmt: skip
            assert (await operator.call("POST", f"{LETTERS}/redrive", json=chosen)).json == {"batches": batches}
        assert [subject for *_, subject in await acts(operator)] == [f"campaign:{scene.campaign_id}"]

    async def test_a_canceled_batch_is_given_up(self, operator: Api, rig: Rig, scene: Scene) -> None:
        """Its messages are canceled, batch, books and record together; nothing of it is ever sent."""
        (letter,) = await read_all(operator, LETTERS)
        answer = await operator.call("POST", f"{LETTERS}/{letter['batch_id']}/cancel")
        assert (answer.json["state"], answer.json["messages"]) == ("settled", 0)
        assert await scene.states() == {"canceled": 10, "sent": 10}
        assert await scene.column("SELECT DISTINCT error FROM message WHERE state = 'canceled'") == ["dead_letter_canceled"]
        await mend(scene)
        await rig.drain()
        assert len(rig.script.bodies) == 1
        assert await acts(operator) == [("admin", "dead_letter.cancel", f"batch:{letter['batch_id']}")]
        assert await read_all(operator, LETTERS) == []

    @pytest.mark.parametrize("verb", ["redrive", "cancel"])
    async def test_only_a_dead_batch_can_be_acted_upon(self, operator: Api, scene: Scene, verb: str) -> None:
        """A settled batch is a conflict, none at all is not found, and neither leaves a trace."""
        (settled,) = await scene.column("SELECT batch_id FROM batch WHERE state = 'settled'")
        check_problem(await operator.call("POST", f"{LETTERS}/{settled}/{verb}"), 409, "state_conflict")
        for batch in (settled + 1000, "x", 1 << 63):
            check_problem(await operator.call("POST", f"{LETTERS}/{batch}/{verb}"), 404, "not_found")
        assert (await scene.states(), await acts(operator)) == ({"queued": 10, "sent": 10}, [])


async def the_account(operator: Api) -> Any:
    """The one account, as it is listed."""
    (found,) = await read_all(operator, f"{ACCOUNTS}?limit=1")
    return found


class TestAccounts:
    """What keeps them from sending."""

    async def test_a_hold_of_the_providers_making_is_shown_and_released(self, api: Api, operator: Api, tmp_path: Any) -> None:
        """A refused key holds the account: it is listed with the reason, released by command, and everything is sent."""
        scene = await make_campaign(api.parts.store, 20, chunk=10, tenant="first")
        rig = Rig(api.parts.store, tmp_path)
        rig.says(refusal(401))
        await rig.drain()
        held = await the_account(operator)
        assert (held["id"], held["state"], held["held_reason"], held["failures_in_a_row"]) == (ACCOUNT, "held", "http_401", 1)
        assert held["held_until"] is not None
        released = await operator.call("POST", f"{ACCOUNTS}/{ACCOUNT}/release")
        assert released.json == await the_account(operator)
        assert (released.json["state"], released.json["held_until"], released.json["failures_in_a_row"]) == ("open", None, 0)
        await rig.drain()
        assert await scene.states() == {"sent": 20}
        assert await acts(operator) == [("admin", "account.release", f"account:{ACCOUNT}")]

    async def test_an_operator_holds_an_account(self, api: Api, operator: Api, tmp_path: Any) -> None:
        """Nothing is sent while it lasts; a shorter hold does not end it sooner; a release does."""
        scene = await make_campaign(api.parts.store, 10, tenant="first")
        rig = Rig(api.parts.store, tmp_path)
        path = f"{ACCOUNTS}/{ACCOUNT}"
        until = (await operator.call("POST", f"{path}/hold", json={"reason": "invoice"})).json["held_until"]
        assert (await operator.call("POST", f"{path}/hold", json={"for_s": 1})).json["held_until"] == until
        assert (await the_account(operator))["held_reason"] == "invoice"
        await rig.drain()
        assert await scene.states() == {"queued": 10}
        await operator.call("POST", f"{path}/release")
        await rig.drain()
        assert await scene.states() == {"sent": 10}
        assert [action for _, action, _ in await acts(operator)] == ["account.hold", "account.hold", "account.release"]

    async def test_a_hold_that_is_over_is_none(self, api: Api, operator: Api) -> None:
        """It is not shown, whatever the row still says."""
        scene = await make_campaign(api.parts.store, 1, tenant="first")
        await scene.execute("UPDATE account SET held_until = now() - interval '1 second', held_reason = 'http_401'")
        account = await the_account(operator)
        assert (account["state"], account["held_until"], account["held_reason"]) == ("open", None, None)

    async def test_the_learned_batch_size_is_set_and_forgotten(self, api: Api, operator: Api, tmp_path: Any) -> None:
        """Requests keep to the size while it stands; null lets them be as large as the settings say; nothing: no change."""
        scene = await make_campaign(api.parts.store, 30, tenant="first")
        rig = Rig(api.parts.store, tmp_path)
        path = f"{ACCOUNTS}/{ACCOUNT}"
        assert (await operator.call("PATCH", path, json={"learned_batch_size": 10})).json["learned_batch_size"] == 10
        await rig.dispatcher.run_once()
        assert (await operator.call("PATCH", path, json={"learned_batch_size": None})).json["learned_batch_size"] is None
        assert (await operator.call("PATCH", path, json={})).json == await the_account(operator)
        await rig.drain()
        assert (rig.script.sizes, await scene.states()) == ([10, 20], {"sent": 30})
        assert [action for _, action, _ in await acts(operator)] == ["account.change"] * 2

    async def test_limits_are_set_and_given_back_to_the_settings(self, api: Api, operator: Api) -> None:
        """A field that is given is set, null resets it, others stay; the record has what it was before."""
        await make_campaign(api.parts.store, 1, tenant="first")
        path = f"{ACCOUNTS}/{ACCOUNT}"
        changed = (await operator.call("PATCH", path, json={"requests_max": 7, "segments_per_s": 300})).json
        assert (changed["requests_max"], changed["segments_per_s"]) == (7, 300)
        changed = (await operator.call("PATCH", path, json={"segments_per_s": None})).json
        assert (changed["requests_max"], changed["segments_per_s"]) == (7, None)
        async with api.parts.store.engine() as connection:
            overrides = await limits.list_account_limits(connection)
            (detail,) = await connection.fetchrow("SELECT detail::text FROM audit ORDER BY audit_id DESC LIMIT 1")
        assert overrides == [limits.AccountLimit(ACCOUNT, 7, None)]
        assert json.loads(detail) == {"segments_per_s": None, "before": {"segments_per_s": 300}}
        check_problem(await operator.call("PATCH", path, json={"segments_per_s": 0}), 422, "invalid_value")

    @pytest.mark.parametrize(("verb", "method"), [("/hold", "POST"), ("/release", "POST"), ("", "PATCH")])
    @pytest.mark.parametrize("name", ["nobody", "a%00b", "a%2Fb"])
    async def test_an_account_that_is_not_known_is_not_found(self, operator: Api, verb: str, method: str, name: str) -> None:
        """And nothing is on record."""
        check_problem(await operator.call(method, f"{ACCOUNTS}/{name}{verb}", json={}), 404, "not_found")
        assert await acts(operator) == []

    @pytest.mark.parametrize("body", [{"for_s": 0}, {"for_s": 40_000_000}, {"reason": ""}, {"reason": "a\0"}])
    async def test_a_hold_is_checked(self, operator: Api, body: Any) -> None:
        """Its span and its reason have bounds."""
        check_problem(await operator.call("POST", f"{ACCOUNTS}/{ACCOUNT}/hold", json=body), 422, "invalid_value")
