"""Unknown outcomes, resolved by evidence, on the real stages and a real simulator: under both readings of what it may do."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

import pytest

from tests.e2e.evidence import numbers
from tests.e2e.inside import BATCH, RECIPIENTS, Lab, lab

PROMISED = numbers(RECIPIENTS)
ASKING = {"PENSTOCK_LOOK_UP__PER_S": "500", "PENSTOCK_LOOK_UP__AFTER": "50ms"}


class OpenLab(Protocol):
    """Makes a laboratory on this test's own database."""

    def __call__(self, *, simulated: dict[str, object] | None = None, **changes: str) -> AbstractAsyncContextManager[Lab]:
        """Settings by name."""


@pytest.fixture
def open_lab(dsn: str, valkey_url: str, tmp_path: Path) -> OpenLab:
    """Lend the maker of laboratories that ask."""
    return lambda **given: lab(dsn, valkey_url, tmp_path, **{**ASKING, **given})


async def is_known(at: Lab) -> bool:
    """Whether nothing is unknown and everything has its end."""
    return not (await at.database.states()).get("unknown") and await at.database.is_settled()


async def is_complete(at: Lab, campaign: str) -> bool:
    """Whether the campaign has ended."""
    return (await at.client.get_campaign(campaign)).state == "completed"


ACCEPTED_UNSEEN = [
    ("T3", {"accepted": True}),
    ("T4", {}),
    ("T5", {"kind": "length"}),
    ("T5", {"kind": "json_prefix"}),
    ("E2", {"status": 502}),
]


@pytest.mark.parametrize(("scenario", "parameters"), ACCEPTED_UNSEEN, ids=str)
@pytest.mark.parametrize("early_404_s", [0.0, 0.4])
async def test_what_was_accepted_is_found(
    open_lab: OpenLab, scenario: str, parameters: dict[str, object], early_404_s: float
) -> None:
    """T3, T4, T5, E2: the reports of a batch whose answer was lost lead to its messages, also where GET shows them late."""
    async with open_lab(simulated={"early_404_s": early_404_s}) as at:
        await at.misbehave(scenario, next=1, **parameters)
        campaign = await at.send()
        await at.settle(lambda: is_known(at))
        await at.settle(lambda: is_complete(at, campaign))
        await at.verify(PROMISED)
        assert await at.database.value("SELECT count(*) FROM look_up WHERE kind = 'unknown' AND result = 'matched'") == BATCH
        assert await at.database.value("SELECT count(*) FROM parked_report") == 0


@pytest.mark.parametrize("kind", ["start", "end"])
async def test_readable_ids_are_evidence_without_any_report(open_lab: OpenLab, kind: str) -> None:
    """P2 without reports: the ids of an answer that is too short are looked up; the message without one stays unknown."""
    async with open_lab(simulated={"no_report": 1.0}) as at:
        await at.misbehave("P2", next=1, where=kind)
        await at.send()
        await at.settle(lambda: _is_left(at, 1))
        books = await at.verify(PROMISED)
        assert await at.database.value("SELECT count(*) FROM batch WHERE state = 'unknown'") == 1
        assert sum(message.state == "unknown" for message in books.messages) == 1


async def _is_left(at: Lab, unknown: int) -> bool:
    return await at.database.is_sent() and (await at.database.states()).get("unknown", 0) == unknown


async def test_what_was_not_accepted_stays_unknown(open_lab: OpenLab) -> None:
    """C1: of a request that was accepted in part that part is found; of the rest nothing is proven, nothing is sent again."""
    async with open_lab() as at:
        await at.misbehave("C1", next=1, keep=0.5)
        await at.send()
        await at.settle(lambda: _is_left(at, BATCH // 2))
        await at.settle(lambda: _is_all_reported(at, RECIPIENTS - BATCH // 2))
        await at.verify(PROMISED)
        assert await at.database.value("SELECT state::text FROM attempt WHERE state = 'unknown'") == "unknown"


async def _is_all_reported(at: Lab, messages: int) -> bool:
    states = await at.database.states()
    return states.get("delivered", 0) + states.get("undelivered", 0) == messages


async def test_reports_before_the_answer_are_no_evidence(open_lab: OpenLab) -> None:
    """D4: reports that overtake an answer that comes wait for it; nothing is asked about them but the samples."""
    async with open_lab(PENSTOCK_LOOK_UP__AFTER="1s") as at:
        await at.misbehave("D4")
        await at.send()
        await at.settle()
        await at.verify(PROMISED)
        assert await at.database.value("SELECT count(*) FROM look_up WHERE kind = 'unknown'") == 0


async def test_reports_of_strangers_are_not_asked_about(open_lab: OpenLab) -> None:
    """D5 beside an unknown batch: an id that is none of the time of the batch, or no id at all, costs no question."""
    async with open_lab() as at:
        await at.misbehave("T3", next=1, accepted=False)
        await at.misbehave("D5")
        await at.send()
        await at.settle(lambda: _is_left(at, BATCH))
        await at.verify(PROMISED)
        assert await at.database.value("SELECT count(*) FROM look_up WHERE provider_id LIKE 'not-an-id%'") == 0


@pytest.mark.parametrize("kind", ["missing", "too_many", "error"])
async def test_look_ups_that_fail_are_repeated(open_lab: OpenLab, kind: str) -> None:
    """S2: a look-up that is answered 404, 429 or 500 says nothing, and a later one finds the message."""
    async with open_lab() as at:
        await at.misbehave("T4", next=1)
        await at.misbehave("S2", kind=kind, next=3)
        await at.send()
        await at.settle(lambda: is_known(at))
        await at.verify(PROMISED)


@pytest.mark.parametrize("references", ["0", "1"])
async def test_twin_campaigns_at_the_same_time(open_lab: OpenLab, references: str) -> None:
    """T4 for two campaigns with the same texts to the same numbers: with references each is found, without none is guessed."""
    async with open_lab(PENSTOCK_MITTO__REFERENCE=references, PENSTOCK_DISPATCH__IN_FLIGHT="1") as at:
        await at.misbehave("T4", next=2)
        first, second = await at.send(BATCH), await at.send(BATCH)
        for campaign in (first, second):
            await at.settle(lambda: _is_looked_at(at, 2 * BATCH))
            counts = (await at.client.get_campaign(campaign)).counts
            assert (counts.unknown, counts.received) == (0 if references == "1" else BATCH, BATCH)


async def _is_looked_at(at: Lab, ids: int) -> bool:
    await at.database.release()
    return await at.database.value("SELECT count(*) = $1 FROM look_up WHERE kind = 'unknown' AND due_at IS NULL", ids)


@pytest.mark.parametrize("how", ["reversed", "shuffled"])
async def test_an_answer_in_another_order_stops_the_account(open_lab: OpenLab, how: str) -> None:
    """P4: nothing shows at once; the samples do, the account is held until somebody has looked, and the batch is named."""
    async with open_lab() as at:
        await at.misbehave("P4", how=how, next=1)
        await at.send()

        async def is_held() -> bool:
            return await at.database.value("SELECT held_until > now() + interval '1 year' FROM account")

        await at.settle(is_held)
        assert await at.database.value("SELECT held_reason FROM account") == "answer_out_of_order"
        assert await at.database.value("SELECT count(*) FROM attempt WHERE mapping = 'contradicted'") == 1


NAMING: list[dict[str, object]] = [
    {"report_recipient": True, "report_delay_ms": 300.0, "report_shape": shape, "report_keys": keys}
    for shape, keys in (("array", "messaging"), ("object", "fallback"), ("form", "classic"))
]


@pytest.mark.parametrize("how", ["reversed", "shuffled", None])
@pytest.mark.parametrize("simulated", NAMING, ids=lambda simulated: simulated["report_shape"])
async def test_reports_prove_the_order_without_a_question(
    open_lab: OpenLab, simulated: dict[str, object], how: str | None
) -> None:
    """P4 and H1 where reports name the recipient and nothing may be asked: they stop the account, or confirm what is right."""
    wanted = "contradicted" if how else "confirmed"
    async with open_lab(simulated=simulated, PENSTOCK_LOOK_UP__PER_S="0") as at:
        if how:
            await at.misbehave("P4", how=how)
        await at.send()

        async def is_proven() -> bool:
            return await at.database.value("SELECT bool_or(mapping = $1) FROM attempt", wanted)

        await at.settle(is_proven)
        mappings = {row[0] for row in await at.database.fetch("SELECT mapping FROM attempt WHERE mapping IS NOT NULL")}
        # Of a batch that was shuffled a message may have stayed in its place, and be the one that is heard of.
        assert mappings - ({"confirmed"} if how == "shuffled" else set()) == {wanted}
        held = await at.database.value("SELECT held_until > now() + interval '1 year' FROM account")
        assert bool(held) is bool(how)


async def test_answers_in_order_are_confirmed(open_lab: OpenLab) -> None:
    """H1: every batch is proven by its samples, and no account is held."""
    async with open_lab() as at:
        await at.send()

        async def are_confirmed() -> bool:
            return await at.database.value("SELECT bool_and(mapping = 'confirmed') FROM attempt")

        await at.settle()
        await at.settle(are_confirmed)
        assert await at.database.value("SELECT held_reason FROM account") is None


@pytest.mark.parametrize("scenario", ["D10", "S1"])
async def test_silent_messages_are_asked_about(open_lab: OpenLab, scenario: str) -> None:
    """D10, and S1 without reports: before the report window closes each silent message gets its end by one look-up."""
    async with open_lab(simulated={"no_report": 1.0}, PENSTOCK_REPORT_WINDOW="6s") as at:
        await at.misbehave(scenario)
        campaign = await at.send()
        await at.settle(lambda: is_complete(at, campaign))
        counts = (await at.client.get_campaign(campaign)).counts
        assert counts.delivered + counts.undelivered == RECIPIENTS
        assert scenario == "D10" or counts.undelivered == RECIPIENTS
        await at.verify(PROMISED)
        assert await at.database.value("SELECT count(*) FROM look_up WHERE kind = 'silent'") == RECIPIENTS


async def test_a_failure_after_acceptance_is_known_from_its_report(open_lab: OpenLab) -> None:
    """S1: a message of an unknown batch that failed later is found, and its failure with the provider's words is on record."""
    async with open_lab() as at:
        await at.misbehave("T4", next=1)
        await at.misbehave("S1")
        await at.send()
        await at.settle(lambda: is_known(at))
        await at.verify(PROMISED)
        assert await at.database.states() == {"undelivered": RECIPIENTS}
        assert await at.database.fetch("SELECT DISTINCT error FROM message") == [("Insufficient balance",)]
