"""Trying again what is proven unsent, over HTTP."""

from typing import Any

import pytest

from penstock.ingest import retry
from penstock.ingest.audience import Intake
from penstock.reconcile.canceled import sweep_canceled
from tests.api.conftest import CHUNK, Api, rows


async def act(api: Api, campaign: str, action: str, **sent: Any) -> Any:
    """One action on a campaign."""
    return await api.call("POST", f"/v1/campaigns/{campaign}/{action}", **sent)


async def execute(api: Api, statement: str, *values: object) -> None:
    """Change something by hand."""
    async with api.parts.store.engine() as connection:
        await connection.execute(statement, *values)


async def ended(api: Api, n: int = 25, **fields: Any) -> str:
    """A completed campaign: of five messages one each was rejected, canceled, expired unsent, expired later, delivered."""
    campaign = await api.create(**fields)
    await api.upload(campaign, rows(n))
    await execute(
        api,
        "UPDATE message SET"
        " state = (ARRAY['rejected', 'canceled', 'expired', 'expired', 'delivered'])[1 + seq % 5]::message_state,"
        " provider_id = CASE WHEN seq % 5 > 2 THEN 'id-' || seq END WHERE campaign_id = $1",
        campaign,
    )
    states = {"queued": -n, "rejected": n // 5, "canceled": n // 5, "expired": 2 * n // 5, "delivered": n // 5}
    for state, moved in states.items():
        await execute(
            api, "INSERT INTO counter_delta (tenant_id, campaign_id, counter, n) VALUES ($1, $2, $3, $4)",
            api.tenant_id, campaign, state, moved,
        )  # fmt: skip
    await execute(api, "UPDATE batch SET state = 'settled' WHERE campaign_id = $1", campaign)
    await execute(api, "UPDATE campaign SET state = 'completed', started_at = now() WHERE campaign_id = $1", campaign)
    return campaign


def unsent(n: int = 25) -> list[str]:
    """The numbers that no provider ever accepted."""
    return [f"+49151{i:08d}" for i in range(n) if i % 5 < 3]


async def test_what_was_never_accepted_becomes_a_campaign_of_its_own(api: Api) -> None:
    """The retry is a draft with the same decisions and exactly the unsent recipients, their values included."""
    campaign = await ended(api, pace={"over_s": 60}, validity_s=3600, max_parts=3)
    before = await api.show(campaign)
    answer = await act(api, campaign, "retry-failed")
    assert (answer.status, answer.json["requeued"]) == (200, 0)
    made = answer.json["campaign"]
    assert (made["state"], made["name"], made["retry_of"], made["longest"]) == ("draft", "Spring (retry)", campaign, 1)
    same = ("text", "from", "pace", "validity_s", "max_parts", "default_region", "countries", "auto_pause")
    assert {name: made[name] for name in same} == {name: before[name] for name in same}
    assert await api.numbers(made["id"]) == unsent()
    assert {**await api.show(campaign), "progress": None} == {**before, "progress": None}


async def test_a_retry_renders_the_same_texts(api: Api) -> None:
    """The stored values are those of the first upload: the packed messages are the same but for their place."""
    campaign = await ended(api, 5)
    made = (await act(api, campaign, "retry-failed")).json["campaign"]
    async with api.parts.store.engine() as connection:
        values = await connection.fetch("SELECT payload FROM chunk WHERE campaign_id = $1", made["id"])
    assert [b"Name%d" % i in bytes(values[0]["payload"]) for i in range(5)] == [True, True, True, False, False]


async def test_asking_again_finds_the_same_retry(api: Api) -> None:
    """Twice, with and without a key, there is one retry; sent once, it stays sent, and its recipients are written to once."""
    campaign = await ended(api)
    first = (await act(api, campaign, "retry-failed")).json["campaign"]["id"]
    sent = (await act(api, campaign, "retry-failed", json={"send": True}, headers={"Idempotency-Key": "k"})).json["campaign"]
    assert (sent["id"], sent["state"]) == (first, "sending")
    again = (await act(api, campaign, "retry-failed", json={"send": True})).json["campaign"]
    assert (again["id"], again["state"], again["counts"]["received"]) == (first, "sending", 15)
    assert len((await api.call("GET", "/v1/campaigns")).json["items"]) == 2


async def test_a_retry_that_broke_off_is_completed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that dies half-way leaves a draft; the next one fills the rest, nobody twice."""
    campaign = await ended(api, 100)
    store_chunks = Intake._store_chunks
    stored = 0

    async def dying(intake: Intake, *chunks: Any) -> None:
        nonlocal stored
        stored += 1
        if stored > 2:
            raise RuntimeError("the process dies here")
        await store_chunks(intake, *chunks)

    monkeypatch.setattr(Intake, "_store_chunks", dying)
    assert (await act(api, campaign, "retry-failed")).status == 500
    monkeypatch.undo()
    listed = (await api.call("GET", "/v1/campaigns?name=Spring (retry)")).json["items"]
    assert [(one["state"], one["counts"]["queued"]) for one in listed] == [("draft", 2 * CHUNK)]
    made = (await act(api, campaign, "retry-failed", json={"send": True})).json["campaign"]
    assert (made["id"], made["state"]) == (listed[0]["id"], "sending")
    assert await api.numbers(made["id"]) == unsent(100)


async def test_who_opted_out_meanwhile_is_left_out(api: Api) -> None:
    """The intake of the retry looks at the opt-outs as they are now."""
    campaign = await ended(api, 10)
    await api.call("POST", "/v1/opt-outs", json={"numbers": unsent(10)[:2]})
    made = (await act(api, campaign, "retry-failed")).json["campaign"]
    assert made["counts"]["skipped_by_reason"] == {"opted_out": 2}
    assert await api.numbers(made["id"]) == unsent(10)[2:]


async def test_a_placeholder_may_be_called_as_a_number_column(api: Api) -> None:
    """A text that fills in `{phone}` is retried with the value of the file, to the right number."""
    campaign = await api.create(text="Call {phone} or {to}")
    path = f"/v1/campaigns/{campaign}/recipients?phone_column=number"
    body = b"number,phone,to\n+4915100000000,0800 1,+4915100000009\n"
    await api.call("POST", path, data=body, headers={"Content-Type": "text/csv"})
    await act(api, campaign, "cancel")
    await sweep_canceled(api.parts.store)
    made = (await act(api, campaign, "retry-failed")).json["campaign"]
    assert (await api.numbers(made["id"]), made["segments"]) == (["+4915100000000"], 1)


async def test_nothing_unsent_makes_no_campaign(api: Api) -> None:
    """What the provider took and reported as expired is not tried again."""
    campaign = await ended(api, 10)
    await execute(
        api, "UPDATE message SET provider_id = 'late-' || seq WHERE provider_id IS NULL AND campaign_id = $1", campaign
    )
    answer = await act(api, campaign, "retry-failed")
    assert (answer.status, answer.json) == (200, {"requeued": 0, "campaign": None})
    assert len((await api.call("GET", "/v1/campaigns")).json["items"]) == 1


async def test_dead_batches_go_back_to_the_queue(api: Api) -> None:
    """While the campaign sends, what failed by itself gets all its tries again."""
    campaign = await api.create()
    await api.upload(campaign, rows(25))
    await act(api, campaign, "send")
    await execute(api, "UPDATE batch SET state = 'dead', attempts = 8 WHERE campaign_id = $1 AND first_seq < 20", campaign)
    answer = await act(api, campaign, "retry-failed")
    assert answer.json == {"requeued": 20, "campaign": None}
    async with api.parts.store.engine() as connection:
        found = await connection.fetch("SELECT DISTINCT state::text, attempts FROM batch")
    assert [tuple(row) for row in found] == [("pending", 0)]
    assert (await act(api, campaign, "retry-failed")).json == {"requeued": 0, "campaign": None}


async def test_a_campaign_that_has_not_failed_cannot_be_retried(api: Api) -> None:
    """A draft has nothing to retry, and a canceled campaign only once it is at rest."""
    campaign = await api.create()
    await api.upload(campaign, rows(3))
    assert (await act(api, campaign, "retry-failed")).status == 409
    await act(api, campaign, "cancel")
    assert (await act(api, campaign, "retry-failed")).status == 409
    await sweep_canceled(api.parts.store)
    assert (await act(api, campaign, "retry-failed", json={"send": True})).json["campaign"]["state"] == "sending"


def test_the_retrys_number_has_a_name_that_no_placeholder_can_have() -> None:
    """Otherwise a value could be taken for a number."""
    with pytest.raises(retry._core.TemplateError):
        retry._core.Template("{" + retry.NUMBER_KEY + "}")
