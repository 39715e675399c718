"""Samples that prove the order of answers, and silent messages that are asked about."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from penstock.domain.order import Mapping
from penstock.providers.mitto.message import read_shown
from penstock.reconcile.order import HELD_REASON, OrderJudge, queue_samples
from penstock.reconcile.witness import PAUSE_S, Witness
from penstock.store import accounts, samples
from penstock.store.pool import Store
from tests.builders import CountingStore, make_campaign
from tests.teller import Inquiry

MAPPING = "SELECT mapping FROM attempt"


@pytest.fixture
def inquiry(store: Store, tmp_path: Path) -> Inquiry:
    """Everything that sends and asks."""
    return Inquiry(store, tmp_path)


async def held_reason(store: Store) -> str | None:
    """Why the account sends nothing, if it does not."""
    async with store.engine() as connection:
        (account,) = await accounts.list_accounts(connection)
    return account.held_reason


class TestOrder:
    """Whether an answer is in the order of its request."""

    async def test_an_ordered_answer_is_confirmed(self, store: Store, inquiry: Inquiry) -> None:
        """Two messages of the batch are looked up once, and nothing else happens."""
        scene = await make_campaign(store, 10)
        await inquiry.send()
        await inquiry.sample(0.0, 0.99)
        await inquiry.sample()
        assert await scene.column(MAPPING) == ["confirmed"]
        first, *_, last = inquiry.teller.messages
        assert inquiry.teller.asked == [first, last]
        assert await held_reason(store) is None

    async def test_another_order_stops_the_account(self, store: Store, inquiry: Inquiry) -> None:
        """The batch is flagged, the account sends nothing more until it is released, and the metric rises."""
        scene = await make_campaign(store, 10)
        inquiry.says(inquiry.teller.reverse)
        await inquiry.send()
        await inquiry.sample(0.3, 0.3)
        assert (await scene.column(MAPPING), await held_reason(store)) == (["contradicted"], HELD_REASON)
        await make_campaign(store, 3, first=100)
        await inquiry.rig.drain()
        assert len(inquiry.teller.bodies) == 1
        assert inquiry.metrics.registry.get_sample_value("penstock_order_checks_total", {"result": "contradicted"}) == 2

    async def test_one_message_has_no_order(self, store: Store, inquiry: Inquiry) -> None:
        """A batch of one is not asked about."""
        await make_campaign(store, 1)
        await inquiry.send()
        await inquiry.sample()
        assert inquiry.teller.asked == []

    async def test_left_out_messages_are_no_samples(self, store: Store, inquiry: Inquiry) -> None:
        """Positions are those of the request, not of the range it was cut from."""
        scene = await make_campaign(store, 4)
        await scene.execute(
            "INSERT INTO opt_out (tenant_id, msisdn, source) SELECT 1, msisdn, 'test' FROM message WHERE seq < 2"
        )
        await inquiry.send()
        await inquiry.sample(0.0, 0.0)
        assert (await scene.column(MAPPING), await inquiry.results()) == (
            ["confirmed"],
            dict.fromkeys(inquiry.teller.messages, "matched"),
        )

    async def test_a_provider_that_names_nobody_proves_nothing(self, store: Store, inquiry: Inquiry) -> None:
        """Without a number in what is shown the order is unproven, and no account is stopped for that."""
        scene = await make_campaign(store, 4)
        await inquiry.send()
        for message in inquiry.teller.messages.values():
            message.pop("conversation")
        await inquiry.sample(0.0, 0.5)
        assert (await scene.column(MAPPING), await held_reason(store)) == (["unproven"], None)

    async def test_a_number_of_nobody_is_no_contradiction(self, store: Store, inquiry: Inquiry) -> None:
        """A number in another form, or of somebody else, is no recipient of the batch: no account is stopped for that."""
        scene = await make_campaign(store, 4)
        await inquiry.send()
        for message in inquiry.teller.messages.values():
            message["conversation"] = {"participants": ["0151 00000000", "4930555555"]}
        await inquiry.sample(0.0, 0.5)
        assert (await scene.column(MAPPING), await held_reason(store)) == (["unproven"], None)

    async def test_a_sample_that_shows_nothing_takes_nothing_back(self, store: Store, inquiry: Inquiry) -> None:
        """One sample that agrees proves the batch, also where the other shows nobody."""
        scene = await make_campaign(store, 4)
        await inquiry.send()
        list(inquiry.teller.messages.values())[3].pop("conversation")
        await inquiry.sample(0.0, 0.99)
        assert await scene.column(MAPPING) == ["confirmed"]

    @pytest.mark.parametrize(("shown", "result"), [("same", "returned"), (None, "missing"), ("elsewhere", "other")])
    async def test_it_is_counted_whether_references_come_back(
        self, store: Store, inquiry: Inquiry, shown: str | None, result: str
    ) -> None:
        """Whether the provider shows what it was sent as reference is seen from the samples."""
        inquiry.rig.claimer._references = True
        await make_campaign(store, 2)
        await inquiry.send()
        for message in inquiry.teller.messages.values():
            message["reference"] = message["reference"] if shown == "same" else shown
        await inquiry.sample(0.0, 0.0)
        assert inquiry.metrics.registry.get_sample_value("penstock_references_total", {"result": result}) == 2


class TestReports:
    """Reports that name whom they are about."""

    async def test_they_prove_an_ordered_answer_without_a_question(self, store: Store, inquiry: Inquiry) -> None:
        """The batch is confirmed, its samples are dropped from the queue, and none is chosen afterwards."""
        scene = await make_campaign(store, 10)
        await inquiry.send()
        await queue_samples(store, lambda: 0.5, timedelta(hours=1))
        assert list((await inquiry.results()).values()) == [None, None]
        await inquiry.take(inquiry.teller.messages.values())
        assert (await scene.column(MAPPING), await inquiry.results()) == (["confirmed"], {})
        await inquiry.sample(0.0, 0.0)
        assert (inquiry.teller.asked, await held_reason(store)) == ([], None)

    async def test_they_stop_the_account_of_an_answer_in_another_order(self, store: Store, inquiry: Inquiry) -> None:
        """The batch is flagged, the account sends nothing more, and the metric rises, all as after a look-up."""
        scene = await make_campaign(store, 10)
        inquiry.says(inquiry.teller.reverse)
        await inquiry.send()
        await inquiry.take(inquiry.teller.messages.values())
        assert (await scene.column(MAPPING), await held_reason(store)) == (["contradicted"], HELD_REASON)
        assert inquiry.metrics.registry.get_sample_value("penstock_order_checks_total", {"result": "contradicted"}) == 1
        await make_campaign(store, 3, first=100)
        await inquiry.rig.drain()
        assert len(inquiry.teller.bodies) == 1

    async def test_a_late_contradiction_outdoes_what_was_confirmed(self, store: Store, inquiry: Inquiry) -> None:
        """Two swapped messages among many that are right: whichever report comes last, the batch ends contradicted."""
        scene = await make_campaign(store, 6)
        await inquiry.send()
        *rightful, fifth, sixth = inquiry.teller.messages.values()
        fifth["conversation"], sixth["conversation"] = sixth["conversation"], fifth["conversation"]
        await inquiry.take(rightful)
        assert (await scene.column(MAPPING), await held_reason(store)) == (["confirmed"], None)
        await inquiry.take([fifth])
        assert (await scene.column(MAPPING), await held_reason(store)) == (["contradicted"], HELD_REASON)
        await inquiry.take(rightful)
        assert await scene.column(MAPPING) == ["contradicted"]

    async def test_each_batch_is_judged_by_its_own_reports(self, store: Store, inquiry: Inquiry) -> None:
        """Of two batches in one flush one is confirmed, the other contradicted."""
        scene = await make_campaign(store, 4)
        other = await make_campaign(store, 4, first=100)
        inquiry.says(inquiry.teller.reverse, inquiry.teller.accept)
        await inquiry.send()
        await inquiry.take(inquiry.teller.messages.values())
        mapping = "SELECT mapping FROM attempt WHERE campaign_id = $1"
        judged = [await scene.column(mapping, one.campaign_id) for one in (scene, other)]
        assert sorted(judged) == [["confirmed"], ["contradicted"]]

    @pytest.mark.parametrize("conversation", [None, {"participants": ["4930555555"]}])
    async def test_what_names_no_recipient_leaves_the_proof_to_the_samples(
        self, store: Store, inquiry: Inquiry, conversation: object
    ) -> None:
        """Reports about nobody, or about strangers, change nothing: the batch is sampled and looked up as ever."""
        scene = await make_campaign(store, 4)
        await inquiry.send()
        await inquiry.take({**message, "conversation": conversation} for message in inquiry.teller.messages.values())
        assert (await scene.column(MAPPING), await held_reason(store)) == ([None], None)
        await inquiry.sample(0.0, 0.5)
        assert (await scene.column(MAPPING), len(inquiry.teller.asked)) == (["confirmed"], 2)

    async def test_samples_that_are_chosen_late_take_nothing_back(self, store: Store, inquiry: Inquiry) -> None:
        """A batch that was confirmed while its samples were being chosen stays so, and they are not asked about."""
        scene = await make_campaign(store, 4)
        await inquiry.send()
        (attempt_id,) = await scene.column("SELECT attempt_id FROM attempt")
        async with store.engine() as connection:
            assert await samples.note_mapping(connection, [attempt_id], Mapping.CONFIRMED) == {attempt_id}
            assert await samples.note_mapping(connection, [attempt_id], Mapping.SAMPLED) == set()
        assert await scene.column(MAPPING) == ["confirmed"]

    async def test_one_statement_a_moment_hears_what_is_no_news(self, store: Store, inquiry: Inquiry) -> None:
        """However many reports come in: of batches that are proven one statement asks now and then, and nothing is written."""
        await make_campaign(store, 200)
        await inquiry.send()
        await inquiry.take(inquiry.teller.messages.values())
        counting = CountingStore.of(store)
        witness = Witness(counting, read_shown, OrderJudge(inquiry.metrics), inquiry.clock)
        lines = b"".join(json.dumps(one).encode() + b"\n" for one in inquiry.teller.messages.values())
        for passed_s in (0, PAUSE_S / 3, PAUSE_S / 3, PAUSE_S):
            inquiry.clock.added_s += passed_s
            await witness.hear(lines)
        assert len(counting.statements) == 2


class TestSilence:
    """What was sent and never reported."""

    async def test_a_silent_message_gets_its_end_by_a_question(self, store: Store, inquiry: Inquiry) -> None:
        """Messages of which no report came are found to be delivered or failed; only the silent ones are asked about."""
        scene = await make_campaign(store, 4)
        await inquiry.send()
        ids = list(inquiry.teller.messages)
        await inquiry.report("Delivered", ids[0])
        inquiry.teller.messages[ids[1]]["deliveryStatus"] = "Delivered"
        inquiry.teller.messages[ids[2]] |= {"deliveryStatus": "Failure", "description": "Insufficient balance"}
        await inquiry.ask_about_silence()
        await inquiry.apply()
        assert await scene.states() == {"delivered": 2, "undelivered": 1, "sent": 1}
        assert await scene.column("SELECT error FROM message WHERE state = 'undelivered'") == ["Insufficient balance"]
        assert sorted(inquiry.teller.asked) == sorted(ids[1:])

    async def test_a_message_is_asked_about_once(self, store: Store, inquiry: Inquiry) -> None:
        """What is still under way then stays sent, and a status that goes backwards moves nothing."""
        scene = await make_campaign(store, 2)
        await inquiry.send()
        first, second = inquiry.teller.messages.values()
        first["deliveryStatus"], second["deliveryStatus"] = "Pending", "Teleported"
        await inquiry.ask_about_silence()
        await inquiry.ask_about_silence()
        await inquiry.apply()
        assert (await scene.states(), len(inquiry.teller.asked)) == ({"sent": 2}, 2)

    async def test_found_messages_of_an_unknown_batch_are_asked_about_too(self, store: Store, inquiry: Inquiry) -> None:
        """A message that was found to be sent is as silent as any other."""
        scene = await make_campaign(store, 2)
        inquiry.says(inquiry.teller.swallow)
        await inquiry.send()
        ids = list(inquiry.teller.messages)
        await scene.execute("UPDATE attempt SET hints = $1", ids[:1])
        await inquiry.ask()
        assert await scene.states() == {"sent": 1, "unknown": 1}
        inquiry.teller.messages[ids[0]]["deliveryStatus"] = "Delivered"
        await inquiry.ask_about_silence()
        await inquiry.apply()
        assert await scene.states() == {"delivered": 1, "unknown": 1}
