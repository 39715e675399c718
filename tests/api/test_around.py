"""What surrounds every request: its id, headers, the log line, the measurement, and defects."""

import io
import json
import logging
from collections.abc import Iterator

import aiohttp
import msgspec
import pytest
import structlog

from penstock.api import report
from penstock.api.parts import Parts
from penstock.domain.errors import UnavailableError
from penstock.ingest import control
from penstock.store import campaigns
from penstock.telemetry import logs
from tests.api.conftest import Api, rows
from tests.api.test_bad_input import check_problem


@pytest.fixture
def log_lines() -> Iterator[io.StringIO]:
    """What the process writes to its log."""
    before = logging.getLogger().handlers[:]
    stream = io.StringIO()
    logs.configure(stream)
    yield stream
    structlog.reset_defaults()
    logging.getLogger().handlers[:] = before


@pytest.mark.parametrize(("given", "is_kept"), [("trace-1.A_b", True), ("x" * 65, False), ("with space", False), ("", False)])
async def test_request_id_is_kept_if_well_formed(api: Api, given: str, is_kept: bool) -> None:  # noqa: FBT001
    """The caller's id comes back; anything odd is replaced."""
    answer = await api.call("GET", "/v1/campaigns", headers={"X-Request-Id": given})
    assert (answer.headers["X-Request-Id"] == given) == is_kept
    assert answer.headers["X-Request-Id"]


async def test_one_log_line_a_request_without_what_was_sent(api: Api, log_lines: io.StringIO) -> None:
    """A line has the route, status, duration and tenant, and never a path, query, number, text or key."""
    campaign = await api.create("Secret offer for {name}")
    await api.upload(campaign, rows(3) + b"+4915199999999,\n")
    await api.call("GET", f"/v1/campaigns/{campaign}/messages?state=queued&limit=7")
    await api.call("GET", "/v1/none/of/yours?token=hush")
    lines = [json.loads(line) for line in log_lines.getvalue().splitlines()]
    requests = [line for line in lines if line["event"] == "request"]
    assert [(line["route"], line["status"]) for line in requests] == [
        ("/v1/campaigns", 201), ("/v1/campaigns/{campaign_id}/recipients", 200), ("/v1/campaigns/{campaign_id}/messages", 200),
        ("unmatched", 404),
    ]  # fmt: skip
    assert {line.get("tenant_id") for line in requests[:3]} == {api.tenant_id}
    assert all(line["duration_ms"] >= 0 and line["request_id"] for line in requests)
    for private in (campaign, "49151", "Secret", api.key, "limit=7", "/none/", "hush"):
        assert private not in log_lines.getvalue()


async def test_requests_are_measured_by_route(api: Api) -> None:
    """The histogram's labels come from closed sets."""
    campaign = await api.create()
    await api.show(campaign)
    await api.call("PROPFIND", "/v1/campaigns")
    text = api.parts.metrics.render("")[0].decode()
    assert 'http_request_duration_ms_count{method="GET",route="/v1/campaigns/{campaign_id}",status="200"} 1.0' in text
    assert 'http_request_duration_ms_count{method="OTHER",route="unmatched",status="405"} 1.0' in text
    assert campaign not in text


async def test_defect_is_a_500_that_says_nothing(api: Api, log_lines: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that nobody foresaw is logged once with its place and answered without its text."""

    async def broken(*_: object) -> None:
        raise RuntimeError("+4915100000000 in the text")

    monkeypatch.setattr(campaigns, "list_campaigns", broken)
    answer = await api.call("GET", "/v1/campaigns")
    assert answer.status == 500
    assert answer.json["code"] == "internal_error"
    assert "detail" not in answer.json or not answer.json["detail"]
    assert "49151" not in answer.body.decode() + log_lines.getvalue()
    assert log_lines.getvalue().count("request_failed") == 1
    assert "broken" in log_lines.getvalue()


async def test_lost_database_is_a_503_to_be_tried_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dependency that is away is not the caller's fault, and says when to come back."""

    async def away(*_: object) -> None:
        raise UnavailableError("The database is not reachable.", retry_after_s=3)

    monkeypatch.setattr(control, "start_sending", away)
    answer = await api.call("POST", f"/v1/campaigns/{await api.create()}/send")
    check_problem(answer, 503, "unavailable")
    assert answer.headers["Retry-After"] == "3"
    assert answer.json["retryable"] is True


class TestSafeMode:
    """With SAFE_MODE every answer says so."""

    @pytest.fixture
    def parts(self, parts: Parts) -> Parts:
        """Return the same surroundings in safe mode."""
        return msgspec.structs.replace(parts, safe_mode=True)

    async def test_every_answer_says_that_nothing_is_sent(self, api: Api) -> None:
        """Successes, errors and streams carry the header; everything is accepted as usual."""
        campaign = await api.create()
        await api.upload(campaign, rows(3))
        send = await api.call("POST", f"/v1/campaigns/{campaign}/send")
        assert send.status == 202
        report = await api.call("GET", f"/v1/campaigns/{campaign}/report")
        missing = await api.call("GET", "/v1/nothing")
        assert {answer.headers["X-Safe-Mode"] for answer in (send, report, missing)} == {"1"}


async def test_without_safe_mode_nothing_is_said(api: Api) -> None:
    """The header is there in safe mode only."""
    assert "X-Safe-Mode" not in (await api.call("GET", "/v1/campaigns")).headers


async def test_broken_stream_is_not_completed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a report fails after its first page, the connection breaks: a short report must not look whole."""
    real, calls = report.messages.list_messages, 0

    async def second_fails(*args: object, **kwargs: object) -> object:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise RuntimeError("gone")
        return await real(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(report, "PAGE", 2)
    monkeypatch.setattr(report.messages, "list_messages", second_fails)
    campaign = await api.create()
    await api.upload(campaign, rows(5))
    with pytest.raises(aiohttp.ClientPayloadError):
        await api.call("GET", f"/v1/campaigns/{campaign}/report")
