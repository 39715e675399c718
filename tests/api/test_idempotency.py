"""A request with an Idempotency-Key has one effect and one answer, however often and from wherever it is repeated."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from penstock.store.pool import Store
from tests.api.conftest import Answer, Api, rows
from tests.api.test_bad_input import check_problem

DRAFT = {"name": "Spring", "text": "Hello"}


async def create(api: Api, key: str, body: Any = DRAFT) -> Answer:
    """Ask for a campaign under a key."""
    return await api.call("POST", "/v1/campaigns", json=body, headers={"Idempotency-Key": key})


async def count_campaigns(store: Store) -> int:
    """Of all tenants."""
    async with store.engine() as connection:
        n: int = await connection.fetchval("SELECT count(*) FROM campaign")
        return n


def marks(answers: list[Answer]) -> Counter[str]:
    """How many were answered first, and how many again."""
    return Counter(answer.headers["X-Idempotency"] for answer in answers)


async def test_a_thousand_parallel_repetitions_are_one_request(api: Api, store: Store) -> None:
    """One campaign, one first answer, and all bodies alike to the byte."""
    answers = await asyncio.gather(*(create(api, "one") for _ in range(1000)))
    assert {answer.status for answer in answers} == {201}
    assert len({(answer.body, answer.headers["Location"], answer.headers["Content-Type"]) for answer in answers}) == 1
    assert marks(answers) == {"MISS": 1, "HIT": 999}
    assert await count_campaigns(store) == 1


async def test_a_burst_over_many_keys(api: Api, store: Store) -> None:
    """2,000 requests over 400 keys at 75 at a time: 400 first answers, 1,600 repeated ones, no error."""
    gate = asyncio.Semaphore(75)

    async def ask(number: int) -> Answer:
        async with gate:
            return await create(api, f"key-{number % 400}")

    answers = await asyncio.gather(*map(ask, range(2000)))
    assert {answer.status for answer in answers} == {201}
    assert marks(answers) == {"MISS": 400, "HIT": 1600}
    assert await count_campaigns(store) == 400


async def test_repeated_later(api: Api) -> None:
    """The stored answer is the first one, also when the thing has changed since."""
    first = await create(api, "later")
    await api.upload(first.json["id"], rows(3))
    again = await create(api, "later")
    assert (again.status, again.body) == (first.status, first.body)
    assert again.headers["X-Request-Id"] != first.headers["X-Request-Id"]


async def test_spelling_of_the_body_does_not_matter(api: Api) -> None:
    """White space and the order of keys are no difference; a value is."""
    await create(api, "spelled")
    data = b'{ "text":"Hel\\u006co",\n "name" : "Spring" }'
    headers = {"Idempotency-Key": "spelled", "Content-Type": "application/json; charset=utf-8"}
    assert (await api.call("POST", "/v1/campaigns", data=data, headers=headers)).headers["X-Idempotency"] == "HIT"
    check_problem(await create(api, "spelled", {**DRAFT, "max_parts": 3}), 422, "idempotency_key_reused")


async def test_another_body_may_be_another_request(api: Api, store: Store) -> None:
    """Where the tenant says so, key and body together are the identity."""
    async with store.engine() as connection:
        await connection.execute('UPDATE tenant SET settings = \'{"idempotency": "key_and_body"}\'')
    first, other = await create(api, "shared"), await create(api, "shared", {**DRAFT, "name": "Autumn"})
    assert marks([first, other]) == {"MISS": 2}
    assert first.json["id"] != other.json["id"]
    again = await asyncio.gather(create(api, "shared"), create(api, "shared", {**DRAFT, "name": "Autumn"}))
    assert [answer.body for answer in again] == [first.body, other.body]


async def test_a_key_belongs_to_one_tenant_and_one_route(api: Api, other: Api, store: Store) -> None:
    """The same key of two tenants and on two routes is four requests."""
    drafts = [await api.create(), await other.create()]
    for caller, draft in zip((api, other), drafts, strict=True):
        await caller.upload(draft, rows(1))
    created = await asyncio.gather(create(api, "same"), create(other, "same"))
    headers = {"Idempotency-Key": "same"}
    sent = [
        await caller.call("POST", f"/v1/campaigns/{draft}/send", headers=headers)
        for caller, draft in zip((api, other), drafts, strict=True)
    ]
    assert [answer.status for answer in (*created, *sent)] == [201, 201, 202, 202]
    assert marks([*created, *sent]) == {"MISS": 4}
    assert await count_campaigns(store) == 4


async def test_another_campaign_under_the_same_key_is_refused(api: Api) -> None:
    """The path counts: a key that started one campaign does not answer for another."""
    drafts = [await api.create(), await api.create()]
    for draft in drafts:
        await api.upload(draft, rows(1))
    first, second = [
        await api.call("POST", f"/v1/campaigns/{draft}/send", headers={"Idempotency-Key": "go"}) for draft in drafts
    ]
    assert first.status == 202
    check_problem(second, 422, "idempotency_key_reused")
    assert (await api.show(drafts[1]))["state"] == "draft"


async def test_a_refusal_is_repeated_too(api: Api) -> None:
    """A final refusal is stored like any answer; a new key asks anew."""
    draft = await api.create()
    path = f"/v1/campaigns/{draft}/send"
    first = await api.call("POST", path, headers={"Idempotency-Key": "early"})
    check_problem(first, 409, "state_conflict")
    await api.upload(draft, rows(2))
    again = await api.call("POST", path, headers={"Idempotency-Key": "early"})
    assert (again.status, again.body, again.headers["X-Idempotency"]) == (409, first.body, "HIT")
    assert (await api.call("POST", path, headers={"Idempotency-Key": "now"})).status == 202


async def test_a_defect_is_not_repeated(api: Api, store: Store) -> None:
    """What failed on our side left nothing behind, and the same key is tried afresh."""
    async with store.engine() as connection:
        await connection.execute("ALTER TABLE campaign ADD CONSTRAINT broken CHECK (name <> 'Spring')")
    assert (await create(api, "unlucky")).status == 500
    async with store.engine() as connection:
        assert await connection.fetchval("SELECT count(*) FROM idempotency_key") == 0
        await connection.execute("ALTER TABLE campaign DROP CONSTRAINT broken")
    again = await create(api, "unlucky")
    assert (again.status, again.headers["X-Idempotency"]) == (201, "MISS")


@pytest.mark.parametrize("given", ["", '""', "two words", '"open', "é", "x" * 256, '"a\\b"'])
async def test_a_malformed_key_is_refused(api: Api, store: Store, given: str) -> None:
    """A key is 1 to 255 visible ASCII characters, quoted or bare; anything else changes nothing."""
    check_problem(await create(api, given), 400, "malformed_request")
    assert await count_campaigns(store) == 0


async def test_quoted_and_bare_are_the_same_key(api: Api) -> None:
    """As the draft writes it, or as most clients do."""
    assert marks([await create(api, '"a-1"'), await create(api, "a-1"), await create(api, '"a-1"')]) == {"MISS": 1, "HIT": 2}
    assert marks([await create(api, r'"q\"\\"'), await create(api, r'"q\"\\"')]) == {"MISS": 1, "HIT": 1}


async def test_two_keys_are_refused(api: Api) -> None:
    """Which of them would count is not for us to guess."""
    headers = [("Authorization", f"Bearer {api.key}"), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    async with api.session.post(f"{api.url}/v1/campaigns", json=DRAFT, headers=headers) as response:
        assert response.status == 400


async def test_sending_needs_a_key(api: Api) -> None:
    """What spends is not accepted without one, and says so before anything is read."""
    draft = await api.create()
    answer = await api.call("POST", f"/v1/campaigns/{draft}/send", skip_auto_headers=(), headers={"Idempotency-Key": ""})
    check_problem(answer, 400, "malformed_request")
    headers = {"Authorization": f"Bearer {api.key}"}
    async with api.session.post(f"{api.url}/v1/campaigns/{draft}/send", headers=headers) as response:
        assert (response.status, (await response.json())["code"]) == (400, "idempotency_key_required")


async def test_a_holder_in_another_process_is_waited_for(api: Api, store: Store) -> None:
    """A row that another process is writing is waited for and replayed; when it is undone, the waiter takes its place."""
    async with store.engine() as elsewhere:
        holding = elsewhere.transaction()
        await holding.start()
        await elsewhere.execute(
            "INSERT INTO idempotency_key VALUES ($1, 'POST /v1/campaigns', 'far', '', $2, NULL, NULL, NULL, now() + '1 day')",
            api.tenant_id, bytes(32),
        )  # fmt: skip
        async with asyncio.TaskGroup() as group:
            asked = group.create_task(create(api, "far"))
            await _until_somebody_waits(store)
            await holding.rollback()
    answer = asked.result()
    assert (answer.status, answer.headers["X-Idempotency"]) == (201, "MISS")


async def test_answers_are_dropped_when_their_time_is_over(api: Api, store: Store) -> None:
    """After that the key may be used again, also before the row has been cleaned away."""
    first = await create(api, "old")
    async with store.engine() as connection:
        await connection.execute("UPDATE idempotency_key SET expires_at = now()")
    second = await create(api, "old")
    assert second.json["id"] != first.json["id"]
    assert marks([first, second, await create(api, "old")]) == {"MISS": 2, "HIT": 1}


async def _until_somebody_waits(store: Store) -> None:
    async with store.engine() as watcher, asyncio.timeout(10):
        waiting = 0
        while not waiting:
            waiting = await watcher.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted")
