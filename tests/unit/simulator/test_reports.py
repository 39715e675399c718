import asyncio
from typing import Any
from urllib.parse import parse_qsl

import orjson
import pytest

from penstock.simulator.report_body import Report, write_calls
from tests.unit.simulator.driver import SEND, Receiver, message


async def test_reports_come_as_arrays_with_the_secret(start: Any, receiver: Receiver) -> None:
    """Final states arrive in arrays of the configured size, with the secret and the static headers."""
    driver = await start(callback=receiver.url, secret="s", headers={"X-Extra": "1"}, report_array=2)
    _, answer = await driver.bulk(3)
    await receiver.wait(2)
    assert sorted(len(orjson.loads(body)) for _, _, _, body in receiver.calls) == [1, 2]
    assert {report["messageId"] for report in receiver.reports} == {e["messageId"] for e in answer["messages"]}
    _, headers, _, _ = receiver.calls[0]
    assert (headers["X-Webhook-Secret"], headers["X-Extra"]) == ("s", "1")


async def test_what_is_reported_is_what_the_journal_says(start: Any, receiver: Receiver) -> None:
    """Reports, journal and look-up agree on every final state; failures say why."""
    driver = await start(callback=receiver.url, finals={"Delivered": 1, "Failure": 1})
    await driver.bulk(40)
    await receiver.wait(1)
    finals = {line["id"]: line["final"] for line in await driver.journal() if "final" in line}
    assert {report["messageId"]: report["deliveryStatus"] for report in receiver.reports} == finals
    assert all(("description" in report) == (report["deliveryStatus"] == "Failure") for report in receiver.reports)
    for message_id, final in list(finals.items())[:5]:
        assert (await driver.get(message_id))[1]["deliveryStatus"] == final


@pytest.mark.parametrize("switch", [True, False])
async def test_a_reference_is_reported_only_if_asked_for(start: Any, receiver: Receiver, switch: bool) -> None:  # noqa: FBT001
    """The reference comes back in reports only under the switch."""
    driver = await start(callback=receiver.url, report_reference=switch)
    await driver.post(message(reference="order-1"), SEND)
    await receiver.wait(1)
    assert receiver.reports[0].get("reference") == ("order-1" if switch else None)


@pytest.mark.parametrize("switch", [True, False])
async def test_the_recipient_is_reported_only_if_asked_for(start: Any, receiver: Receiver, switch: bool) -> None:  # noqa: FBT001
    """The recipient stands in reports only under the switch, as a look-up shows it."""
    driver = await start(callback=receiver.url, report_recipient=switch)
    await driver.post(message(destination="+491510000001"), SEND)
    await receiver.wait(1)
    conversation = {"participants": [{"messagingAppIdentifier": "+491510000001"}]}
    assert receiver.reports[0].get("conversation") == (conversation if switch else None)


@pytest.mark.parametrize(("shape", "keys"), [("object", "classic"), ("form", "messaging"), ("query", "fallback")])
def test_flat_reports_name_the_recipient_as_the_classic_templates_do(shape: Any, keys: Any) -> None:
    """Forms hold no objects, and classic templates know one name only."""
    (call,) = write_calls([Report("m", "Sent", "", recipient="+491510000001")], shape, keys, odd=False)
    told = _meaning(call.body.decode() or call.query)
    assert dict(told)["receiver"] == "491510000001"


async def test_sent_is_reported_before_the_final_state(start: Any, receiver: Receiver) -> None:
    """With the intermediate switch a message is reported sent, then final."""
    driver = await start(callback=receiver.url, intermediate=True, report_delay_ms=40, finals={"Delivered": 1})
    await driver.bulk(1)
    await receiver.wait(2)
    assert [report["deliveryStatus"] for report in receiver.reports] == ["Sent", "Delivered"]


async def test_a_refusing_receiver_is_tried_again_only_if_asked_for(start: Any, receiver: Receiver) -> None:
    """With more than one attempt a report comes again after a refusal and is counted once."""
    driver = await start(callback=receiver.url, report_attempts=3, report_retry_gap_s=0)
    receiver.statuses = [503, 500]
    await driver.bulk(1)
    await receiver.wait(3)
    await _until(lambda: driver.simulator.summary.reports_sent == 1)
    assert driver.simulator.summary.reports_failed == 0


async def test_the_wait_for_the_next_try_has_a_bound(start: Any, receiver: Receiver) -> None:
    """However long nobody took a report, the next try comes no later than the longest wait."""
    driver = await start(callback=receiver.url, report_attempts=50, report_retry_gap_s=3600, report_retry_longest_s=0)
    receiver.statuses = [503] * 40
    await driver.bulk(1)
    await receiver.wait(41)
    await _until(lambda: driver.simulator.summary.reports_sent == 1)


async def test_without_retries_a_refused_report_is_lost(start: Any, receiver: Receiver) -> None:
    """By default a report that is refused does not come again."""
    driver = await start(callback=receiver.url)
    receiver.statuses = [503]
    await driver.bulk(2)
    await receiver.wait(1)
    await _until(lambda: driver.simulator.summary.reports_failed == 2)
    assert len(receiver.calls) == 1


async def test_a_rate_spreads_reports(start: Any, receiver: Receiver) -> None:
    """Reports keep to the configured rate."""
    driver = await start(callback=receiver.url, report_rate=50, report_array=1)
    begun = asyncio.get_running_loop().time()
    await driver.bulk(6)
    await receiver.wait(6)
    assert asyncio.get_running_loop().time() - begun >= 0.09


async def test_silent_messages_reach_a_final_state_without_a_report(start: Any, receiver: Receiver) -> None:
    """A share of messages is final in the journal and never reported."""
    driver = await start(callback=receiver.url, no_report=0.5)
    await driver.bulk(200)
    await receiver.wait(1)
    assert driver.simulator.summary.finals.total() == 200
    assert 60 < len(receiver.reports) < 140


def test_every_shape_is_written_as_the_samples_are(vector: Any) -> None:
    """The bytes of every report shape equal the shared samples in meaning."""
    at = "2026-01-05T10:00:06.7654321Z"
    for sample in vector("reports")["samples"]:
        why = "The message could not be delivered."
        reports = [Report(i, status, at, why if status == "Failure" else None) for i, status in sample["reports"]]
        (call,) = write_calls(reports, sample["shape"], sample["keys"], odd=False)
        assert (call.content_type, call.count) == (sample["content_type"], len(reports))
        assert _meaning(call.body.decode()) == _meaning(sample["body"]), sample["name"]
        assert parse_qsl(call.query) == parse_qsl(sample["query"])


def _meaning(body: str) -> Any:
    return orjson.loads(body) if body[:1] in ("{", "[") else parse_qsl(body)


async def _until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the receiver knows of a call before the sender of its answer
            await asyncio.sleep(0)
