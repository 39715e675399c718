"""Messages found again: by id, by number behind the index, by reference; and what happened to one."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from penstock.ingest.opt_outs import SOURCE_API
from penstock.providers.port import Unsent
from penstock.receipts.apply import Applier
from penstock.reconcile import numbers
from penstock.reconcile.numbers import index_numbers
from penstock.store import message_search, opt_outs, reports
from penstock.store.pool import Store
from penstock.telemetry.metrics import Metrics
from tests.api.conftest import Api
from tests.builders import Rig, ignore, number, report_lines
from tests.singles import place, single

SEARCH = "/v1/messages/search"


async def send(api: Api, i: int = 0, **fields: Any) -> str:
    """A message's id."""
    answer = await api.call("POST", "/v1/messages", json={"to": f"+{number(i)}", "text": "Hello", **fields})
    assert answer.status == 201
    return answer.json["id"]


async def search(api: Api, **asked: Any) -> tuple[list[str], Any]:
    """The ids on all pages, and the last page."""
    found: list[str] = []
    page = None
    while True:
        answer = await api.call("POST", SEARCH, json={**asked, **({"after": page["next"]} if page else {})})
        assert answer.status == 200, answer.body
        page = answer.json
        assert len(page["items"]) <= asked.get("limit", 100)
        found += [item["id"] for item in page["items"]]
        if page["next"] is None:
            return found, page


@pytest.fixture
def rig(store: Store, tmp_path: Path) -> Rig:
    """A dispatcher beside the API."""
    return Rig(store, tmp_path)


async def test_a_reference_finds_its_messages(api: Api) -> None:
    """At once, newest first, page by page without gaps, only its own."""
    ids = [await send(api, i, reference="order 7") for i in range(5)]
    await send(api, 9, reference="order 8")
    found, page = await search(api, reference="order 7", limit=2)
    assert found == ids[::-1]
    assert page["items"][0]["reference"] == "order 7"
    assert (await search(api, reference="order"))[0] == []


async def test_a_number_finds_what_is_indexed(api: Api, store: Store) -> None:
    """The answer says how far the index is; once it is filled, every message to the number is found, newest first."""
    campaign = await api.create("Hi {name}")
    await api.upload(campaign, f"phone,name\n+{number(1)},A\n+{number(2)},B\n".encode())
    single = await send(api, 1)
    before, page = await search(api, number=f"+{number(1)}")
    assert before == []
    created = (await api.call("GET", f"/v1/messages/{single}")).json["created_at"]
    assert datetime.fromisoformat(page["indexed_until"]) < datetime.fromisoformat(created)
    await index_numbers(store)
    found, page = await search(api, number=f"+{number(1)}", limit=1)
    assert datetime.fromisoformat(page["indexed_until"]) > datetime.fromisoformat(created)
    assert found[0] == single
    assert len(found) == 2
    shown = (await api.call("GET", f"/v1/messages/{found[1]}")).json
    assert (shown["campaign_id"], shown["to"], shown["from"]) == (campaign, f"+{number(1)}", "Penstock")


async def test_the_index_is_filled_in_steps(store: Store, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Oldest first, no more than a step's worth at once, and everything in the end."""
    monkeypatch.setattr(numbers, "MOST_NUMBERS", 15)
    campaign = await api.create("Hi {name}")
    await api.upload(campaign, b"phone,name\n" + b"".join(b"+%d,Name\n" % number(i) for i in range(45)))
    sizes = []
    async with store.engine() as connection:
        for _ in range(6):
            await index_numbers(store)
            sizes.append(await connection.fetchval("SELECT count(*) FROM number_index"))
    assert sizes == [10, 20, 30, 45, 45, 45]


async def test_joined_chunks_are_indexed_whole(store: Store, api: Api, rig: Rig) -> None:
    """Messages that a claim joined to an indexed chunk, also while the index was written, are found as well."""
    first = await send(api, 1)
    await index_numbers(store)
    second = await send(api, 2)
    async with store.engine() as connection:
        stale = await message_search.choose_unindexed(connection, 100)
    await rig.drain()
    assert rig.script.sizes == [2]
    async with store.engine() as connection:
        assert await message_search.mark_indexed(connection, stale) == 0
    await index_numbers(store)
    for i, expected in [(1, first), (2, second)]:
        assert (await search(api, number=f"+{number(i)}"))[0] == [expected]


async def test_a_reused_place_is_not_shown_for_the_old_number(api: Api, store: Store) -> None:
    """After a draft was emptied and filled anew, the old number finds nothing."""
    campaign = await api.create("Hi {name}")
    for i in (1, 2):
        await api.upload(campaign, f"phone,name\n+{number(i)},A\n".encode())
        await index_numbers(store)
        if i == 1:
            await api.call("DELETE", f"/v1/campaigns/{campaign}/recipients")
    assert (await search(api, number=f"+{number(1)}"))[0] == []
    assert len((await search(api, number=f"+{number(2)}"))[0]) == 1


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({}, 422), ({"number": "+4915100000000", "reference": "x"}, 422), ({"number": "nobody"}, 422),
        ({"number": "+4915100000000", "limit": 0}, 422), ({"number": "+4915100000000", "limit": 1001}, 422),
        ({"number": "+4915100000000", "after": "!"}, 400), ({"number": "+4915100000000", "after": "AAAA"}, 400),
        ({"number": "+4915100000000", "after": "_" * 27}, 400), ({"name": "x"}, 400),
    ],
)  # fmt: skip
async def test_an_odd_search_is_refused(api: Api, asked: Any, status: int) -> None:
    """With what is wrong, and never with the number."""
    answer = await api.call("POST", SEARCH, json=asked)
    assert answer.status == status, answer.body
    assert "49151" not in answer.body.decode()


async def test_a_number_never_travels_in_a_url(api: Api) -> None:
    """There is no search by query string."""
    assert (await api.call("GET", f"/v1/messages?number=%2B{number(0)}")).status in (404, 405)
    assert (await api.call("POST", f"{SEARCH}?number=%2B{number(0)}", json={"reference": "x"})).status == 400


async def timeline(api: Api, name: str) -> list[str]:
    """The events' names."""
    answer = await api.call("GET", f"/v1/messages/{name}/timeline")
    assert answer.status == 200
    assert answer.json["id"] == name
    return [event["event"] for event in answer.json["items"]]


async def test_a_timeline_tells_the_whole_story(api: Api, store: Store, rig: Rig) -> None:
    """Queued, an attempt that did not leave, one that was accepted, the report, and another that contradicts it."""
    name = await send(api)
    assert await timeline(api, name) == ["queued"]
    rig.says(Unsent("dns"))
    await rig.drain()
    assert await timeline(api, name) == ["queued", "attempt_not_sent"]
    async with store.engine() as connection:
        await connection.execute("UPDATE account SET held_until = NULL")
        await connection.execute("UPDATE batch SET due_at = now()")
    await rig.drain()
    sent = (await api.call("GET", f"/v1/messages/{name}")).json
    applier = Applier(store, Metrics("test"), hear=ignore, poll_s=1, flush_reports=100)
    for status in ("Delivered", "Failure"):
        async with store.engine() as connection:
            lines = report_lines({sent["provider_id"]: status}).strip(b"[]")
            await reports.insert_page(connection, 1, lines + b"\n")
        await applier.run_once()
    assert await timeline(api, name) == [
        "queued", "attempt_not_sent", "attempt_accepted", "sent", "delivered", "conflicting_report",
    ]  # fmt: skip
    events = (await api.call("GET", f"/v1/messages/{name}/timeline")).json["items"]
    assert [event["detail"] for event in events] == [None, "dns", None, None, None, "Failure"]


async def test_a_timeline_has_the_attempts_that_carried_the_message(api: Api, store: Store, rig: Rig) -> None:
    """Not those of its neighbours, nor one that left it out."""
    async with store.engine() as connection:
        results = await place(store, single(1), single(2), tenant="first")
        await opt_outs.add_opt_outs(connection, api.tenant_id, [number(2)], SOURCE_API)
    later = await send(api, 3, send_at=(datetime.now(UTC) + timedelta(hours=1)).isoformat())  # noqa: TID251 - a client's clock
    await rig.drain()
    names = [f"{placed.campaign_id.hex}-{placed.seq}" for placed in results]  # type: ignore[union-attr]
    assert await timeline(api, names[0]) == ["queued", "attempt_accepted", "sent"]
    assert await timeline(api, names[1]) == ["queued", "canceled"]
    assert await timeline(api, later) == ["queued"]
