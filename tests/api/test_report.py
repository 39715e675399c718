"""The report of a campaign, streamed."""

import csv
import io
import json

import pytest

from penstock.api import report
from tests.api.conftest import Api, rows


async def _settle(api: Api, campaign: str, error: str) -> None:
    """Give the first message a provider's answer."""
    async with api.parts.store.engine() as connection:
        await connection.execute(
            "UPDATE message SET state = 'undelivered', sent_at = '2026-11-01T10:00:00Z', final_at = '2026-11-01T10:00:05Z', "
            "provider_id = 'p-1', error = $2 WHERE campaign_id = $1 AND seq = 0",
            campaign, error,
        )  # fmt: skip


async def test_csv_report_has_every_message_over_many_pages(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each message is one line, in order, whatever the size of a page."""
    monkeypatch.setattr(report, "PAGE", 7)
    campaign = await api.create()
    await api.upload(campaign, rows(21))
    answer = await api.call("GET", f"/v1/campaigns/{campaign}/report")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["X-Request-Id"]
    lines = list(csv.reader(io.StringIO(answer.body.decode())))
    assert tuple(lines[0]) == report.COLUMNS
    assert [line[0] for line in lines[1:]] == [f"+49151{i:08d}" for i in range(21)]
    assert set(lines[1][1:]) == {"queued", "1", ""}


@pytest.mark.parametrize("error", ["=1+1", "+x", "-x", "@x", "\tx", 'say "no", please', "line\nbreak"])
async def test_foreign_text_in_csv_is_no_formula(api: Api, error: str) -> None:
    """A cell from outside that would run in a spreadsheet is defused; the rest is quoted as CSV wants it."""
    campaign = await api.create()
    await api.upload(campaign, rows(1))
    await _settle(api, campaign, error)
    answer = await api.call("GET", f"/v1/campaigns/{campaign}/report?format=csv")
    line = list(csv.reader(io.StringIO(answer.body.decode(), newline="")))[1]
    assert line[1:6] == ["undelivered", "1", "2026-11-01T10:00:00Z", "2026-11-01T10:00:05Z", "p-1"]
    assert line[6] == (f"'{error}" if error[0] in "=+-@\t" else error)


@pytest.mark.parametrize(
    ("query", "accept"), [("?format=ndjson", "text/csv"), ("", "application/x-ndjson"), ("", "application/jsonl")]
)
async def test_ndjson_report_by_parameter_or_accept(api: Api, query: str, accept: str) -> None:
    """One object a line, with the same fields."""
    campaign = await api.create()
    await api.upload(campaign, rows(3))
    answer = await api.call("GET", f"/v1/campaigns/{campaign}/report{query}", headers={"Accept": accept})
    lines = [json.loads(line) for line in answer.body.splitlines()]
    assert [line["to"] for line in lines] == [f"+49151{i:08d}" for i in range(3)]
    assert set(lines[0]) == set(report.COLUMNS)


async def test_other_report_formats_are_refused(api: Api) -> None:
    """Only CSV and NDJSON exist."""
    campaign = await api.create()
    assert (await api.call("GET", f"/v1/campaigns/{campaign}/report?format=xlsx")).status == 422


async def test_empty_campaign_has_an_empty_report(api: Api) -> None:
    """A report without messages is its header."""
    campaign = await api.create()
    answer = await api.call("GET", f"/v1/campaigns/{campaign}/report")
    assert answer.body.decode().splitlines() == [",".join(report.COLUMNS)]


async def test_messages_can_be_read_by_state(api: Api) -> None:
    """`?state=` pages through that state only and keeps the parameter in `next`."""
    campaign = await api.create()
    await api.upload(campaign, rows(5))
    await _settle(api, campaign, "absent")
    queued = (await api.call("GET", f"/v1/campaigns/{campaign}/messages?state=queued&limit=3")).json
    rest = (await api.call("GET", queued["next"])).json
    assert [item["to"][-1] for item in queued["items"] + rest["items"]] == ["1", "2", "3", "4"]
    failed = (await api.call("GET", f"/v1/campaigns/{campaign}/messages?state=undelivered")).json["items"]
    assert [(item["provider_id"], item["error"], item["state"]) for item in failed] == [("p-1", "absent", "undelivered")]
