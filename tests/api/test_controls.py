"""Pause, resume, cancel, schedules, quotes and lists over HTTP."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from penstock.clock import SystemClock
from penstock.domain.campaign import CampaignState
from penstock.ingest.scheduler import start_scheduled
from penstock.reconcile.canceled import sweep_canceled
from tests.api.conftest import Api, rows

# What each action answers in each state, and the state that follows.
TABLE: dict[tuple[str, str], tuple[int, str]] = {
    ("draft", "pause"): (409, "draft"),
    ("draft", "resume"): (409, "draft"),
    ("draft", "cancel"): (200, "canceled"),
    ("draft", "send"): (202, "sending"),
    ("scheduled", "pause"): (200, "paused"),
    ("scheduled", "resume"): (200, "scheduled"),
    ("scheduled", "cancel"): (200, "canceled"),
    ("scheduled", "send"): (409, "scheduled"),
    ("sending", "pause"): (200, "paused"),
    ("sending", "resume"): (200, "sending"),
    ("sending", "cancel"): (200, "canceled"),
    ("sending", "send"): (409, "sending"),
    ("paused", "pause"): (200, "paused"),
    ("paused", "resume"): (200, "sending"),
    ("paused", "cancel"): (200, "canceled"),
    ("paused", "send"): (409, "paused"),
    ("completed", "pause"): (409, "completed"),
    ("completed", "resume"): (409, "completed"),
    ("completed", "cancel"): (409, "completed"),
    ("completed", "send"): (409, "completed"),
    ("canceled", "pause"): (409, "canceled"),
    ("canceled", "resume"): (409, "canceled"),
    ("canceled", "cancel"): (200, "canceled"),
    ("canceled", "send"): (409, "canceled"),
    ("failed", "pause"): (409, "failed"),
    ("failed", "resume"): (409, "failed"),
    ("failed", "cancel"): (409, "failed"),
    ("failed", "send"): (409, "failed"),
}


def present() -> datetime:
    """Now."""
    return SystemClock().now()


async def act(api: Api, campaign: str, action: str, **sent: Any) -> Any:
    """One action on a campaign."""
    return await api.call("POST", f"/v1/campaigns/{campaign}/{action}", **sent)


async def filled(api: Api, n: int = 3, **fields: Any) -> str:
    """A draft with recipients."""
    campaign = await api.create(**fields)
    assert (await api.upload(campaign, rows(n))).status == 200
    return campaign


async def force(api: Api, statement: str, campaign: str) -> None:
    """Change a campaign by hand."""
    async with api.parts.store.engine() as connection:
        await connection.execute(f"UPDATE campaign SET {statement} WHERE campaign_id = $1", campaign)  # noqa: S608 - a literal


def test_every_pair_is_in_the_table() -> None:
    """Each state and each action is decided."""
    assert set(TABLE) == {(state, action) for state in CampaignState for action in ("pause", "resume", "cancel", "send")}


@pytest.mark.parametrize(("state", "action"), TABLE)
async def test_each_action_in_each_state(api: Api, state: str, action: str) -> None:
    """The answer and the state that follows are those of the table; a conflict names the present state."""
    campaign = await filled(api)
    started = "now()" if state in {"sending", "paused"} else "NULL"
    await force(api, f"state = '{state}', started_at = {started}, send_at = '2999-01-01'", campaign)
    if action == "send":
        await force(api, "send_at = NULL", campaign)
    status, after = TABLE[state, action]
    answer = await act(api, campaign, action)
    assert (answer.status, (await api.show(campaign))["state"]) == (status, after)
    if status == 409:
        assert (answer.json["code"], state in answer.json["detail"]) == ("state_conflict", True)


async def test_a_pause_shows_when_and_why(api: Api) -> None:
    """Time and reason are shown until the campaign is resumed, and stay those of the first pause."""
    campaign = await filled(api)
    await act(api, campaign, "send")
    paused = (await act(api, campaign, "pause", json={"reason": "wrong text"})).json
    assert (paused["state"], paused["pause_reason"], paused["paused_at"] is None) == ("paused", "wrong text", False)
    again = (await act(api, campaign, "pause", json={"reason": "another"})).json
    assert (again["pause_reason"], again["paused_at"]) == ("wrong text", paused["paused_at"])
    resumed = (await act(api, campaign, "resume")).json
    assert (resumed["state"], resumed["pause_reason"], resumed["paused_at"]) == ("sending", None, None)


async def test_a_control_with_a_key_is_answered_once(api: Api) -> None:
    """The repetition of a pause with its key tells what the first one did, also when the campaign goes on by then."""
    campaign = await filled(api)
    await act(api, campaign, "send")
    key = {"headers": {"Idempotency-Key": "stop-1"}}
    first = await act(api, campaign, "pause", **key)
    await act(api, campaign, "resume")
    second = await act(api, campaign, "pause", **key)
    assert (second.headers["X-Idempotency"], second.body) == ("HIT", first.body)
    assert (await api.show(campaign))["state"] == "sending"


async def test_cancel_answers_in_numbers(api: Api) -> None:
    """The five numbers make up the messages, also once what was queued has been swept."""
    campaign = await filled(api, 25)
    await act(api, campaign, "send")
    numbers = {"stopped": 25, "in_flight": 0, "sent": 0, "unknown": 0, "refused": 0}
    for swept in (0, 25):
        answer = (await act(api, campaign, "cancel")).json
        assert {name: answer[name] for name in numbers} == numbers
        assert answer["campaign"]["counts"]["canceled"] == swept
        await sweep_canceled(api.parts.store)
    shown = await api.show(campaign)
    assert (shown["state"], shown["completed_at"] is None) == ("canceled", False)


async def test_an_upload_into_a_canceled_draft_is_refused(api: Api) -> None:
    """A canceled draft takes no more recipients."""
    campaign = await filled(api)
    await act(api, campaign, "cancel")
    assert (await api.upload(campaign, rows(3, start=50))).status == 409


async def test_everything_decided_about_the_course_is_shown(api: Api) -> None:
    """Schedule, pace and rule come back as they were given."""
    fields = {
        "send_at": (present() + timedelta(days=80)).isoformat(), "pace": {"over_s": 3600},
        "auto_pause": {"failed": 0.2, "unknown": 0.05, "after": 50},
    }  # fmt: skip
    shown = await api.show(await api.create(**fields))
    assert (shown["pace"], shown["auto_pause"]) == (fields["pace"], fields["auto_pause"])
    assert datetime.fromisoformat(shown["send_at"]) == datetime.fromisoformat(str(fields["send_at"]))
    assert (shown["retry_of"], shown["longest"], shown["paused_at"]) == (None, 0, None)


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"send_at": "2020-01-01T00:00:00Z"}, "/send_at"),
        ({"send_at": "2999-01-01T00:00:00Z"}, "/send_at"),
        ({"send_at": "2026-11-01T00:00:00"}, "/send_at"),
        ({"send_at": 5}, "/send_at"),
        ({"pace": {"over_s": 59}}, "/pace/over_s"),
        ({"pace": {"over_s": 2_592_001}}, "/pace/over_s"),
        ({"pace": {}}, "/pace"),
        ({"pace": {"over_s": 3600}, "validity_s": 3600}, "/pace/over_s"),
        ({"auto_pause": {}}, "/auto_pause"),
        ({"auto_pause": {"failed": 1.1}}, "/auto_pause/failed"),
        ({"auto_pause": {"unknown": -0.1}}, "/auto_pause/unknown"),
        ({"auto_pause": {"failed": 0.1, "after": 0}}, "/auto_pause/after"),
    ],
)
async def test_what_cannot_be_kept_is_refused(api: Api, fields: dict[str, Any], pointer: str) -> None:
    """A start that is over, too far or without a zone, a pace or a share out of range: 422 with the field."""
    answer = await api.call("POST", "/v1/campaigns", json={"name": "n", "text": "t", **fields})
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, pointer)


async def test_a_scheduled_campaign_waits_and_starts(api: Api) -> None:
    """`send` answers 202 with the schedule; the leader's job starts it when its time has come."""
    campaign = await filled(api, send_at=(present() + timedelta(hours=1)).isoformat())
    answer = await act(api, campaign, "send", json={"expect_recipients": 3})
    assert (answer.status, answer.json["state"], answer.json["progress"]) == (202, "scheduled", None)
    await start_scheduled(api.parts.store, api.parts.metrics)
    assert (await api.show(campaign))["state"] == "scheduled"
    await force(api, "send_at = now()", campaign)
    await start_scheduled(api.parts.store, api.parts.metrics)
    assert (await api.show(campaign))["state"] == "sending"


async def test_a_schedule_that_is_over_by_then_starts_at_once(api: Api) -> None:
    """A draft whose time has passed before it was told to send does not wait."""
    campaign = await filled(api, send_at=(present() + timedelta(hours=1)).isoformat())
    await force(api, "send_at = now() - interval '1 minute'", campaign)
    assert (await act(api, campaign, "send")).json["state"] == "sending"


async def test_a_quote_says_what_would_come(api: Api) -> None:
    """Recipients, segments, longest message, encoding and what forces it, and that nothing stands in the way."""
    campaign = await api.create(text="Grüße an {name} ✓ ✓ 🎉")
    await api.upload(campaign, rows(3) + b"nonsense,x\n+4915199999999," + b"y" * 100 + b"\n")
    before = await api.show(campaign)
    quote = (await act(api, campaign, "quote")).json
    assert (quote["recipients"], quote["skipped_by_reason"], quote["segments"], quote["longest"]) == (
        4,
        {"invalid_number": 1},
        5,
        2,
    )
    assert (quote["encoding"], quote["forcing"]) == ("UCS-2", ["✓", "🎉"])
    assert (quote["would_send_now"], quote["why_not"]) == (True, [])
    assert await api.show(campaign) == before


async def test_a_quote_names_what_stands_in_the_way(api: Api) -> None:
    """Each obstacle has its code: no recipients, a schedule, a pause, the end, a held account."""

    async def obstacles(campaign: str) -> list[str]:
        quote = (await act(api, campaign, "quote")).json
        assert quote["would_send_now"] is False
        return [one["code"] for one in quote["why_not"]]

    assert await obstacles(await api.create()) == ["no_recipients"]
    campaign = await filled(api, send_at=(present() + timedelta(hours=1)).isoformat())
    assert await obstacles(campaign) == ["scheduled"]
    await act(api, campaign, "send")
    await act(api, campaign, "pause")
    assert await obstacles(campaign) == ["paused"]
    async with api.parts.store.engine() as connection:
        await connection.execute("UPDATE account SET held_until = now() + interval '1 minute'")
    await act(api, campaign, "cancel")
    assert await obstacles(campaign) == ["ended", "account_held"]


async def test_a_quote_of_a_paced_schedule_has_its_times(api: Api) -> None:
    """It starts at its time and is done when its pace is over."""
    at = present() + timedelta(hours=1)
    campaign = await filled(api, send_at=at.isoformat(), pace={"over_s": 600})
    quote = (await act(api, campaign, "quote")).json
    assert datetime.fromisoformat(quote["expected_start_at"]) == at
    assert datetime.fromisoformat(quote["expected_finish_at"]) == at + timedelta(seconds=600)


async def listed(api: Api, **query: str) -> list[str]:
    """The ids of a list, followed page by page."""
    found: list[str] = []
    answer = await api.call("GET", "/v1/campaigns", params={**query, "limit": "2"})
    while True:
        found += [item["id"] for item in answer.json["items"]]
        if answer.json["next"] is None:
            return found
        answer = await api.call("GET", answer.json["next"])


async def test_lists_are_filtered(api: Api, other: Api) -> None:
    """By state, by the whole name, by the time of creation, and by all of them; another tenant's never appear."""
    made = [await api.create(name=name) for name in ("a", "b", "a", "c", "a")]
    await other.create(name="a")
    await force(api, "state = 'paused'", made[2])
    await force(api, "created_at = now() - interval '30 minutes'", made[0])
    newest = made[::-1]
    assert await listed(api) == newest
    assert await listed(api, state="paused") == [made[2]]
    assert await listed(api, state="draft", name="a") == [made[4], made[0]]
    assert await listed(api, name="A") == []
    middle = (present() - timedelta(minutes=10)).isoformat()
    assert await listed(api, created_after=middle) == newest[:4]
    assert await listed(api, created_before=middle) == [made[0]]
    assert await listed(api, created_after=middle, name="a") == [made[4], made[2]]
    assert await listed(api, created_after=middle, state="paused") == [made[2]]


@pytest.mark.parametrize("query", ["state=open", "created_after=yesterday", "created_before=2026-11-01T00:00:00"])
async def test_filters_that_mean_nothing_are_refused(api: Api, query: str) -> None:
    """An unknown state and a time without a zone are 422."""
    assert (await api.call("GET", f"/v1/campaigns?{query}")).status == 422


@pytest.mark.parametrize("instant", ["0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59Z", "1950-01-01T00:00:00Z"])
async def test_far_times_are_bounds_like_any_other(api: Api, instant: str) -> None:
    """The ends of the calendar are understood."""
    await api.create()
    after = await api.call("GET", "/v1/campaigns", params={"created_after": instant})
    before = await api.call("GET", "/v1/campaigns", params={"created_before": instant})
    assert (after.status, before.status) == (200, 200)
    assert len(after.json["items"]) + len(before.json["items"]) == 1


async def test_two_controls_at_once_agree(api: Api) -> None:
    """Of many pauses, resumes and cancels at once each is answered, and the campaign ends canceled with balanced books."""
    campaign = await filled(api, 30)
    await act(api, campaign, "send")
    answers = await asyncio.gather(*(act(api, campaign, action) for action in ["pause", "resume", "cancel"] * 5))
    assert {answer.status for answer in answers} <= {200, 409}
    assert (await api.show(campaign))["state"] == "canceled"
