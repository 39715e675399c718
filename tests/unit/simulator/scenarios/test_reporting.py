from typing import Any

import pytest

from tests.unit.simulator.driver import Receiver


@pytest.mark.parametrize("restamped", [False, True])
async def test_duplicate_reports(start: Any, receiver: Receiver, restamped: bool) -> None:  # noqa: FBT001
    """A report comes again, identical or with another time; the final state is settled once."""
    driver = await start(callback=receiver.url)
    await driver.scenario("D1", times=2, gap_s=0.01, restamped=restamped)
    await driver.bulk(1)
    await receiver.wait(3)
    first, *again = receiver.reports
    assert all((report == first) != restamped for report in again)
    assert driver.simulator.summary.finals.total() == 1


async def test_reports_out_of_order(start: Any, receiver: Receiver) -> None:
    """The final state is reported before `Sent`."""
    driver = await start(callback=receiver.url, intermediate=True, finals={"Delivered": 1})
    await driver.scenario("D2", lag_s=0.01)
    await driver.bulk(1)
    await receiver.wait(2)
    assert [report["deliveryStatus"] for report in receiver.reports] == ["Delivered", "Sent"]


async def test_late_reports_wait(start: Any, receiver: Receiver) -> None:
    """A late message stays open while a later one is reported."""
    driver = await start(callback=receiver.url, scenarios=("D3:next=1",))
    _, late = await driver.bulk(1)
    _, prompt = await driver.bulk(1)
    await receiver.wait(1)
    assert [report["messageId"] for report in receiver.reports] == [prompt["messages"][0]["messageId"]]
    assert (await driver.get(late["messages"][0]["messageId"]))[1]["deliveryStatus"] == "Pending"


async def test_reports_before_the_answer(start: Any, receiver: Receiver) -> None:
    """When the answer arrives its messages have been reported already."""
    driver = await start(callback=receiver.url)
    await driver.scenario("D4")
    _, answer = await driver.bulk(2)
    assert [report["messageId"] for report in receiver.reports] == [element["messageId"] for element in answer["messages"]]


async def test_reports_for_strangers(start: Any, receiver: Receiver) -> None:
    """Beside the true reports there are some for ids that were never issued."""
    driver = await start(callback=receiver.url)
    await driver.scenario("D5")
    await driver.bulk(2)
    await receiver.wait(2)
    true = {line["id"] for line in await driver.accepted()}
    strangers = [report["messageId"] for report in receiver.reports if report["messageId"] not in true]
    assert len(strangers) == 2
    assert {len(identifier) == 26 for identifier in strangers} == {True, False}


async def test_conflicting_reports(start: Any, receiver: Receiver) -> None:
    """A second final state contradicts the first; the journal keeps the first."""
    driver = await start(callback=receiver.url, finals={"Delivered": 1})
    await driver.scenario("D6", lag_s=0.01)
    await driver.bulk(1)
    await receiver.wait(2)
    assert [report["deliveryStatus"] for report in receiver.reports] == ["Delivered", "Failure"]
    assert [line["final"] for line in await driver.journal() if "final" in line] == ["Delivered"]


async def test_odd_reports(start: Any, receiver: Receiver) -> None:
    """Values are unlike anything documented, in five ways."""
    driver = await start(callback=receiver.url)
    await driver.scenario("D7")
    await driver.bulk(5)
    await receiver.wait(1)
    unknown, missing, numeric, huge, null = receiver.reports
    assert unknown["deliveryStatus"] == "Teleported"
    assert "deliveryStatus" not in missing
    assert numeric["deliveryStatus"] == 7
    assert len(huge["description"]) == 400
    assert null["messageId"] is None


@pytest.mark.parametrize(
    ("shape", "method", "content_type"),
    [
        ("array", "POST", "application/json"),
        ("object", "POST", "application/json"),
        ("form", "POST", "application/x-www-form-urlencoded"),
        ("query", "GET", None),
    ],
)
async def test_report_forms(start: Any, receiver: Receiver, shape: str, method: str, content_type: str | None) -> None:
    """Reports come as array, object, form or query, under the classic key names, one per call but for arrays."""
    driver = await start(callback=receiver.url, secret="s")
    await driver.scenario("D8", shape=shape, keys="classic")
    await driver.bulk(2)
    await receiver.wait(1 if shape == "array" else 2)
    seen, headers, query, body = receiver.calls[0]
    assert (seen, headers.get("Content-Type"), headers["X-Webhook-Secret"]) == (method, content_type, "s")
    assert (await driver.accepted())[0]["id"] in query + body.decode()
    assert "msgid" in query + body.decode()


@pytest.mark.parametrize("value", ["wrong", ""])
async def test_a_wrong_secret(start: Any, receiver: Receiver, value: str) -> None:
    """The secret is another one, or missing."""
    driver = await start(callback=receiver.url, secret="s")
    await driver.scenario("D9", value=value)
    await driver.bulk(1)
    await receiver.wait(1)
    assert receiver.calls[0][1].get("X-Webhook-Secret", "") == value


async def test_no_reports(start: Any, receiver: Receiver) -> None:
    """Messages become final without a report while later ones are reported."""
    driver = await start(callback=receiver.url, scenarios=("D10:next=1",))
    await driver.bulk(3)
    await driver.bulk(1)
    await receiver.wait(1)
    assert len(receiver.reports) == 1
    assert driver.simulator.summary.finals.total() == 4


async def test_a_late_failure_says_why(start: Any, receiver: Receiver) -> None:
    """Accepted messages fail later with the description asked for."""
    driver = await start(callback=receiver.url)
    await driver.scenario("S1", description="No route")
    await driver.bulk(2)
    await receiver.wait(1)
    assert {(r["deliveryStatus"], r["description"]) for r in receiver.reports} == {("Failure", "No route")}


@pytest.mark.parametrize(("kind", "status"), [("missing", 404), ("too_many", 429), ("error", 500), ("backwards", 200)])
async def test_strange_look_ups(start: Any, kind: str, status: int) -> None:
    """Look-ups fail or go backwards; sends are not touched."""
    driver = await start()
    await driver.scenario("S2", kind=kind)
    sent, answer = await driver.bulk(1)
    assert sent == 200
    seen, shown = await driver.get(answer["messages"][0]["messageId"])
    assert seen == status
    assert shown.get("deliveryStatus") in (None, "Pending")
