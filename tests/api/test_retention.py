"""Messages that are not kept any more: whoever asks for them is told so, and nobody else is told anything."""

from collections.abc import Awaitable, Callable

import pytest

from penstock.domain.ids import message_id
from penstock.reconcile.findings import Findings
from penstock.reconcile.retention import drop_months
from penstock.store.pool import Store
from penstock.telemetry.metrics import Metrics
from tests.api.conftest import Answer, Api, rows
from tests.builders import Scene, number
from tests.old import make_old_campaign, make_old_draft

JSON = {"Content-Type": "application/json"}


async def drop(store: Store) -> None:
    """As the periodic job does."""
    await drop_months(store, Findings(Metrics("test")), 400)


@pytest.fixture
async def gone(store: Store, api: Api) -> Scene:
    """A campaign of the first tenant whose messages were dropped."""
    scene = await make_old_campaign(store, 20, tenant="first")
    assert scene.tenant_id == api.tenant_id
    await drop(store)
    return scene


OF_A_MESSAGE = ("GET {message}", "DELETE {message}", "GET {message}/timeline")
OF_A_CAMPAIGN = (
    "GET {campaign}/messages", "GET {campaign}/report", "GET {campaign}/skipped", "DELETE {campaign}/recipients",
    "POST {campaign}/recipients", "POST {campaign}/retry-failed", "POST {campaign}/send", "POST {campaign}/pause",
    "POST {campaign}/resume", "POST {campaign}/cancel",
)  # fmt: skip


def asking(scene: Scene, what: str) -> Callable[[Api], Awaitable[Answer]]:
    """One request, by whomever."""
    method, path = what.format(
        message=f"/v1/messages/{message_id(scene.campaign_id, 3)}", campaign=f"/v1/campaigns/{scene.campaign_id}"
    ).split()

    async def ask(api: Api) -> Answer:
        if path.endswith("recipients") and method == "POST":
            return await api.upload(str(scene.campaign_id), rows(3))
        return await api.call(method, path, headers=JSON, data=b"{}" if method == "POST" else None)

    return ask


@pytest.mark.parametrize("what", OF_A_MESSAGE + OF_A_CAMPAIGN)
async def test_what_was_dropped_is_gone(api: Api, other: Api, gone: Scene, what: str) -> None:
    """410 with a page that says why, for its owner; for another tenant it was never there."""
    ask = asking(gone, what)
    answer = await ask(api)
    assert (answer.status, answer.json["code"], answer.json["retryable"]) == (410, "messages_dropped", False)
    page = await api.call("GET", answer.json["type"])
    assert page.status == 200
    assert b"PENSTOCK_RETENTION__DAYS" in page.body
    assert (await ask(other)).status == 404


async def test_the_campaign_and_its_counts_stay(api: Api, gone: Scene) -> None:
    """It is shown and listed as it was, and says since when its messages are gone."""
    shown = await api.show(str(gone.campaign_id))
    counts = shown["counts"]
    assert (counts["received"], counts["skipped"], counts["delivered"], counts["sent"]) == (21, 1, 19, 1)
    assert (shown["state"], shown["sent_without_report"]) == ("completed", 1)
    assert shown["messages_dropped_at"] is not None
    listed = (await api.call("GET", "/v1/campaigns")).json["items"]
    assert [(one["id"], one["counts"]) for one in listed] == [(str(gone.campaign_id), counts)]


async def test_a_search_finds_nothing_of_it(api: Api, gone: Scene) -> None:
    """Neither by number nor by reference."""
    for asked in ({"number": f"+{number(3)}"}, {"reference": "order 3"}):
        answer = await api.call("POST", "/v1/messages/search", json=asked)
        assert (answer.status, answer.json["items"]) == (200, [])
    assert await gone.column("SELECT count(*) FROM number_index") == [0]


async def test_single_messages_are_gone_too(api: Api, other: Api, store: Store) -> None:
    """Their campaign is nobody's to see, and their ids answer like any other's."""
    day = await make_old_campaign(store, 5, tenant="first")
    await day.execute("UPDATE campaign SET is_rolling = true, closes_at = '2024-03-11'")
    await drop(store)
    ask = asking(day, "GET {message}")
    assert ((await ask(api)).status, (await ask(other)).status) == (410, 404)
    assert (await api.call("GET", f"/v1/campaigns/{day.campaign_id}")).status == 404


async def test_nothing_is_added_to_a_draft_of_a_month_that_is_gone(api: Api, store: Store) -> None:
    """There is no place for its messages any more; the answer says so before anything is stored."""
    draft = await make_old_draft(store, tenant="first")
    await drop(store)
    answer = await api.upload(str(draft.campaign_id), rows(3), upload_id="one")
    assert (answer.status, answer.json["code"]) == (410, "messages_dropped")
    assert await draft.column("SELECT count(*) FROM upload") == [0]


async def test_one_that_never_was_is_told_apart(api: Api, gone: Scene) -> None:
    """An id of no campaign is not found, whatever its month."""
    assert gone.campaign_id.int > 0
    missing = message_id(type(gone.campaign_id)(int=gone.campaign_id.int + 1), 3)
    assert (await api.call("GET", f"/v1/messages/{missing}")).status == 404
