from typing import Any

import pytest

from tests.unit.simulator.driver import SEND, Receiver, message


async def _ids(driver: Any, count: int = 4) -> tuple[list[Any], list[str]]:
    """Send a bulk; return the ids of the answer and the true ones."""
    _, answer = await driver.bulk(count)
    shown = [element.get("messageId") for element in answer["messages"]]
    return shown, [line["id"] for line in await driver.accepted()]


async def test_the_happy_path_changes_nothing(start: Any) -> None:
    """With the happy path in force every id of the answer is a true one, in order."""
    driver = await start(scenarios=("H1",))
    shown, true = await _ids(driver)
    assert shown == true


@pytest.mark.parametrize("member", ["error", "errors", "none"])
async def test_refused_elements_are_not_accepted(start: Any, receiver: Receiver, member: str) -> None:
    """Refused elements have no id, no journal line and no report; the others have all three."""
    driver = await start(callback=receiver.url)
    await driver.scenario("P1", count=2, member=member)
    _, answer = await driver.bulk(5)
    assert [set(element) - {"trafficAccountId"} for element in answer["messages"][:2]] == [{member} - {"none"}] * 2
    shown = [element["messageId"] for element in answer["messages"][2:]]
    assert [line["id"] for line in await driver.accepted()] == shown
    assert [line["position"] for line in await driver.accepted()] == [2, 3, 4]
    await receiver.wait(1)
    assert [report["messageId"] for report in receiver.reports] == shown
    assert driver.simulator.summary.finals.total() == 3


async def test_a_share_of_elements_is_refused(start: Any) -> None:
    """A share refuses about so many, and accepted and refused add up."""
    driver = await start()
    await driver.scenario("P1", share=0.3)
    shown, true = await _ids(driver, 200)
    assert 30 < shown.count(None) < 90
    assert [identifier for identifier in shown if identifier] == true


@pytest.mark.parametrize(("where", "kept"), [("start", [1, 2, 3]), ("middle", [0, 1, 3]), ("end", [0, 1, 2])])
async def test_a_shorter_answer_hides_accepted_messages(start: Any, where: str, kept: list[int]) -> None:
    """All messages are accepted although the answer lacks one."""
    driver = await start()
    await driver.scenario("P2", where=where)
    shown, true = await _ids(driver)
    assert shown == [true[position] for position in kept]


async def test_a_longer_answer_has_ids_that_were_never_issued(start: Any) -> None:
    """The surplus ids stand for nothing."""
    driver = await start()
    await driver.scenario("P3", surplus=2)
    shown, true = await _ids(driver)
    assert shown[:4] == true
    assert len(shown) == 6
    assert (await driver.get(shown[5]))[0] == 404


async def test_a_reordered_answer_has_the_same_ids(start: Any) -> None:
    """The order differs, the set does not."""
    driver = await start()
    await driver.scenario("P4", how="reversed")
    shown, true = await _ids(driver)
    assert shown == true[::-1]


@pytest.mark.parametrize("kind", ["duplicate", "known", "null", "empty", "number"])
async def test_ids_that_cannot_be_right(start: Any, kind: str) -> None:
    """The last id is one of this answer, one from before, null, empty or a number; the truth stays in the journal."""
    driver = await start()
    before, _ = await _ids(driver)
    await driver.scenario("P5", kind=kind)
    _, answer = await driver.bulk(3)
    shown = [element["messageId"] for element in answer["messages"]]
    assert shown[2] == {"duplicate": shown[0], "known": before[0], "null": None, "empty": "", "number": 42}[kind]
    assert len({line["id"] for line in await driver.accepted()}) == 7


@pytest.mark.parametrize(
    ("kind", "members"),
    [
        ("no_messages", {"bulkId"}),
        ("no_bulk_id", {"messages"}),
        ("bare_id", {"id"}),
        ("bare_message_id", {"messageId"}),
        ("null_messages", {"bulkId", "messages"}),
    ],
)
async def test_members_are_missing(start: Any, kind: str, members: set[str]) -> None:
    """The answer lacks members or has other ones."""
    driver = await start()
    await driver.scenario("P6", kind=kind)
    _, answer = await driver.bulk(2)
    assert set(answer) == members


async def test_a_single_send_may_answer_a_bare_id(start: Any) -> None:
    """The lenient form of a single answer holds the true id."""
    driver = await start()
    await driver.scenario("P6", kind="bare_id")
    _, answer = await driver.post(message(), SEND)
    assert answer == {"id": (await driver.accepted())[0]["id"]}
