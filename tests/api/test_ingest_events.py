"""Events from other systems: stored once, counted when repeated, and sending what a rule says."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from penstock.store.pool import Store
from tests.api.conftest import Answer, Api
from tests.api.test_bad_input import check_problem

ORDER = {"reference": "order-1", "event": "paid", "Phone": "+4915100000001", "name": "Ada", "amount": 12}
RULE = {"text": "Thank you {name}, {amount} received.", "to": "phone", "when": {"event": "paid"}}


async def tell(api: Api, body: Any, key: str | None = None, source: str = "shop") -> Answer:
    """Send an event."""
    headers = {} if key is None else {"Idempotency-Key": key}
    return await api.call("POST", f"/v1/ingest/{source}", json=body, headers=headers)


async def set_up(api: Api, **setup: Any) -> Answer:
    """Set the source up."""
    return await api.call("PUT", "/v1/ingest/shop", json=setup)


def duplicates(api: Api) -> float:
    """What the counter says of the source."""
    return (
        api.parts.metrics.registry.get_sample_value("ingest_dedup_total", {"tenant": str(api.tenant_id), "source": "shop"})
        or 0.0
    )


async def count_events(store: Store) -> int:
    """Stored ones."""
    async with store.engine() as connection:
        n: int = await connection.fetchval("SELECT count(*) FROM ingest_event")
        return n


async def test_first_and_repeated(api: Api, store: Store) -> None:
    """201 with an id the first time; 204 without a body ever after."""
    first, again = await tell(api, ORDER), await tell(api, {**ORDER, "amount": 13})
    assert (first.status, again.status, again.body) == (201, 204, b"")
    assert (first.json["message_id"], first.json["not_sent"]) == (None, None)
    assert [one.headers["X-Idempotency"] for one in (first, again)] == ["MISS", "HIT"]
    assert (await count_events(store), duplicates(api)) == (1, 1)


async def test_a_burst_of_repeated_events(api: Api, store: Store) -> None:
    """2,000 events over 400 keys at 75 at a time: 400 are new, 1,600 known and counted, none fails."""
    gate = asyncio.Semaphore(75)

    async def one(number: int) -> Answer:
        async with gate:
            return await tell(api, {"n": number}, key=f"key-{number % 400}")

    answers = await asyncio.gather(*map(one, range(2000)))
    assert Counter(answer.status for answer in answers) == {201: 400, 204: 1600}
    assert (await count_events(store), duplicates(api)) == (400, 1600)


async def test_what_tells_events_apart(api: Api) -> None:
    """A key, a reference and a content of the same text are different events; the header's key always counts."""
    assert (await set_up(api, identity="content")).status == 201
    bodies = [{"reference": "same"}, {"reference": "other"}]
    assert [(await tell(api, body)).status for body in [*bodies, *bodies]] == [201, 201, 204, 204]
    assert (await tell(api, bodies[0], key="same")).status == 201
    assert (await set_up(api, identity="reference")).status == 200
    assert [(await tell(api, {"reference": "same", "n": n})).status for n in range(2)] == [201, 204]
    assert (await set_up(api, identity="key")).status == 200
    check_problem(await tell(api, {"reference": "same"}), 400, "idempotency_key_required")


async def test_an_event_that_cannot_be_told_apart_is_refused(api: Api, store: Store) -> None:
    """Without a key and without a reference nothing is stored."""
    check_problem(await tell(api, {"event": "paid"}), 400, "idempotency_key_required")
    check_problem(await tell(api, {"reference": 7}), 400, "idempotency_key_required")
    assert await count_events(store) == 0


async def test_sources_and_tenants_are_apart(api: Api, other: Api) -> None:
    """The same reference from another source or of another tenant is another event."""
    answers = [await tell(api, ORDER), await tell(api, ORDER, source="till"), await tell(other, ORDER)]
    assert [answer.status for answer in answers] == [201, 201, 201]


async def test_a_rule_sends_one_message(api: Api) -> None:
    """The first arrival sends the text with the event's values; a repetition sends nothing."""
    await set_up(api, identity="reference", rule=RULE)
    first, again = await tell(api, ORDER), await tell(api, ORDER)
    assert again.status == 204
    message = (await api.call("GET", f"/v1/messages/{first.json['message_id']}")).json
    assert (message["to"], message["state"]) == ("+4915100000001", "queued")
    found = (await api.call("POST", "/v1/messages/search", json={"number": "+4915100000001"})).json
    assert len(found["items"]) <= 1


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ({"event": "shipped"}, None),
        ({"event": "paid", "name": "Ada", "amount": 1}, "phone"),
        ({"event": "paid", "phone": "+4915100000001", "amount": 1}, "name"),
        ({"event": "paid", "phone": "nobody", "name": "Ada", "amount": 1}, "number"),
        ({"event": "paid", "phone": "+4915100000001", "name": ["Ada"], "amount": 1}, "name"),
    ],
)
async def test_an_event_that_sends_nothing_is_stored_and_says_why(api: Api, event: dict[str, Any], why: str | None) -> None:
    """The event counts as taken in; what a rule could not do stands in the answer."""
    await set_up(api, identity="reference", rule=RULE)
    answer = await tell(api, {**event, "reference": "r"})
    assert (answer.status, answer.json["message_id"]) == (201, None)
    assert (answer.json["not_sent"] is None) == (why is None)
    assert (why or "") in (answer.json["not_sent"] or "")


async def test_an_opted_out_number_gets_nothing(api: Api) -> None:
    """The rule's message is refused like any other, and the event stays known."""
    await set_up(api, identity="reference", rule=RULE)
    await api.call("POST", "/v1/opt-outs", json={"numbers": ["+4915100000001"]})
    assert "opted out" in (await tell(api, ORDER)).json["not_sent"]
    assert (await tell(api, ORDER)).status == 204


async def test_set_up_is_listed_changed_and_forgotten(api: Api, other: Api) -> None:
    """A source is its tenant's own; forgetting it leaves the events known."""
    await set_up(api, identity="reference", rule=RULE)
    (listed,) = (await api.call("GET", "/v1/ingest")).json["items"]
    assert (listed["source"], listed["rule"]["text"], listed["rule"]["from"]) == ("shop", RULE["text"], None)
    assert (await other.call("GET", "/v1/ingest")).json["items"] == []
    check_problem(await other.call("DELETE", "/v1/ingest/shop"), 404, "not_found")
    await tell(api, ORDER)
    assert (await api.call("DELETE", "/v1/ingest/shop")).status == 204
    assert (await tell(api, ORDER)).status == 204


@pytest.mark.parametrize("rule", [{"text": "{", "to": "a"}, {"text": "x", "to": "a", "from": "§"}, {"text": "x"}, {"to": "a"}])
async def test_a_rule_that_cannot_work_is_refused(api: Api, rule: dict[str, Any]) -> None:
    """What would fail for every event is refused at once."""
    check_problem(await set_up(api, identity="key", rule=rule), 422, "invalid_value")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        *((body, 400, "malformed_request") for body in (b'{"a":1,"a":2}', b'{"a":"\\ud800"}', b"{", b"\xff")),
        (b'{"a":' * 900 + b"1" + b"}" * 900, 400, "malformed_request"),
        *((body, 422, "invalid_value") for body in (b"[]", b"[" * 3000, b"1", b'{"a":["\\u0000"]}', b'{"\\u0000":1}')),
    ],
    ids=lambda one: str(one)[:20],
)
async def test_an_event_is_a_json_object(api: Api, body: bytes, status: int, code: str) -> None:
    """What cannot be read is 400; JSON of another kind, and U+0000, are 422."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": "k"}
    check_problem(await api.call("POST", "/v1/ingest/shop", data=body, headers=headers), status, code)


@pytest.mark.parametrize("name", ["Shop", "a" * 51, "-a", "%20"])
async def test_a_source_has_a_plain_name(api: Api, name: str) -> None:
    """Its name is a label of a metric and part of addresses."""
    check_problem(await tell(api, ORDER, source=name), 404, "not_found")
