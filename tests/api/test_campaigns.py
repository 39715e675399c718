"""Campaigns over HTTP: created, listed, shown, sent once."""

from tests.api.conftest import Api, rows


async def test_created_campaign_is_a_draft_at_its_location(api: Api) -> None:
    """Creating answers 201 with the draft and the address where it can be read."""
    answer = await api.call("POST", "/v1/campaigns", json={"name": "Spring", "text": "Hi {name}", "validity_s": 3600})
    assert answer.status == 201
    assert answer.json["state"] == "draft"
    assert answer.json["from"] == "Penstock"
    assert answer.json["validity_s"] == 3600
    shown = await api.call("GET", answer.headers["Location"])
    assert shown.json == answer.json


async def test_everything_a_tenant_may_decide_is_stored(api: Api) -> None:
    """Every field of the request comes back as it was given."""
    fields = {
        "name": "Ünïcode ✓", "text": "Hi", "from": "4915112345", "default_region": "DE", "countries": ["DE", "GR"],
        "max_parts": 2, "validity_s": 60,
    }  # fmt: skip
    answer = await api.call("POST", "/v1/campaigns", json=fields)
    assert {name: answer.json[name] for name in fields} == fields


async def test_list_is_newest_first_and_pages_without_gaps(api: Api) -> None:
    """Following `next` shows each campaign once, newest first, with the same limit."""
    made = [await api.create() for _ in range(5)]
    seen: list[str] = []
    path: str | None = "/v1/campaigns?limit=2"
    while path:
        page = (await api.call("GET", path)).json
        assert len(page["items"]) <= 2
        seen += [item["id"] for item in page["items"]]
        path = page["next"]
    assert seen == sorted(made, reverse=True)


async def test_books_of_a_campaign_balance(api: Api) -> None:
    """What was received is the sum of skipped and queued, by reason."""
    campaign = await api.create()
    await api.upload(campaign, rows(25) + b"+4915100000000,Twice\nnonsense,Nobody\n+4915199999999,\n")
    counts = (await api.show(campaign))["counts"]
    assert (counts["received"], counts["skipped"], counts["queued"]) == (28, 3, 25)
    assert counts["skipped_by_reason"] == {"duplicate": 1, "invalid_number": 1, "missing_value": 1}


async def test_send_starts_a_campaign_once(api: Api) -> None:
    """The first send is accepted, the second is a conflict that names the state."""
    campaign = await api.create()
    await api.upload(campaign, rows(3))
    first = await api.call("POST", f"/v1/campaigns/{campaign}/send")
    assert first.status == 202
    assert first.json["state"] == "sending"
    assert first.json["progress"] == {"handled": 0, "total": 3, "average_per_s": 0.0, "expected_finish_at": None}
    second = await api.call("POST", f"/v1/campaigns/{campaign}/send")
    assert second.status == 409
    assert "sending" in second.json["detail"]


async def test_send_needs_recipients(api: Api) -> None:
    """A campaign without recipients stays a draft."""
    campaign = await api.create()
    answer = await api.call("POST", f"/v1/campaigns/{campaign}/send")
    assert answer.status == 409
    assert (await api.show(campaign))["state"] == "draft"


async def test_send_checks_the_number_its_caller_counts_on(api: Api) -> None:
    """Another number of recipients than expected is a conflict and starts nothing."""
    campaign = await api.create()
    await api.upload(campaign, rows(3))
    path = f"/v1/campaigns/{campaign}/send"
    wrong = await api.call("POST", path, json={"expect_recipients": 4})
    assert wrong.status == 409
    assert wrong.json["errors"][0]["pointer"] == "/expect_recipients"
    right = await api.call("POST", path, json={"expect_recipients": 3})
    assert right.status == 202


async def test_recipients_are_fixed_once_sent(api: Api) -> None:
    """After send, uploading and discarding are conflicts."""
    campaign = await api.create()
    await api.upload(campaign, rows(3))
    await api.call("POST", f"/v1/campaigns/{campaign}/send")
    assert (await api.upload(campaign, rows(3, start=50))).status == 409
    assert (await api.call("DELETE", f"/v1/campaigns/{campaign}/recipients")).status == 409
    assert len(await api.numbers(campaign)) == 3


async def test_discarding_empties_a_draft(api: Api) -> None:
    """After a discard the same file can be uploaded again, from the first line."""
    campaign = await api.create()
    await api.upload(campaign, rows(15), upload_id="one")
    assert (await api.call("DELETE", f"/v1/campaigns/{campaign}/recipients")).status == 204
    shown = await api.show(campaign)
    assert (shown["counts"]["received"], shown["uploads"], shown["segments"]) == (0, [], 0)
    again = await api.upload(campaign, rows(15), upload_id="one")
    assert again.json["accepted"] == 15
