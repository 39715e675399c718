import hashlib
from pathlib import Path
from typing import Any

import orjson

from penstock.simulator.admin import NEXT_OFFSET
from tests.unit.simulator.driver import ACCOUNT, BULK, KEY, message


async def test_an_accepted_message_has_a_line_that_says_what_went_out(start: Any) -> None:
    """The line of a message holds its account, number, text hash, parts, body hash, request and position."""
    driver = await start()
    body = orjson.dumps({"messages": [message(0), message(1, sms={"text": "Hi 👋" * 40, "sender": "Example"})]})
    async with driver.session.post(BULK, data=body, headers=KEY) as answer:
        ids = [element["messageId"] for element in (await answer.json())["messages"]]
    lines = await driver.accepted()
    assert [line["id"] for line in lines] == ids
    last = lines[1] | {"wire_time": 0}
    assert last == {
        "id": ids[1],
        "wire_time": 0,
        "account": ACCOUNT,
        "destination": "+4915100000001",
        "text_sha256": hashlib.sha256(("Hi 👋" * 40).encode()).hexdigest()[:16],
        "segments": 3,
        "body_sha256": hashlib.sha256(body).hexdigest(),
        "request": 1,
        "position": 1,
    }


async def test_every_accepted_message_gets_one_final_line(start: Any) -> None:
    """The finals in the journal cover exactly the accepted ids and agree with the summary."""
    driver = await start(report_array=7, finals={"Delivered": 6, "Failure": 3, 'Odd"one': 1})
    await driver.bulk(100)
    while driver.simulator.summary.finals.total() < 100:
        await driver.journal()
    finals = {line["id"]: line["final"] for line in await driver.journal() if "final" in line}
    assert finals.keys() == {line["id"] for line in await driver.accepted()}
    assert set(finals.values()) == {"Delivered", "Failure", 'Odd"one'}
    assert sum(final == "Failure" for final in finals.values()) == driver.simulator.summary.finals["Failure"]


async def test_a_refused_request_has_a_line_of_its_own(start: Any) -> None:
    """Requests that accept nothing are noted with their status and ordinal."""
    driver = await start()
    await driver.post(message(), BULK, {})
    await driver.bulk(1)
    refused = [line for line in await driver.journal() if "refused" in line]
    assert [(line["refused"], line["request"]) for line in refused] == [(401, 1)]
    assert [line["request"] for line in await driver.accepted()] == [2]


async def test_reading_goes_on_where_it_ended(start: Any) -> None:
    """The next offset leads to exactly the lines that were written since, also in limited steps."""
    driver = await start(report_delay_ms=60_000)
    await driver.bulk(3)
    async with driver.session.get("/_sim/journal") as answer:
        offset = int(answer.headers[NEXT_OFFSET])
    await driver.bulk(2, first=10)
    assert [line["position"] for line in await driver.journal(offset)] == [0, 1]
    whole, steps, offset = await driver.journal(), [], 0
    while offset < driver.simulator.journal_path.stat().st_size:
        async with driver.session.get("/_sim/journal", params={"after": offset, "limit": 1}) as answer:
            offset = int(answer.headers[NEXT_OFFSET])
            steps += [orjson.loads(line) for line in (await answer.read()).splitlines()]
    assert steps == whole


async def test_a_wrong_offset_is_refused(start: Any) -> None:
    """An offset that was never given out is answered 400."""
    driver = await start()
    for after in ("5", "99999999", "x"):
        async with driver.session.get("/_sim/journal", params={"after": after}) as answer:
            assert answer.status == 400, after


async def test_the_journal_outlives_the_simulator(start: Any, tmp_path: Path) -> None:
    """A later simulator appends to the same file and still serves what the first one wrote."""
    first = await start(journal=tmp_path / "kept.ndjson", report_delay_ms=60_000)
    await first.bulk(2)
    await first.simulator.stop()
    second = await start(journal=tmp_path / "kept.ndjson", report_delay_ms=60_000)
    await second.bulk(1)
    assert len(await second.accepted()) == 3


async def test_one_seed_makes_one_fate(start: Any, tmp_path: Path) -> None:
    """Two simulators with the same seed give the same messages the same final states."""
    finals = []
    for name in ("one", "two"):
        driver = await start(journal=tmp_path / name, finals={"Delivered": 1, "Failure": 1}, seed=5)
        await driver.bulk(50)
        while driver.simulator.summary.finals.total() < 50:
            await driver.journal()
        finals.append([line["final"] for line in await driver.journal() if "final" in line])
    assert finals[0] == finals[1]
