from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from tests.unit.simulator.driver import BULK, KEY


@pytest.mark.parametrize(
    ("identifier", "parameters", "status"),
    [
        ("A1", {}, 401),
        ("A2", {}, 403),
        ("A2", {"status": 400}, 400),
        ("A2", {"status": 404}, 404),
        ("L1", {}, 429),
        ("L3", {"max_messages": 2}, 413),
        ("L3", {"max_bytes": 100, "status": 400}, 400),
        ("E1", {}, 503),
        ("E1", {"status": 504}, 504),
    ],
)
async def test_a_refusal_accepts_nothing(start: Any, identifier: str, parameters: dict[str, Any], status: int) -> None:
    """Refusing scenarios answer their status and leave no message behind."""
    driver = await start()
    await driver.scenario(identifier, **parameters)
    assert (await driver.bulk(3))[0] == status
    assert await driver.accepted() == []
    refused = [line for line in await driver.journal() if "refused" in line]
    assert [(line["refused"], line["scenario"], line["messages"]) for line in refused] == [(status, identifier, 3)]


async def test_the_account_is_named_in_the_problem(start: Any) -> None:
    """The 400 form of a refused account says which member is at fault."""
    driver = await start()
    await driver.scenario("A2", status=400)
    assert "trafficAccountId" in (await driver.bulk())[1]["errors"]


@pytest.mark.parametrize("form", ["seconds", "date", "none", "absurd"])
async def test_too_many_says_when_to_come_back(start: Any, form: str) -> None:
    """429 carries `Retry-After` as seconds, as a date, absurdly, or not at all."""
    driver = await start()
    await driver.scenario("L1", retry_after=form, seconds=7)
    async with driver.session.post(BULK, json={"messages": [{}]}, headers=KEY) as answer:
        assert answer.status == 400  # unreadable requests are refused before any limit
    async with driver.session.post(BULK, data=_body(), headers=KEY) as answer:
        value = answer.headers.get("Retry-After")
    if form == "date":
        assert value is not None
        assert parsedate_to_datetime(value).tzinfo is not None
    else:
        assert value == {"seconds": "7", "none": None, "absurd": "99999999999999999999"}[form]


async def test_token_buckets_empty_and_say_so(start: Any) -> None:
    """A burst beyond the messages or requests per second is refused with a wait."""
    driver = await start()
    await driver.scenario("L2", requests_per_s=0, messages_per_s=4)
    assert [(await driver.bulk(2))[0] for _ in range(3)] == [200, 200, 429]
    async with driver.session.delete("/_sim/scenario"):
        pass
    await driver.scenario("L2", requests_per_s=1, messages_per_s=0)
    assert [(await driver.bulk(2))[0] for _ in range(2)] == [200, 429]


async def test_small_requests_pass_a_size_limit(start: Any) -> None:
    """A size limit refuses only what exceeds it."""
    driver = await start()
    await driver.scenario("L3", max_messages=2)
    assert (await driver.bulk(2))[0] == 200


def _body() -> bytes:
    return (
        b'{"messages":[{"trafficAccountId":"0b6f2c9e-5a41-4d0e-9a8b-1f2e3d4c5b6a","destination":"+4915100000001",'
        b'"sms":{"text":"Hello","sender":"Example"}}]}'
    )
