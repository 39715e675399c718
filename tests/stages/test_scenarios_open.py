"""Where nobody knows how the provider really behaves both readings work; and answers that are slow, cut, or too many."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

import pytest

from tests.e2e.evidence import numbers
from tests.e2e.inside import BATCH, RECIPIENTS, Lab, lab

PROMISED = numbers(RECIPIENTS)
FINALS = ("delivered", "undelivered", "expired")


class OpenLab(Protocol):
    """Makes a laboratory on this test's own database."""

    def __call__(self, *, simulated: dict[str, object] | None = None, **changes: str) -> AbstractAsyncContextManager[Lab]:
        """Settings by name."""


@pytest.fixture
def open_lab(dsn: str, valkey_url: str, tmp_path: Path) -> OpenLab:
    """Lend the maker."""
    return lambda **given: lab(dsn, valkey_url, tmp_path, **given)


async def finals(at: Lab) -> int:
    """Send a campaign to its end; how many messages the provider had the last word on."""
    await at.send()
    await at.settle()
    await at.verify(PROMISED)
    states = await at.database.states()
    return sum(states.get(state, 0) for state in FINALS)


READINGS: dict[str, dict[str, object]] = {
    "reports in arrays": {"report_shape": "array"},
    "reports one by one": {"report_shape": "object"},
    "reports as forms": {"report_shape": "form"},
    "reports as queries": {"report_shape": "query"},
    "reports with the reference": {"report_reference": True},
    "reports without the reference": {"report_reference": False},
    "reports with the recipient": {"report_recipient": True},
    "reports without the recipient": {"report_recipient": False},
    "reports with a word in between": {"intermediate": True},
    "found at once": {"early_404_s": 0.0},
    "not found for a while": {"early_404_s": 0.5},
    "a foreign account is 400": {"foreign_account_status": 400},
}


@pytest.mark.parametrize("reading", READINGS)
async def test_both_readings(open_lab: OpenLab, reading: str) -> None:
    """H1 as each reading of the provider's documents has it: every message gets its one final state."""
    async with open_lab(simulated=READINGS[reading]) as at:
        assert await finals(at) == RECIPIENTS


@pytest.mark.parametrize("status", [400, 403])
async def test_a_foreign_account(open_lab: OpenLab, status: int) -> None:
    """A2: a traffic account that the key may not use is held under either status, and nothing is final or lost."""
    foreign = "00000000-0000-4000-8000-00000000000f"
    async with open_lab(simulated={"foreign_account_status": status}, MITTO_TRAFFIC_ACCOUNT_ID=foreign) as at:
        await at.send()

        async def is_held() -> bool:
            return await at.database.value("SELECT bool_or(held_until > now()) FROM account WHERE account_id = $1", foreign)

        await at.settle(is_held)
        assert await at.database.states() == {"queued": RECIPIENTS}
        assert at.simulator.summary.accepted == 0


@pytest.mark.parametrize("attempts", [1, 8])
async def test_the_receiver_fails(open_lab: OpenLab, attempts: int) -> None:
    """D12: reports that could not be stored are refused; repeated they apply once, and not repeated nothing is wrong."""
    async with open_lab(simulated={"report_attempts": attempts, "report_delay_ms": 300.0}) as at:
        await at.send()
        async with at.database.locked("report_page"):
            await at.settle(lambda: _are_final(at))
            await at.database.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE query ILIKE '%INTO report_page%' AND pid <> pg_backend_pid()"
            )
        await at.settle(lambda: _are_told(at))
        await at.settle(at.database.is_settled if attempts > 1 else at.database.is_sent)
        await at.verify(PROMISED)


async def _are_final(at: Lab) -> bool:
    return at.simulator.summary.finals.total() == RECIPIENTS


async def _are_told(at: Lab) -> bool:
    """Whether every report was stored, or was given up by the provider."""
    reports = at.simulator.summary.render()["reports"]
    waits = await at.database.value("SELECT count(*) FROM report_page WHERE applied_at IS NULL")
    return reports["sent"] + reports["failed"] >= RECIPIENTS and waits == 0


async def test_a_burst_of_reports(open_lab: OpenLab) -> None:
    """D11: every report in a request of its own, all in one moment, many at a time."""
    burst = {"report_shape": "object", "report_delay_ms": 400.0, "report_jitter_ms": 0.0, "report_concurrency": 50}
    async with open_lab(simulated=burst) as at:
        assert await finals(at) == RECIPIENTS


async def test_some_reports_never_come(open_lab: OpenLab) -> None:
    """D10: what the provider keeps silent about stays sent, all else is final."""
    async with open_lab(simulated={"no_report": 0.3}) as at:
        await at.send()
        await at.settle(lambda: _are_final(at))
        await at.settle(at.database.is_sent)

        async def are_applied() -> bool:
            states = await at.database.states()
            silent = at.simulator.summary.accepted - at.simulator.summary.reports_sent
            return states.get("sent", 0) == silent

        await at.settle(are_applied)
        assert (await at.database.states())["sent"] > 0
        await at.verify(PROMISED)


async def test_accepted_and_failed_later(open_lab: OpenLab) -> None:
    """S1: an accepted message that fails afterwards is undelivered, with the provider's reason."""
    async with open_lab() as at:
        await at.misbehave("S1")
        assert await finals(at) == RECIPIENTS
        assert await at.database.states() == {"undelivered": RECIPIENTS}


@pytest.mark.parametrize("kind", ["html", "empty", "wrong_type", "not_json"])
async def test_a_strange_body(open_lab: OpenLab, kind: str) -> None:
    """E3: a page, nothing, or another type where the answer should be: taken as one, or unknown; never sent again."""
    async with open_lab() as at:
        await at.misbehave("E3", kind=kind, next=1)
        await at.send()
        await at.settle()
        await at.verify(PROMISED)
        assert (await at.database.states()).get("unknown", 0) in (0, BATCH)
        assert at.simulator.summary.accepted == RECIPIENTS


@pytest.mark.parametrize("kind", ["body", "headers"])
async def test_an_answer_in_drops(open_lab: OpenLab, kind: str) -> None:
    """T6: an answer that comes byte by byte for longer than the deadline ends with it, as unknown."""
    async with open_lab(PENSTOCK_MITTO__TIMEOUT="1500ms") as at:
        await at.misbehave("T6", kind=kind, gap_s=0.1, next=1)
        await at.send()
        await at.settle()
        await at.verify(PROMISED)
        assert (await at.database.states()).get("unknown", 0) <= BATCH
        assert await at.database.value("SELECT count(*) FROM attempt WHERE detail = 'timeout'") == 1
        assert at.simulator.summary.accepted == RECIPIENTS


@pytest.mark.parametrize("is_accepted", [False, True])
async def test_a_connection_closes_on_reuse(open_lab: OpenLab, is_accepted: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """T7: a kept-alive connection that ends under a request is not written to again behind our back."""
    async with open_lab(PENSTOCK_DISPATCH__IN_FLIGHT="1") as at:
        await at.misbehave("T7", accepted=is_accepted, next=1)
        await at.send()
        await at.settle()
        await at.verify(PROMISED)
        unknown = (await at.database.states()).get("unknown", 0)
        assert unknown <= BATCH
        assert at.simulator.summary.accepted == RECIPIENTS - (0 if is_accepted else unknown)


async def test_a_provider_with_a_limit(open_lab: OpenLab) -> None:
    """L2: a provider that throttles by requests and messages gets everything in the end, once."""
    async with open_lab() as at:
        await at.misbehave("L2", requests_per_s=5.0, messages_per_s=200.0)
        assert await finals(at) == RECIPIENTS
