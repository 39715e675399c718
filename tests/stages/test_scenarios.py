"""Every misbehaviour of the provider, on the real stages: what becomes of the messages, and that nothing goes out twice."""

from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import aiohttp
import pytest

from penstock.reconcile.completion import close_silent_campaigns
from penstock.simulator import Simulator
from penstock.store.pool import Store
from tests.e2e.evidence import clear_rules, numbers, read_wire
from tests.e2e.inside import BATCH, RECIPIENTS, SECRET, Lab, lab

PROMISED = numbers(RECIPIENTS)
BATCHES = RECIPIENTS // BATCH
LONGEST_HOLD_S = 300
SLACK_S = 5


class OpenLab(Protocol):
    """Makes a laboratory on this test's own database."""

    def __call__(self, *, simulated: dict[str, object] | None = None, **changes: str) -> AbstractAsyncContextManager[Lab]:
        """Settings by name."""


@pytest.fixture
def open_lab(dsn: str, valkey_url: str, tmp_path: Path) -> OpenLab:
    """Lend the maker."""
    return lambda **given: lab(dsn, valkey_url, tmp_path, **given)


async def run(at: Lab, scenario: str, **rule: object) -> dict[str, int]:
    """Send a campaign under a scenario, verify it, and return the messages by state."""
    await at.misbehave(scenario, **rule)
    await at.send()
    await at.settle()
    await at.verify(PROMISED)
    return await at.database.states()


def finals(states: dict[str, int]) -> int:
    """Messages that the provider had the last word on."""
    return sum(states.get(state, 0) for state in ("delivered", "undelivered", "expired"))


# What the provider answers.


async def test_happy_path(open_lab: OpenLab) -> None:
    """H1: every message is accepted once and gets its one final state; the campaign completes."""
    async with open_lab() as at:
        campaign = await at.send()
        await at.settle()
        await at.verify(PROMISED)
        assert await at.database.value("SELECT count(*) FROM attempt") == BATCHES

        async def is_complete() -> bool:
            return (await at.client.get_campaign(campaign)).state == "completed"

        await at.settle(is_complete)


@pytest.mark.parametrize("text", ["Γειά σου {name}", "{name} " + "long " * 80, "{name} 👋"])
async def test_texts_of_every_kind(open_lab: OpenLab, text: str) -> None:
    """H1 with long and with Unicode texts: the same."""
    async with open_lab() as at:
        await at.misbehave("H1")
        await at.send(text=text)
        await at.settle()
        await at.verify(PROMISED)
        assert finals(await at.database.states()) == RECIPIENTS


@pytest.mark.parametrize("member", ["error", "errors"])
async def test_refused_in_part(open_lab: OpenLab, member: str) -> None:
    """P1: the refused elements of each answer are rejected, all others sent."""
    async with open_lab() as at:
        states = await run(at, "P1", count=5, member=member)
        assert states["rejected"] == 5 * BATCHES
        assert finals(states) == RECIPIENTS - 5 * BATCHES


UNTRUSTWORTHY = [
    ("P1", {"count": 1, "member": "none"}),
    ("P2", {"where": "start"}),
    ("P2", {"where": "middle", "missing": 3}),
    ("P2", {"where": "end"}),
    ("P3", {}),
    ("P5", {"kind": "duplicate"}),
    ("P5", {"kind": "null"}),
    ("P5", {"kind": "empty"}),
    ("P5", {"kind": "number"}),
    ("P6", {"kind": "no_messages"}),
    ("P6", {"kind": "null_messages"}),
    ("P6", {"kind": "bare_id"}),
    ("P6", {"kind": "bare_message_id"}),
    ("E1", {"status": 500}),
    ("E1", {"status": 504}),
    ("E2", {"status": 502}),
    ("E2", {"status": 503}),
    ("E3", {"kind": "html"}),
    ("E3", {"kind": "empty"}),
    ("T3", {"accepted": False}),
    ("T3", {"accepted": True}),
    ("T4", {}),
    ("T5", {"kind": "length"}),
    ("T5", {"kind": "chunked"}),
    ("T5", {"kind": "json_prefix"}),
    ("C1", {"keep": 0.5}),
]


@pytest.mark.parametrize(("scenario", "parameters"), UNTRUSTWORTHY, ids=str)
async def test_an_answer_that_cannot_be_trusted(open_lab: OpenLab, scenario: str, parameters: dict[str, object]) -> None:
    """The whole batch behind one such answer is unknown and stays so; the other batches are not touched."""
    async with open_lab() as at:
        states = await run(at, scenario, next=1, **parameters)
        assert states["unknown"] == BATCH
        assert finals(states) == RECIPIENTS - BATCH
        assert await at.database.value("SELECT count(*) FROM attempt") == BATCHES


async def test_an_id_known_from_before(open_lab: OpenLab) -> None:
    """P5: an answer that repeats an id of an earlier one makes its own batch unknown and leaves the earlier one alone."""
    async with open_lab(PENSTOCK_DISPATCH__IN_FLIGHT="1") as at:
        states = await run(at, "P5", kind="known", **{"from": 2, "to": 2})
        assert states["unknown"] == BATCH
        assert finals(states) == RECIPIENTS - BATCH


async def test_reports_of_unknown_messages_are_kept(open_lab: OpenLab) -> None:
    """T4: the reports for a batch whose answer was lost are parked, as the evidence that will resolve it."""
    async with open_lab() as at:
        await run(at, "T4", next=1)

        async def are_parked() -> bool:
            return await at.database.value("SELECT count(DISTINCT provider_id) FROM parked_report") == BATCH

        await at.settle(are_parked)


async def test_a_member_that_is_not_needed(open_lab: OpenLab) -> None:
    """P6: without a bulk id the answer still accounts for every message."""
    async with open_lab() as at:
        assert finals(await run(at, "P6", kind="no_bulk_id")) == RECIPIENTS


@pytest.mark.parametrize(("seconds", "unknown"), [(0.1, 0), (2.5, BATCH)])
async def test_the_deadline(open_lab: OpenLab, seconds: float, unknown: int) -> None:
    """T1: an answer within the deadline is an answer; one that would come after it is none."""
    async with open_lab(PENSTOCK_MITTO__TIMEOUT="1500ms") as at:
        states = await run(at, "T1", seconds=seconds, next=1)
        assert states.get("unknown", 0) == unknown
        assert finals(states) == RECIPIENTS - unknown


async def test_the_provider_is_away(open_lab: OpenLab) -> None:
    """T2: while nobody listens nothing has left, and all of it is sent when somebody does again."""
    async with open_lab() as at:
        await at.simulator.stop()
        campaign = await at.send()

        async def was_refused() -> bool:
            return await at.database.value("SELECT EXISTS (SELECT FROM attempt WHERE state = 'not_sent')")

        await at.settle(was_refused)
        assert await at.database.states() == {"queued": RECIPIENTS}
        async with Simulator(at.simulator.settings):
            await at.settle(lambda: _release_until_settled(at))
            await at.verify(PROMISED)
        assert (await at.client.get_campaign(campaign)).counts.unknown == 0


async def _release_until_settled(at: Lab) -> bool:
    await at.database.release()
    return await at.database.is_settled()


# Complete refusals: nothing was accepted, so everything is sent later.


@pytest.mark.parametrize(
    ("scenario", "parameters", "reason"),
    [
        ("A1", {}, "http_401"),
        ("A2", {"status": 403}, "http_403"),
        ("A2", {"status": 404}, "http_404"),
        ("A2", {"status": 400}, "http_400_account"),
    ],
)
async def test_a_refused_account(open_lab: OpenLab, scenario: str, parameters: dict[str, object], reason: str) -> None:
    """A1, A2: the account is held after the calls in flight, nothing is lost, and all is sent once the hold is over."""
    async with open_lab(PENSTOCK_DISPATCH__IN_FLIGHT="2") as at:
        await at.misbehave(scenario, **parameters)
        await at.send()
        await at.settle(lambda: _is_held(at))
        assert await at.database.value("SELECT held_reason FROM account") == reason
        assert at.simulator.summary.requests <= 2
        assert await at.database.states() == {"queued": RECIPIENTS}
        await clear_rules(at.simulator.url)
        await at.settle(lambda: _release_until_settled(at))
        await at.verify(PROMISED)
        assert finals(await at.database.states()) == RECIPIENTS


async def _is_held(at: Lab) -> bool:
    return await at.database.value(
        "SELECT held_until > now() + interval '1 second' AND NOT EXISTS (SELECT FROM attempt WHERE state = 'open') FROM account"
    )


@pytest.mark.parametrize(
    ("parameters", "least_s", "most_s"),
    [
        ({"retry_after": "seconds", "seconds": 60}, 60 - SLACK_S, 60 + SLACK_S),
        ({"retry_after": "seconds", "seconds": 100_000}, LONGEST_HOLD_S - SLACK_S, LONGEST_HOLD_S + SLACK_S),
        ({"retry_after": "date", "seconds": 60}, 60 - SLACK_S, 60 + SLACK_S),
        ({"retry_after": "absurd"}, LONGEST_HOLD_S - SLACK_S, LONGEST_HOLD_S + SLACK_S),
    ],
)
async def test_throttled(open_lab: OpenLab, parameters: dict[str, object], least_s: float, most_s: float) -> None:
    """L1: the account waits as long as it was told, five minutes at most; then everything is sent, nothing twice."""
    async with open_lab() as at:
        await at.misbehave("L1", **parameters)
        await at.send()
        await at.settle(lambda: _is_held(at))
        wait = await at.database.value("SELECT extract(epoch FROM held_until - now())::float8 FROM account")
        assert least_s - SLACK_S <= wait <= most_s
        await clear_rules(at.simulator.url)
        await at.settle(lambda: _release_until_settled(at))
        await at.verify(PROMISED)
        assert finals(await at.database.states()) == RECIPIENTS


async def test_throttled_without_a_time(open_lab: OpenLab) -> None:
    """L1: without Retry-After the account backs off by itself and recovers by itself."""
    async with open_lab() as at:
        assert finals(await run(at, "L1", retry_after="none", next=2)) == RECIPIENTS
        assert await at.database.value("SELECT count(*) FROM attempt WHERE state = 'throttled'") == 2


@pytest.mark.parametrize(("status", "learned"), [(413, 7), (400, None)])
async def test_too_large(open_lab: OpenLab, status: int, learned: int | None) -> None:
    """L3: batches are halved until they fit; a size that was refused as such is remembered for the account."""
    async with open_lab() as at:
        assert finals(await run(at, "L3", status=status, max_messages=12)) == RECIPIENTS
        assert await at.database.value("SELECT learned_batch_size FROM account") == learned


# Delivery reports.


@pytest.mark.parametrize("is_restamped", [False, True])
async def test_repeated_reports(open_lab: OpenLab, is_restamped: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """D1: reports that come again change nothing and contradict nothing."""
    async with open_lab() as at:
        assert finals(await run(at, "D1", times=3, gap_s=0.05, restamped=is_restamped)) == RECIPIENTS
        await at.settle(lambda: _has_heard(at, 4 * RECIPIENTS))
        await at.verify(PROMISED)
        assert await at.database.value("SELECT count(*) FROM report_conflict") == 0


async def _has_heard(at: Lab, reports: int) -> bool:
    heard = "SELECT coalesce(sum(reports), 0) >= $1 AND bool_and(applied_at IS NOT NULL) FROM report_page"
    return await at.database.value(heard, reports)


async def test_reports_out_of_order(open_lab: OpenLab) -> None:
    """D2: a `Sent` after the final word does not move a message back."""
    async with open_lab() as at:
        assert finals(await run(at, "D2", lag_s=0.05)) == RECIPIENTS
        await at.settle(lambda: _has_heard(at, 2 * RECIPIENTS))
        await at.verify(PROMISED)
        assert finals(await at.database.states()) == RECIPIENTS


async def test_a_late_report_still_applies(open_lab: OpenLab, store: Store) -> None:
    """D3: after the report window the campaign completes with its messages `sent`; the late word corrects the books."""
    async with open_lab() as at:
        await at.misbehave("D10")
        campaign = await at.send()
        await at.settle(lambda: _are_final_unheard(at))
        await close_silent_campaigns(store, timedelta(0))
        closed = await at.client.get_campaign(campaign)
        assert (closed.state, closed.sent_without_report) == ("completed", RECIPIENTS)
        await _report(at, (await read_wire(at.simulator.url)).finals)
        await at.settle()
        await at.verify(PROMISED)
        assert (await at.client.get_campaign(campaign)).sent_without_report == 0


async def _are_final_unheard(at: Lab) -> bool:
    return at.simulator.summary.finals.total() == RECIPIENTS and await at.database.is_sent()


async def _report(at: Lab, finals: dict[str, str]) -> None:
    reports = [{"messageId": one, "deliveryStatus": status} for one, status in finals.items()]
    headers = {"X-Webhook-Secret": SECRET}
    url = f"{at.url}/webhooks/mitto/dlr"
    async with aiohttp.ClientSession(headers=headers) as session, session.post(url, json=reports) as answer:
        assert answer.status == 202


async def test_reports_before_the_answer(open_lab: OpenLab) -> None:
    """D4: reports that overtake the answer wait for it and then apply."""
    async with open_lab() as at:
        assert finals(await run(at, "D4")) == RECIPIENTS
        assert await at.database.value("SELECT count(*) FROM parked_report") == 0


async def test_reports_of_strangers(open_lab: OpenLab) -> None:
    """D5: reports for ids that were never given, malformed ones too, are kept and change no message."""
    async with open_lab() as at:
        assert finals(await run(at, "D5")) == RECIPIENTS

        async def are_parked() -> bool:
            malformed = "count(DISTINCT provider_id) FILTER (WHERE provider_id LIKE 'not-an-id%')"
            rows = await at.database.fetch(f"SELECT {malformed}, count(DISTINCT provider_id) FROM parked_report")  # noqa: S608
            return tuple(rows[0]) == (BATCH // 2, BATCH // 2 + RECIPIENTS // 2)

        await at.settle(are_parked)
        await at.verify(PROMISED)


async def test_reports_that_conflict(open_lab: OpenLab) -> None:
    """D6: of two different finals the first stays, and the second is recorded once a message."""
    async with open_lab() as at:
        # Later than the second try of a report that came before its message was settled.
        assert finals(await run(at, "D6", lag_s=2.5)) == RECIPIENTS
        await at.settle(lambda: _has_heard(at, 2 * RECIPIENTS))
        await at.verify(PROMISED)
        assert await at.database.value("SELECT count(DISTINCT provider_id) FROM report_conflict") == RECIPIENTS


async def test_odd_reports(open_lab: OpenLab) -> None:
    """D7: unknown words, missing members and wrong types are stored; only what can be understood is applied."""
    async with open_lab() as at:
        await at.misbehave("D7")
        await at.send()
        await at.settle(lambda: _are_final_unheard(at))
        await at.settle(lambda: _has_heard(at, 1))
        await at.settle(lambda: _are_reported(at))
        await at.verify(PROMISED)
        states = await at.database.states()
        assert states["sent"] + finals(states) == RECIPIENTS


async def _are_reported(at: Lab) -> bool:
    reports = at.simulator.summary.render()["reports"]
    waits = await at.database.value("SELECT count(*) FROM report_page WHERE applied_at IS NULL")
    return reports["sent"] == RECIPIENTS and waits == 0


@pytest.mark.parametrize("shape", ["object", "array", "form", "query"])
@pytest.mark.parametrize("keys", ["messaging", "fallback", "classic"])
async def test_forms_of_reports(open_lab: OpenLab, shape: str, keys: str) -> None:
    """D8: whatever body, query and key names are used, the reports are understood."""
    async with open_lab() as at:
        assert finals(await run(at, "D8", shape=shape, keys=keys)) == RECIPIENTS


async def test_reports_with_a_wrong_secret(open_lab: OpenLab) -> None:
    """D9: without the secret nothing is stored and nothing moves."""
    async with open_lab(simulated={"report_attempts": 1}) as at:
        await at.misbehave("D9")
        await at.send()
        await at.settle(lambda: _are_final_unheard(at))
        await at.settle(lambda: _were_refused(at))
        assert await at.database.value("SELECT count(*) FROM report_page") == 0
        assert await at.database.states() == {"sent": RECIPIENTS}


async def _were_refused(at: Lab) -> bool:
    return at.simulator.summary.reports_failed == RECIPIENTS
