import re
from typing import Any

import pytest

from penstock.simulator import ulid
from tests.unit.simulator.driver import ACCOUNT, BULK, KEY, SEND, Driver, message

OTHER = "1c6f2c9e-5a41-4d0e-9a8b-1f2e3d4c5b6a"
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


async def test_a_single_send_is_answered_as_the_sample_is(start: Any, vector: Any) -> None:
    """The answer to one message has the members of the shared sample and an id of 26 characters."""
    sample = vector("send")
    driver = await start()
    status, answer = await driver.post(sample["request"], sample["path"])
    assert status == 200
    assert answer.keys() == sample["answer"].keys()
    assert [element.keys() for element in answer["messages"]] == [element.keys() for element in sample["answer"]["messages"]]
    assert len(answer["messages"][0]["messageId"]) == 26


async def test_a_bulk_is_answered_in_order_and_without_destinations(start: Any, vector: Any) -> None:
    """The answer to a bulk has a GUID and one id per message, and the journal ties the ids to the destinations in order."""
    sample = vector("bulk")
    driver = await start()
    status, answer = await driver.post(sample["request"], sample["path"])
    assert status == 200
    assert GUID.fullmatch(answer["bulkId"])
    assert [element.keys() for element in answer["messages"]] == [element.keys() for element in sample["answer"]["messages"]]
    truth = [(line["id"], line["destination"]) for line in await driver.accepted()]
    destinations = [wanted["destination"] for wanted in sample["request"]["messages"]]
    assert truth == list(zip([element["messageId"] for element in answer["messages"]], destinations, strict=True))


async def test_accounts_of_a_mixed_bulk_come_back_in_place(start: Any) -> None:
    """Each element of the answer names the traffic account of its own message."""
    driver = await start()
    _, answer = await driver.post({"messages": [message(0), message(1, trafficAccountId=OTHER), message(2)]})
    assert [element["trafficAccountId"] for element in answer["messages"]] == [ACCOUNT, OTHER, ACCOUNT]


@pytest.mark.parametrize("path", ["/api/v1/messages/SEND", "/API/V1.1/Messages/send", "/api/v1/Messages/Send/"])
async def test_paths_ignore_case_and_both_versions_answer(start: Any, path: str) -> None:
    """Both path versions are served in any letter case."""
    status, _ = await (await start()).post(message(), path)
    assert status == 200


@pytest.mark.parametrize("headers", [{}, {"X-Mitto-API-Key": "wrong"}])
async def test_a_missing_or_wrong_key_is_refused(start: Any, headers: dict[str, str]) -> None:
    """Without a known key nothing is accepted and the answer is 401."""
    driver = await start()
    status, _ = await driver.post(message(), SEND, headers)
    assert status == 401
    assert await driver.accepted() == []


@pytest.mark.parametrize("status", [403, 400])
async def test_a_foreign_account_is_refused_whole(start: Any, status: int) -> None:
    """One foreign traffic account refuses the whole bulk, with the configured status."""
    driver = await start(keys={"simulator-key": (ACCOUNT,)}, foreign_account_status=status)
    answer = await driver.post({"messages": [message(), message(1, trafficAccountId=OTHER)]})
    assert answer[0] == status
    assert "trafficAccountId" in answer[1]["errors"]
    assert await driver.accepted() == []


@pytest.mark.parametrize(
    "document",
    [
        {"messages": []},
        {"messages": [message(destination="not a number")]},
        {"messages": [message(sms={"text": "", "sender": "Example"})]},
        {"messages": [{"destination": "+4915100000001"}]},
        {"messages": [message(trafficAccountId="none")]},
        [],
    ],
)
async def test_a_malformed_bulk_is_a_problem_that_repeats_no_value(start: Any, document: Any) -> None:
    """What cannot be read is answered 400 with problem details that name the member but not what it held."""
    status, answer = await (await start()).post(document)
    assert status == 400
    assert answer["status"] == 400
    assert answer["errors"]
    assert "not a number" not in str(answer)


async def test_the_same_request_twice_makes_two_sets_of_messages(start: Any) -> None:
    """There is no de-duplication of any kind."""
    driver = await start()
    answers = [await driver.bulk(2), await driver.bulk(2)]
    ids = [element["messageId"] for _, answer in answers for element in answer["messages"]]
    assert len(set(ids)) == 4
    assert [line["id"] for line in await driver.accepted()] == ids


async def test_ids_are_ulids_of_the_accept_time(start: Any) -> None:
    """The time part of an id is the accept time in milliseconds, as the journal has it."""
    driver = await start()
    await driver.bulk(2)
    for line in await driver.accepted():
        assert ulid.decode(line["id"][:10]) == int(line["wire_time"] * 1000)


async def test_a_look_up_shows_the_whole_message(start: Any, vector: Any) -> None:
    """GET shows the members of the shared sample, seven fractional digits, the request's echo and its reference."""
    driver = await start()
    _, answer = await driver.post(message(7, reference="order-7"), SEND)
    message_id = answer["messages"][0]["messageId"]
    status, shown = await driver.get(message_id.lower())
    assert status == 200
    assert shown.keys() == vector("message")["answer"].keys()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z", shown["createdAt"])
    assert shown["requestInfo"] == {"sms": {"sender": "Example", "text": "Hello 7"}}
    assert (shown["reference"], shown["messageParts"]) == ("order-7", None)
    assert shown["conversation"]["participants"][0]["messagingAppIdentifier"] == "+4915100000007"


@pytest.mark.parametrize(("delay_ms", "status"), [(60_000, "Pending"), (0, "Delivered")])
async def test_the_status_moves_to_its_final_state(start: Any, delay_ms: int, status: str) -> None:
    """A message is pending first and final after its delay."""
    driver = await start(report_delay_ms=delay_ms, finals={"Delivered": 1})
    _, answer = await driver.bulk(1)
    _, shown = await driver.get(answer["messages"][0]["messageId"])
    assert shown["deliveryStatus"] == status


async def test_a_young_message_is_not_yet_found(start: Any) -> None:
    """Within the configured window after acceptance a look-up answers 404, as it does for an unknown id."""
    driver: Driver = await start(early_404_s=60)
    _, answer = await driver.bulk(1)
    assert (await driver.get(answer["messages"][0]["messageId"]))[0] == 404
    assert (await driver.get("01KC0000000000000000000001"))[0] == 404
    assert (await driver.get("nothing"))[0] == 404


async def test_other_methods_and_paths_are_refused(start: Any) -> None:
    """A GET of a send path is 405, an unknown path 404."""
    driver = await start()
    async with driver.session.get(BULK, headers=KEY) as answer:
        assert answer.status in (404, 405)
    async with driver.session.post("/api/v2/Messages/send", headers=KEY) as answer:
        assert answer.status == 404
