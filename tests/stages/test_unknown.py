"""Unknown messages and what settles them: evidence one by one, an operator's word, a campaign's own wish."""

from pathlib import Path

import pytest

from penstock.domain.errors import NotFoundError, StateConflictError
from penstock.domain.ids import BatchId
from penstock.domain.outcome import Accepted, Held
from penstock.providers.port import Answered, Disconnected
from penstock.reconcile.completion import complete_campaigns
from penstock.reconcile.resend import resend_unknown
from penstock.reconcile.resolve import Claim, resolve_batch
from penstock.store import attempts, campaigns
from penstock.store.pool import Store
from tests.builders import Scene, make_campaign, number
from tests.teller import Inquiry

BATCHES = "SELECT state::text FROM batch ORDER BY first_seq"
ATTEMPTS = "SELECT state::text FROM attempt ORDER BY started_at"
NOT_NEVER = 600


@pytest.fixture
def inquiry(store: Store, tmp_path: Path) -> Inquiry:
    """Everything that sends and asks."""
    return Inquiry(store, tmp_path)


async def lose(inquiry: Inquiry, store: Store, recipients: int = 5, **fields: object) -> tuple[Scene, list[str]]:
    """A campaign that was accepted without an answer, and the ids that nobody was told."""
    scene = await make_campaign(store, recipients, **fields)
    inquiry.says(inquiry.teller.swallow)
    await inquiry.send()
    await scene.release_account()
    await scene.execute("UPDATE attempt SET lease_until = clock_timestamp() WHERE state = 'unknown'")
    return scene, list(inquiry.teller.messages)


async def attempt_of(scene: Scene) -> attempts.Attempt:
    """Its first attempt."""
    (first, *_) = await scene.column("SELECT attempt_id FROM attempt ORDER BY started_at")
    async with scene.store.engine() as connection:
        found = await attempts.find_attempt(connection, first)
    assert found is not None
    return found


class TestEvidence:
    """What look-ups prove."""

    async def test_a_parked_report_finds_its_message_and_no_other(self, store: Store, inquiry: Inquiry) -> None:
        """The one message that the evidence is about is settled and gets its report; the others stay unknown, the batch too."""
        scene, ids = await lose(inquiry, store)
        await inquiry.report("Delivered", ids[3])
        await inquiry.ask()
        assert await scene.states() == {"unknown": 4, "sent": 1}
        await inquiry.apply()
        assert await scene.states() == {"unknown": 4, "delivered": 1}
        assert await scene.column("SELECT seq FROM message WHERE provider_id = $1", ids[3]) == [3]
        assert await scene.column(BATCHES) == ["unknown"]

    async def test_when_all_is_found_the_campaign_can_end(self, store: Store, inquiry: Inquiry) -> None:
        """The last message that is found settles the batch; with its reports the campaign completes."""
        scene, ids = await lose(inquiry, store)
        await inquiry.report("Delivered", *ids)
        await inquiry.ask()
        await inquiry.apply()
        assert (await scene.states(), await scene.column(BATCHES)) == ({"delivered": 5}, ["settled"])
        await complete_campaigns(store)
        assert await scene.column("SELECT state::text FROM campaign") == ["completed"]
        assert await scene.column("SELECT mapping FROM attempt") == ["confirmed"]

    async def test_a_message_that_has_ended_by_then_needs_no_report(self, store: Store, inquiry: Inquiry) -> None:
        """What the look-up itself says about the end is applied like a report."""
        scene, ids = await lose(inquiry, store)
        inquiry.teller.messages[ids[0]] |= {"deliveryStatus": "Failure", "description": "Absent subscriber"}
        await inquiry.report("Teleported", ids[0])
        await scene.execute("UPDATE attempt SET hints = $1", ids[:1])
        await inquiry.ask()
        await inquiry.apply()
        assert await scene.states() == {"unknown": 4, "undelivered": 1}
        assert await scene.column("SELECT error FROM message WHERE seq = 0") == ["Absent subscriber"]

    async def test_twins_stay_unknown_without_a_reference(self, store: Store, inquiry: Inquiry) -> None:
        """The same text to the same number in two campaigns at once: no id proves either, and both are shown."""
        first, _ = await lose(inquiry, store, 1)
        second, ids = await lose(inquiry, store, 1)
        await inquiry.report("Delivered", *ids)
        await inquiry.ask()
        assert (await first.states(), await second.states()) == ({"unknown": 1}, {"unknown": 1})
        assert set((await inquiry.results()).values()) == {"ambiguous"}

    async def test_references_tell_twins_apart(self, store: Store, inquiry: Inquiry) -> None:
        """Where the provider shows our reference, each id leads to its own message."""
        inquiry.rig.claimer._references = True
        first, _ = await lose(inquiry, store, 1)
        second, ids = await lose(inquiry, store, 1)
        await inquiry.report("Delivered", ids[1])
        await inquiry.ask()
        await inquiry.apply()
        assert (await first.states(), await second.states()) == ({"unknown": 1}, {"delivered": 1})

    async def test_another_text_or_time_is_no_evidence(self, store: Store, inquiry: Inquiry) -> None:
        """A message of somebody else to the same number, and one of before the attempt, settle nothing."""
        scene, ids = await lose(inquiry, store, 2)
        inquiry.teller.messages[ids[0]]["requestInfo"]["sms"]["text"] = "Something else"
        await scene.execute(
            "UPDATE attempt SET started_at = started_at + interval '1 hour', lease_until = now() + interval '2 hours'"
        )
        await scene.execute("UPDATE attempt SET hints = $1", ids)
        await inquiry.report("Delivered", *ids)
        await inquiry.ask()
        assert await scene.states() == {"unknown": 2}
        assert set((await inquiry.results()).values()) == {"nothing"}

    async def test_an_id_of_another_message_settles_nothing(self, store: Store, inquiry: Inquiry) -> None:
        """An id that the books already give to another message is a contradiction, not evidence."""
        other = await make_campaign(store, 1, first=100)
        await inquiry.send()
        (known,) = inquiry.teller.messages
        scene, ids = await lose(inquiry, store, 1)
        inquiry.teller.messages[known] = inquiry.teller.messages[ids[1]] | {"messageId": known}
        await scene.execute("UPDATE attempt SET hints = $1 WHERE state = 'unknown'", [known])
        await inquiry.ask()
        assert (await scene.states(), await other.states()) == ({"unknown": 1}, {"sent": 1})
        assert (await inquiry.results())[known] == "contradicted"

    async def test_what_cannot_be_rendered_again_proves_nothing(self, store: Store, inquiry: Inquiry) -> None:
        """A damaged payload, or one of another codec, stops nothing: its messages stay unknown."""
        damaged, _ = await lose(inquiry, store, 1)
        foreign, ids = await lose(inquiry, store, 1, first=50)
        await damaged.execute("UPDATE chunk SET payload = 'x' WHERE campaign_id = $1", damaged.campaign_id)
        await foreign.execute("UPDATE attempt SET codec = 99 WHERE campaign_id = $1", foreign.campaign_id)
        await inquiry.report("Delivered", *ids)
        await inquiry.ask()
        assert (await damaged.states(), await foreign.states()) == ({"unknown": 1}, {"unknown": 1})
        assert set((await inquiry.results()).values()) == {"nothing"}

    async def test_numbers_that_are_not_indexed_yet_are_waited_for(self, store: Store, inquiry: Inquiry) -> None:
        """While a message cannot be found by its number, its evidence is asked for again instead of being dropped."""
        scene, ids = await lose(inquiry, store, 1)
        await scene.execute("DELETE FROM number_index")
        await scene.execute("UPDATE chunk SET is_indexed = false")
        await inquiry.report("Delivered", *ids)
        await inquiry.ask()
        assert await inquiry.results() == {ids[0]: None}
        await inquiry.send()
        await inquiry.make_due()
        await inquiry.ask()
        assert await scene.states() == {"sent": 1}

    async def test_evidence_is_looked_at_again_for_an_attempt_that_is_given_up_later(
        self, store: Store, inquiry: Inquiry
    ) -> None:
        """An id that fitted nothing while its attempt was open fits once that one is unknown, too."""
        first, _ = await lose(inquiry, store, 1)
        second, ids = await lose(inquiry, store, 1, text="Bye {name}")
        await second.execute("UPDATE attempt SET state = 'open' WHERE campaign_id = $1", second.campaign_id)
        await inquiry.report("Delivered", ids[1])
        await inquiry.ask()
        assert await inquiry.results() == {ids[1]: "nothing"}
        await second.execute("UPDATE attempt SET state = 'unknown', closed_at = clock_timestamp() WHERE state = 'open'")
        await inquiry.ask()
        await inquiry.apply()
        assert (await first.states(), await second.states()) == ({"unknown": 1}, {"delivered": 1})

    async def test_a_late_answer_settles_what_evidence_has_not(self, store: Store, inquiry: Inquiry) -> None:
        """Found one by one or told at once: an answer that comes after all settles the rest, and no message counts twice."""
        scene, ids = await lose(inquiry, store)
        await inquiry.report("Delivered", ids[2])
        await inquiry.ask()
        await inquiry.rig.dispatcher._parts.settler.settle(await attempt_of(scene), Accepted(range(5), ids))
        await inquiry.apply()
        assert (await scene.states(), await scene.column(BATCHES)) == ({"sent": 4, "delivered": 1}, ["settled"])

    async def test_a_late_refusal_sends_again_only_what_is_still_unknown(self, store: Store, inquiry: Inquiry) -> None:
        """What was found to be sent is left out of the batch for good, whatever the answer says."""
        scene, ids = await lose(inquiry, store)
        await inquiry.report("Delivered", ids[2])
        await inquiry.ask()
        await inquiry.rig.dispatcher._parts.settler.settle(await attempt_of(scene), Held("http_401"))
        await scene.release_account()
        await inquiry.send()
        assert await scene.states() == {"sent": 5}
        assert sorted(inquiry.teller.destinations[5:]) == [f"+{number(i)}" for i in (0, 1, 3, 4)]


class TestLookUps:
    """How questions are put."""

    @pytest.mark.parametrize("reply", [Answered(500, None, b""), Answered(404, None, b""), Disconnected("timeout")])
    async def test_a_vain_question_is_put_again(self, store: Store, inquiry: Inquiry, reply: Answered | Disconnected) -> None:
        """A look-up that shows nothing leaves the message unknown and is repeated later."""
        scene, ids = await lose(inquiry, store, 1)
        inquiry.teller.refusals = [reply]
        await inquiry.report("Delivered", *ids)
        await inquiry.ask()
        assert (await scene.states(), await inquiry.results()) == ({"unknown": 1}, {ids[0]: None})
        inquiry.clock.added_s += 60
        await inquiry.make_due()
        await inquiry.ask()
        assert await scene.states() == {"sent": 1}

    async def test_an_id_that_does_not_exist_is_given_up(self, store: Store, inquiry: Inquiry) -> None:
        """After an hour of 404 it is not asked for any more; the message stays unknown and visible."""
        scene, ids = await lose(inquiry, store, 1)
        inquiry.teller.messages.clear()
        await inquiry.report("Delivered", *ids)
        for _ in range(8):
            await inquiry.make_due()
            await inquiry.ask()
        assert (await scene.states(), await inquiry.results()) == ({"unknown": 1}, {ids[0]: "missing"})
        assert len(inquiry.teller.asked) == 6

    @pytest.mark.parametrize(("reply", "pause_s"), [(Answered(429, "30", b""), 30), (Answered(401, None, b""), 60)])
    async def test_the_provider_may_ask_for_a_pause(
        self, store: Store, inquiry: Inquiry, reply: Answered, pause_s: float
    ) -> None:
        """After 429 nothing is asked as long as it says, after a refused key for a minute."""
        _, ids = await lose(inquiry, store, 1)
        inquiry.teller.refusals = [reply]
        await inquiry.report("Delivered", *ids)
        await inquiry.ask()
        await inquiry.make_due()
        inquiry.clock.added_s += pause_s - 3
        await inquiry.ask()
        assert len(inquiry.teller.asked) == 1
        inquiry.clock.added_s += 3
        await inquiry.ask()
        assert len(inquiry.teller.asked) == 2

    async def test_the_budget_is_kept_and_the_urgent_come_first(self, store: Store, tmp_path: Path) -> None:
        """However much waits, a second sees no more questions than allowed, and unknown messages come before samples."""
        inquiry = Inquiry(store, tmp_path, per_s=3)
        await make_campaign(store, 4, first=100)
        await inquiry.send()
        sent = set(inquiry.teller.messages)
        await inquiry.sample(0.1, 0.9)
        inquiry.teller.asked.clear()
        await inquiry.make_due()
        scene, _ = await lose(inquiry, store)
        await make_campaign(store, 4, first=200)
        await inquiry.send()
        await inquiry.report("Delivered", *[one for one in inquiry.teller.messages if one not in sent][:5])
        await inquiry.sample(0.1, 0.9)
        assert len(inquiry.teller.asked) == 3
        await inquiry.look_ups.ask()
        assert len(inquiry.teller.asked) == 3
        await inquiry.ask()
        await inquiry.ask()
        assert await scene.states() == {"sent": 5}


class TestOperators:
    """What an operator says of the rest."""

    @pytest.mark.parametrize(
        ("claim", "state", "batch"),
        [(Claim.SENT, "sent", "settled"), (Claim.REJECTED, "rejected", "settled"), (Claim.NOT_SENT, "queued", "pending")],
    )
    async def test_the_rest_is_settled(self, store: Store, inquiry: Inquiry, claim: Claim, state: str, batch: str) -> None:
        """Only what is still unknown follows the claim; the books balance, and the act is on record in the same transaction."""
        scene, ids = await lose(inquiry, store)
        await inquiry.report("Delivered", ids[1])
        await inquiry.ask()
        await inquiry.apply()
        made = await self._resolve(scene, claim)
        assert (made, await scene.states()) == (4, {"delivered": 1, state: 4})
        assert await scene.column(BATCHES) == [batch]
        assert await scene.column("SELECT detail->>'outcome' FROM audit WHERE action = 'batch.resolve'") == [claim.value]

    async def test_what_was_not_sent_is_sent_once_and_what_was_found_is_not(self, store: Store, inquiry: Inquiry) -> None:
        """The batch that goes out again leaves out what evidence had found."""
        scene, ids = await lose(inquiry, store)
        await inquiry.report("Delivered", ids[1])
        await inquiry.ask()
        await self._resolve(scene, Claim.NOT_SENT)
        await scene.release_account()
        await inquiry.send()
        assert sorted(inquiry.teller.destinations[5:]) == [f"+{number(i)}" for i in (0, 2, 3, 4)]
        assert await scene.states() == {"sent": 5}
        assert await scene.column(ATTEMPTS) == ["not_sent", "accepted"]

    @pytest.mark.parametrize("claim", Claim)
    async def test_a_late_answer_changes_nothing_any_more(self, store: Store, inquiry: Inquiry, claim: Claim) -> None:
        """The operator's word ends the attempt: an answer that comes afterwards does not settle the batch a second time."""
        scene, ids = await lose(inquiry, store)
        attempt = await attempt_of(scene)
        await self._resolve(scene, claim)
        before, batches = await scene.states(), await scene.column(BATCHES)
        await inquiry.rig.dispatcher._parts.settler.settle(attempt, Accepted(range(5), ids))
        assert (await scene.states(), await scene.column(BATCHES)) == (before, batches)

    @pytest.mark.parametrize("claim", [Claim.NOT_SENT, Claim.REJECTED])
    async def test_a_process_that_may_only_be_stopped_is_waited_for(self, store: Store, inquiry: Inquiry, claim: Claim) -> None:
        """Until the lease is over whoever holds the batch may still send it: nobody can say that it was not sent."""
        scene, _ = await lose(inquiry, store)
        await scene.execute("UPDATE attempt SET lease_until = now() + interval '1 minute'")
        with pytest.raises(StateConflictError, match="may only be stopped"):
            await self._resolve(scene, claim)
        assert await self._resolve(scene, Claim.SENT) == 5

    async def test_what_is_not_unknown_cannot_be_resolved(self, store: Store, inquiry: Inquiry) -> None:
        """A batch that is known, one that was resolved before, and one that is not there are refused, and leave no record."""
        scene, _ = await lose(inquiry, store)
        await self._resolve(scene, Claim.SENT)
        with pytest.raises(StateConflictError, match="settled"):
            await self._resolve(scene, Claim.NOT_SENT)
        with pytest.raises(NotFoundError):
            async with store.engine() as connection:
                await resolve_batch(connection, "cli:test", BatchId(999), Claim.SENT)
        assert await scene.column("SELECT count(*) FROM audit") == [1]

    async def _resolve(self, scene: Scene, claim: Claim) -> int:
        (batch_id,) = await scene.column("SELECT batch_id FROM batch")
        async with scene.store.engine() as connection, connection.transaction():
            return (await resolve_batch(connection, "cli:test", batch_id, claim)).messages


class TestResending:
    """A campaign that would rather send twice than not at all."""

    async def _pass(self, scene: Scene, seconds: int = NOT_NEVER + 1) -> None:
        ago = "- make_interval(secs => $1)"
        moved = f"closed_at = closed_at {ago}, started_at = started_at {ago}, lease_until = closed_at {ago}"
        await scene.execute(f"UPDATE attempt SET {moved} WHERE state = 'unknown'", float(seconds))  # noqa: S608 - literals

    async def test_never_by_default(self, store: Store, inquiry: Inquiry) -> None:
        """Without the wish nothing unknown is ever sent again, however long ago it was."""
        scene, _ = await lose(inquiry, store)
        await self._pass(scene, 10_000_000)
        await resend_unknown(store, inquiry.metrics)
        assert (await scene.states(), len(inquiry.teller.bodies)) == ({"unknown": 5}, 1)

    async def test_once_after_its_time_and_counted(self, store: Store, inquiry: Inquiry) -> None:
        """Not before the time; then once more, with the possible duplicates in the books beside the balance."""
        scene, _ = await lose(inquiry, store, resend_unknown_after_s=NOT_NEVER)
        await resend_unknown(store, inquiry.metrics)
        assert await scene.states() == {"unknown": 5}
        await self._pass(scene)
        await resend_unknown(store, inquiry.metrics)
        await scene.release_account()
        await inquiry.send()
        assert (await scene.states(), await scene.column(ATTEMPTS)) == ({"sent": 5}, ["resent", "accepted"])
        async with store.engine() as connection:
            assert (await campaigns.get_counts(connection, *scene.key))["possible_duplicates"] == 5

    async def test_never_a_second_time(self, store: Store, inquiry: Inquiry) -> None:
        """A message whose second sending is unknown too stays so, also when its batch was cut in the meantime."""
        scene = await make_campaign(store, 6, resend_unknown_after_s=NOT_NEVER)
        inquiry.says(inquiry.teller.swallow)
        await inquiry.send()
        await self._pass(scene)
        await resend_unknown(store, inquiry.metrics)
        await scene.release_account()
        inquiry.says(Answered(413, None, b""), inquiry.teller.accept, inquiry.teller.swallow)
        await inquiry.rig.drain()
        await self._pass(scene)
        await resend_unknown(store, inquiry.metrics)
        assert await scene.states() == {"sent": 3, "unknown": 3}

    async def test_evidence_comes_first(self, store: Store, inquiry: Inquiry) -> None:
        """While an id of its time is not looked at, nothing is sent again; what was found is not sent again at all."""
        scene, ids = await lose(inquiry, store, resend_unknown_after_s=NOT_NEVER)
        await inquiry.report("Delivered", ids[0])
        await inquiry.finder.find()
        await scene.execute("UPDATE campaign SET resend_unknown_after_s = 0")
        await resend_unknown(store, inquiry.metrics)
        assert await scene.states() == {"unknown": 5}
        await inquiry.ask()
        await resend_unknown(store, inquiry.metrics)
        await scene.release_account()
        await inquiry.send()
        assert f"+{number(0)}" not in inquiry.teller.destinations[5:]
        assert len(inquiry.teller.destinations) == 9

    async def test_evidence_that_nobody_has_found_yet_counts_too(self, store: Store, inquiry: Inquiry) -> None:
        """A parked report that is no question yet becomes one, and is waited for."""
        scene, ids = await lose(inquiry, store, resend_unknown_after_s=NOT_NEVER)
        await inquiry.report("Delivered", ids[0])
        await scene.execute("UPDATE campaign SET resend_unknown_after_s = 0")
        await resend_unknown(store, inquiry.metrics)
        assert (await scene.states(), await inquiry.results()) == ({"unknown": 5}, {ids[0]: None})

    async def test_reports_that_were_stored_in_time_are_applied_first(self, store: Store, inquiry: Inquiry) -> None:
        """What waits since before its time may be evidence; what came later is not waited for, or it would never end."""
        scene, _ = await lose(inquiry, store, resend_unknown_after_s=NOT_NEVER)
        await self._pass(scene)
        await scene.execute("INSERT INTO report_page (reports, body, received_at) SELECT 1, '[]', closed_at FROM attempt")
        await resend_unknown(store, inquiry.metrics)
        assert await scene.states() == {"unknown": 5}
        await scene.execute("UPDATE report_page SET received_at = now()")
        await resend_unknown(store, inquiry.metrics)
        assert await scene.states() == {"queued": 5}

    @pytest.mark.parametrize("state", ["paused", "canceled"])
    async def test_only_while_the_campaign_sends(self, store: Store, inquiry: Inquiry, state: str) -> None:
        """A campaign that is paused or canceled sends nothing again."""
        scene, _ = await lose(inquiry, store, resend_unknown_after_s=NOT_NEVER)
        await self._pass(scene)
        await scene.execute("UPDATE campaign SET state = $1::campaign_state", state)
        await resend_unknown(store, inquiry.metrics)
        assert await scene.states() == {"unknown": 5}
