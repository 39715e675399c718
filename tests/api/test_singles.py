"""Single messages over HTTP: accepted or refused one by one, once, durable, canceled while they wait."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.api.parts import Parts
from penstock.domain.fairness import Lane
from penstock.domain.ids import CampaignId, TenantId, parse_message_id
from penstock.ingest import singles
from penstock.reconcile.books import fold_counts
from penstock.store import idempotency
from penstock.store.pool import Store
from tests.api.conftest import KEY, Answer, Api
from tests.builders import Rig, Scene, number, refusal
from tests.singles import texts

PATH = "/v1/messages"


async def send(api: Api, i: int = 0, text: str = "Hello", key: str | None = None, **fields: Any) -> Answer:
    """One message to the i-th synthetic number."""
    headers = {"Idempotency-Key": key} if key else {}
    return await api.call("POST", PATH, json={"to": f"+{number(i)}", "text": text, **fields}, headers=headers)


async def send_list(api: Api, *messages: Any, key: str | None = None) -> Answer:
    """A list of messages."""
    headers = {"Idempotency-Key": key} if key else {}
    return await api.call("POST", PATH, json={"messages": messages}, headers=headers)


def message(i: int = 0, text: str = "Hello", **fields: Any) -> dict[str, Any]:
    """One message of a list."""
    return {"to": f"+{number(i)}", "text": text, **fields}


async def stored(store: Store) -> int:
    """How many messages there are."""
    async with store.engine() as connection:
        n: int = await connection.fetchval("SELECT count(*) FROM message")
        return n


def scene_of(store: Store, tenant_id: TenantId, message_id: str) -> Scene:
    """The rolling campaign behind an id."""
    place = parse_message_id(message_id)
    assert place is not None
    return Scene(store, tenant_id, CampaignId(place[0]))


@pytest.fixture
def rig(store: Store, tmp_path: Path) -> Rig:
    """A dispatcher beside the API."""
    return Rig(store, tmp_path)


async def test_a_message_is_accepted_at_its_location(api: Api) -> None:
    """201, the whole message, and the address where it can be read."""
    answer = await send(api, reference="order 7")
    assert answer.status == 201
    view = answer.json
    assert {name: view[name] for name in ("to", "state", "segments", "from", "reference", "campaign_id", "provider_id")} == {
        "to": f"+{number(0)}", "state": "queued", "segments": 1, "from": "Penstock", "reference": "order 7",
        "campaign_id": None, "provider_id": None,
    }  # fmt: skip
    assert answer.headers["Location"] == f"{PATH}/{view['id']}"
    assert view["due_at"] == view["created_at"]
    shown = await api.call("GET", answer.headers["Location"])
    assert shown.json == view


async def test_the_senders_are_told_of_what_was_stored(api: Api, announced: list[Lane]) -> None:
    """After the commit, with the segments; not of what has to wait."""
    answer = await send(api, text="x" * 161)
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()  # noqa: TID251 - what a client's clock would say
    assert (await send(api, send_at=later)).status == 201
    (lane,) = announced
    assert (lane.tenant_id, lane.segments, lane.is_rolling) == (api.tenant_id, 2, True)
    assert parse_message_id(answer.json["id"]) == (lane.campaign_id, 0)


async def test_a_message_reaches_the_provider(api: Api, rig: Rig) -> None:
    """From POST to sent, and the books balance."""
    answer = await send(api)
    await rig.drain()
    shown = (await api.call("GET", answer.headers["Location"])).json
    assert (shown["state"], shown["due_at"]) == ("sent", None)
    assert shown["provider_id"]
    assert await scene_of(api.parts.store, api.tenant_id, shown["id"]).states() == {"sent": 1}


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"to": "0151 00000000"}, "/to"),
        ({"to": "+49151"}, "/to"),
        ({"to": "nobody"}, "/to"),
        ({"to": ""}, "/to"),
        ({"text": ""}, "/text"),
        ({"text": "x" * 1531}, "/text"),
        ({"text": "é" * 670 + "€" * 900}, "/text"),
        ({"from": "x"}, "/from"),
        ({"from": "a very long sender"}, "/from"),
        ({"from": ""}, "/from"),
        ({"reference": ""}, "/reference"),
        ({"reference": "r" * 201}, "/reference"),
        ({"send_at": "2020-01-01T00:00:00Z"}, "/send_at"),
        ({"send_at": "2099-01-01T00:00:00Z"}, "/send_at"),
        ({"send_at": "2099-01-01T00:00:00"}, "/send_at"),
        ({"send_at": "tomorrow"}, "/send_at"),
        ({"text": "a\0b"}, "/text"),
        ({"to": 49151}, "/to"),
    ],
)
async def test_a_wrong_value_is_named(api: Api, fields: dict[str, Any], pointer: str) -> None:
    """422, with a pointer to the field, nothing of its content, and nothing stored."""
    answer = await api.call("POST", PATH, json=message(**fields))
    assert answer.status == 422, answer.body
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["errors"][0]["pointer"] == pointer
    assert "49151" not in answer.body.decode()
    assert await stored(api.parts.store) == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422), ({"to": "+4915100000000"}, 422), ({"text": "Hello"}, 422), ({"messages": []}, 422),
        ({"messages": [{"to": "+4915100000000"}]}, 422), ({"messages": [{}] * 1001}, 422), ({"messages": {}}, 422),
        ({**message(), "messages": [message()]}, 422), ({**message(), "sender": "Penstock"}, 400),
        ({"messages": [{**message(), "validity": 1}]}, 400), ({"messages": [message()], "reference": "x"}, 422),
    ],
)  # fmt: skip
async def test_a_body_of_neither_form_is_refused(api: Api, body: Any, status: int) -> None:
    """One message or a list, not both, no unknown field."""
    answer = await api.call("POST", PATH, json=body)
    assert answer.status == status, answer.body
    assert await stored(api.parts.store) == 0


async def test_lone_surrogates_are_refused(api: Api) -> None:
    """They are no characters, and cannot be sent."""
    body = '{"to":"+4915100000000","text":"\\ud83d"}'
    answer = await api.call("POST", PATH, data=body, headers={"Content-Type": "application/json"})
    assert answer.status == 400


async def test_national_numbers_need_the_tenants_region(api: Api, store: Store) -> None:
    """With a default region a number may be written as at home."""
    async with store.engine() as connection:
        await connection.execute('UPDATE tenant SET settings = \'{"default_region": "DE"}\'')
    answer = await api.call("POST", PATH, json={"to": "0151 00000000", "text": "Hello"})
    assert answer.json["to"] == "+4915100000000"


async def test_who_opted_out_is_refused(api: Api) -> None:
    """With a code of its own; in a list only that message."""
    await api.call("POST", "/v1/opt-outs", json={"numbers": [f"+{number(1)}"]})
    answer = await send(api, 1)
    assert (answer.status, answer.json["code"], answer.json["errors"][0]["pointer"]) == (422, "opted_out", "/to")
    listed = await send_list(api, message(0), message(1), message(2))
    assert [item.get("error", {}).get("code") for item in listed.json["items"]] == [None, "opted_out", None]
    assert await stored(api.parts.store) == 2


async def test_each_message_of_a_list_has_its_own_result(api: Api) -> None:
    """In order, with pointers into the request; what is wrong harms nobody else."""
    answer = await send_list(
        api, message(0), message(1, to="nobody"), message(2, "x" * 2000), message(3, **{"from": "!"}),
        message(4, reference="r" * 201), message(5, reference="ok", **{"from": "Other"}),
    )  # fmt: skip
    assert answer.status == 200
    assert (answer.json["accepted"], answer.json["refused"]) == (2, 4)
    pointers = [item.get("error", {}).get("pointer") for item in answer.json["items"]]
    assert pointers == [None, "/messages/1/to", "/messages/2/text", "/messages/3/from", "/messages/4/reference", None]
    kept = [item["message"] for item in answer.json["items"] if "message" in item]
    assert [(view["to"], view["from"]) for view in kept] == [(f"+{number(0)}", "Penstock"), (f"+{number(5)}", "Other")]
    for view in kept:
        assert (await api.call("GET", f"{PATH}/{view['id']}")).json == view


async def test_a_list_of_nothing_acceptable_is_answered_too(api: Api) -> None:
    """With and without a key, and nothing is stored."""
    for key in (None, "k1", "k1"):
        answer = await send_list(api, message(0, ""), key=key)
        assert (answer.status, answer.json["refused"]) == (200, 1)
    assert answer.headers["X-Idempotency"] == "HIT"
    assert await stored(api.parts.store) == 0


async def test_a_thousand_messages_are_one_transaction(api: Api, store: Store) -> None:
    """The largest list, with repeated numbers, is stored at once and in order."""
    answer = await send_list(api, *[message(i % 990, f"Text {i}") for i in range(1000)])
    assert answer.json["accepted"] == 1000
    assert [item["message"]["to"] for item in answer.json["items"]] == [f"+{number(i % 990)}" for i in range(1000)]
    async with store.engine() as connection:
        assert await connection.fetchval("SELECT count(DISTINCT xmin::text) FROM message") == 1
        assert await connection.fetchval("SELECT count(*) FROM batch") == 2
    scene = scene_of(store, api.tenant_id, answer.json["items"][0]["message"]["id"])
    assert await scene.states() == {"queued": 1000}


@pytest.mark.parametrize("how", ["one", "list"])
async def test_a_repetition_has_one_effect_and_one_answer(api: Api, how: str) -> None:
    """The same key and request: the same bytes, marked as repeated. Another request with the key is refused."""
    calls = [await (send(api, key="k1") if how == "one" else send_list(api, message(), key="k1")) for _ in range(3)]
    assert {call.body for call in calls} == {calls[0].body}
    assert [call.headers["X-Idempotency"] for call in calls] == ["MISS", "HIT", "HIT"]
    assert {call.headers.get("Location") for call in calls} == {calls[0].headers.get("Location")}
    other = await send(api, 5, key="k1")
    assert (other.status, other.json["code"]) == (422, "idempotency_key_reused")
    assert await stored(api.parts.store) == 1


async def test_a_refusal_is_repeated_too(api: Api) -> None:
    """What was refused for its key stays refused when the reason is gone: it was answered."""
    await api.call("POST", "/v1/opt-outs", json={"numbers": [f"+{number(1)}"]})
    first = await send(api, 1, key="k1")
    await api.call("DELETE", "/v1/opt-outs", json={"numbers": [f"+{number(1)}"]})
    second = await send(api, 1, key="k1")
    assert (first.status, second.status) == (422, 422)
    assert first.body == second.body
    assert await stored(api.parts.store) == 0


async def test_a_time_that_was_good_is_good_when_repeated(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is repeated also after the time has passed and would be refused now."""
    when = (datetime.now(UTC) + timedelta(seconds=30)).isoformat()  # noqa: TID251 - what a client's clock would say
    first = await send(api, key="k1", send_at=when)
    assert first.status == 201
    monkeypatch.setattr("penstock.ingest.single_checks.MOST_BEHIND", timedelta(days=-1))
    assert (await send(api, key="k2", send_at=when)).status == 422
    assert (await send(api, key="k1", send_at=when)).body == first.body


async def test_many_at_once_are_stored_once_each_in_few_transactions(api: Api, store: Store) -> None:
    """Two hundred parallel requests, half of them with keys and each of those sent twice: two hundred messages."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(send(api, i, f"Text {i}", key=f"k{i}" if i % 2 else None)) for i in range(200)]
        again = [group.create_task(send(api, i, f"Text {i}", key=f"k{i}")) for i in range(200) if i % 2]
    answers = [task.result() for task in tasks]
    assert {answer.status for answer in answers} == {201}
    assert len({answer.json["id"] for answer in answers}) == 200
    assert [task.result().body for task in again] == [answer.body for i, answer in enumerate(answers) if i % 2]
    async with store.engine() as connection:
        transactions = await connection.fetchval("SELECT count(DISTINCT xmin::text) FROM message")
        assert await connection.fetchval("SELECT count(*) FROM idempotency_key WHERE status = 201") == 100
    assert transactions <= 50
    await fold_counts(store)
    assert await scene_of(store, api.tenant_id, answers[0].json["id"]).states() == {"queued": 200}


async def test_an_answer_tells_of_what_is_durable(api: Api, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests that arrive while a transaction runs are answered together, after the commit of theirs."""
    is_running, go_on = asyncio.Event(), asyncio.Event()
    place = singles.place_messages

    async def held(*arguments: Any) -> Any:
        is_running.set()
        await go_on.wait()
        return await place(*arguments)

    monkeypatch.setattr(singles, "place_messages", held)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(send(api, 0))
        await is_running.wait()
        others = [group.create_task(send(api, i)) for i in range(1, 20)]
        while api.parts.metrics.singles_waiting._value.get() < 19:
            await asyncio.wait([first], timeout=0.01)
        assert not first.done()
        go_on.set()
    assert {task.result().status for task in [first, *others]} == {201}
    async with store.engine() as connection:
        assert await connection.fetchval("SELECT count(DISTINCT xmin::text) FROM message") == 2


async def test_a_failing_commit_stores_nothing(api: Api, store: Store) -> None:
    """Everybody in the group is told to come again, nothing is left behind, and coming again works."""
    async with store.engine() as connection:
        await connection.execute(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'disk_full'; END $$"
        )
        await connection.execute(
            "CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON counter_delta DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION fail()"
        )
    answers = await asyncio.gather(*(send(api, i, key=f"k{i}") for i in range(5)), send(api, 9))
    assert {answer.status for answer in answers} == {503}
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in answers)
    async with store.engine() as connection:
        for table in ("message", "chunk", "batch", "rolling_campaign", "counter_delta", "idempotency_key"):
            assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0  # noqa: S608 - names from the line above
        await connection.execute("DROP TRIGGER fail ON counter_delta")
    again = await asyncio.gather(*(send(api, i, key=f"k{i}") for i in range(5)))
    assert [answer.headers["X-Idempotency"] for answer in again] == ["MISS"] * 5


async def test_a_key_held_elsewhere_is_the_others_too_but_not_their_fault(
    api: Api, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key whose other holder does not finish: a conflict for its request, come again for those that came with it."""
    is_running, go_on = asyncio.Event(), asyncio.Event()
    claim = idempotency.claim_keys

    async def held(*arguments: Any) -> Any:
        is_running.set()
        await go_on.wait()
        connection = arguments[0]
        await connection.execute("SET LOCAL lock_timeout = '100ms'")
        return await claim(*arguments)

    async with store.engine() as holder:
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute(
            "INSERT INTO idempotency_key VALUES ($1, 'POST /v1/messages', 'k1', '', sha256('x'), NULL, NULL, NULL, now())",
            api.tenant_id,
        )
        monkeypatch.setattr(idempotency, "claim_keys", held)
        async with asyncio.TaskGroup() as group:
            first = group.create_task(send(api, 0))
            await is_running.wait()
            keyed, bare = group.create_task(send(api, 1, key="k1")), group.create_task(send(api, 2))
            while api.parts.metrics.singles_waiting._value.get() < 2:
                await asyncio.wait([first], timeout=0.01)
            go_on.set()
        await transaction.rollback()
    assert (first.result().status, keyed.result().status, bare.result().status) == (201, 409, 503)
    assert keyed.result().json["code"] == "request_in_progress"


async def test_too_many_waiting_are_sent_away(api: Api, parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 with a time to come back, before anything is stored."""
    monkeypatch.setattr(parts.singles, "_most_waiting", 3)
    assert (await send_list(api, *[message(i) for i in range(4)])).status == 503
    answer = await send_list(api, *[message(i) for i in range(4)])
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    assert (await send_list(api, *[message(i) for i in range(3)])).json["accepted"] == 3


async def test_a_request_does_not_wait_for_ever(api: Api, parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that got no turn is told so, and is not stored behind its caller's back."""
    is_running, go_on = asyncio.Event(), asyncio.Event()
    place = singles.place_messages

    async def held(*arguments: Any) -> Any:
        is_running.set()
        await go_on.wait()
        return await place(*arguments)

    monkeypatch.setattr(singles, "place_messages", held)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(send(api, 0))
        await is_running.wait()
        monkeypatch.setattr(parts.singles, "_patience_s", 0.05)
        assert (await send(api, 1)).status == 503
        go_on.set()
    assert first.result().status == 201
    assert (await send(api, 2)).status == 201
    assert await stored(parts.store) == 2


async def test_a_waiting_message_is_canceled(api: Api, rig: Rig) -> None:
    """Once, and a repeated cancel is answered alike; it is never sent."""
    answer = await send(api)
    gone = await api.call("DELETE", answer.headers["Location"])
    assert (gone.status, gone.json["state"], gone.json["error"]) == (200, "canceled", "canceled")
    assert (await api.call("DELETE", answer.headers["Location"])).json == gone.json
    await rig.drain()
    assert rig.script.bodies == []
    assert await scene_of(api.parts.store, api.tenant_id, answer.json["id"]).states() == {"canceled": 1}


async def test_a_message_on_its_way_cannot_be_canceled(api: Api, rig: Rig) -> None:
    """The conflict names where it is; nothing changes."""
    answer = await send(api)
    is_sending, go_on = asyncio.Event(), asyncio.Event()

    async def hold(_: bytes, __: int) -> Any:
        is_sending.set()
        await go_on.wait()
        return refusal(422)

    rig.says(hold)
    async with asyncio.TaskGroup() as group:
        group.create_task(rig.dispatcher.run_once())
        await is_sending.wait()
        sending = await api.call("DELETE", answer.headers["Location"])
        go_on.set()
    assert (sending.status, "taken for sending" in sending.json["detail"]) == (409, True)
    rejected = await api.call("DELETE", answer.headers["Location"])
    assert (rejected.status, "rejected" in rejected.json["detail"]) == (409, True)
    assert await scene_of(api.parts.store, api.tenant_id, answer.json["id"]).states() == {"rejected": 1}


async def test_a_message_of_a_campaign_is_canceled_too(api: Api, rig: Rig) -> None:
    """One of many is left out, before and after the campaign has started."""
    campaign = await api.create("Hi {name}")
    body = "phone,name\n" + "".join(f"+{number(i)},Name\n" for i in range(5))
    await api.upload(campaign, body.encode())
    ids = [item["id"] for item in (await api.call("GET", f"/v1/campaigns/{campaign}/messages")).json["items"]]
    assert (await api.call("DELETE", f"{PATH}/{ids[1]}")).json["campaign_id"] == campaign
    await api.call("POST", f"/v1/campaigns/{campaign}/send")
    assert (await api.call("DELETE", f"{PATH}/{ids[3]}")).status == 200
    await rig.drain()
    assert rig.script.destinations == [f"+{number(i)}" for i in (0, 2, 4)]
    assert (await api.show(campaign))["counts"]["canceled"] == 2


async def test_rolling_campaigns_are_not_the_tenants(api: Api) -> None:
    """Single messages show no campaign: not in the list, not by its id, not to be stopped."""
    answer = await send(api)
    place = parse_message_id(answer.json["id"])
    assert place is not None
    assert (await api.call("GET", "/v1/campaigns")).json["items"] == []
    for method, path in [("GET", ""), ("POST", "/send"), ("GET", "/messages"), ("GET", "/report"), ("DELETE", "/recipients")]:
        assert (await api.call(method, f"/v1/campaigns/{place[0]}{path}")).status == 404


async def test_another_tenants_message_does_not_exist(api: Api, other: Api) -> None:
    """Not to be seen, found or canceled."""
    answer = await send(api, reference="mine")
    path = answer.headers["Location"]
    for method, address in [("GET", path), ("DELETE", path), ("GET", f"{path}/timeline")]:
        assert (await other.call(method, address)).status == 404
    found = await other.call("POST", f"{PATH}/search", json={"reference": "mine"})
    assert found.json["items"] == []
    assert (await send(other)).json["id"] != answer.json["id"]
    assert (await api.call("GET", path)).json["state"] == "queued"


@pytest.mark.parametrize("name", ["x", "0" * 32 + "-0", "0" * 32 + "-" + "9" * 12, "%00", "0" * 32 + "-²"])
async def test_an_id_that_cannot_be_one_does_not_exist(api: Api, name: str) -> None:
    """404 like any other unknown message."""
    for method, path in [("GET", f"{PATH}/{name}"), ("DELETE", f"{PATH}/{name}"), ("GET", f"{PATH}/{name}/timeline")]:
        assert (await api.call(method, path)).status == 404


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=300)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.lists(st.one_of(TEXTS, st.text('{}"\\ \n\t\x01', min_size=1)), min_size=1, max_size=20))
async def test_a_text_reaches_the_provider_as_it_was_given(api: Api, rig: Rig, data: list[str]) -> None:
    """Whatever is accepted comes out of the request to the provider character by character."""
    rig.script.bodies.clear()
    answer = await send_list(api, *[message(i, text) for i, text in enumerate(data)])
    kept = [text for text, item in zip(data, answer.json["items"], strict=True) if "message" in item]
    assert kept == data
    await rig.drain()
    sent = dict(pair for body in rig.script.bodies for pair in texts(body))
    assert [sent[item["message"]["to"]] for item in answer.json["items"] if "message" in item] == kept


async def test_nothing_private_is_in_metrics(api: Api) -> None:
    """Counts only."""
    await send(api, 7, "Secret")
    text = api.parts.metrics.render("")[0].decode()
    assert 'penstock_single_messages_total{result="accepted"} 1.0' in text
    assert "penstock_single_commits_total 1.0" in text
    assert str(number(7)) not in text
    assert KEY not in text
    assert json.dumps("Secret") not in text
