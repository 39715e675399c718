"""From due batches to settled ones, on a real database: what each answer leads to, and what survives which failure."""

import asyncio
import json
import math
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from penstock.clock import SystemClock
from penstock.config import Mitto, Redis
from penstock.dispatch.bounds import BatchBounds
from penstock.dispatch.settle import Settler
from penstock.domain.errors import UnavailableError
from penstock.domain.ids import AccountId, AttemptId, TenantId
from penstock.domain.room import LONGEST_REFUSAL_S
from penstock.limits.grant import Grant
from penstock.limits.limiter import Limiter
from penstock.providers.mitto.client import MittoClient
from penstock.providers.port import Answered, Disconnected, IsFree, Provider, Reply, Unsent, always, pack_reply
from penstock.reconcile.attempts import give_up_lapsed_attempts
from penstock.reconcile.findings import Findings
from penstock.redact import Secret
from penstock.simulator import Simulator, SimulatorSettings
from penstock.simulator.journal import AcceptedEntry, Journal
from penstock.store import accounts, opt_outs
from penstock.store.accounts import Account
from penstock.store.pool import Store
from penstock.telemetry.metrics import Metrics
from tests.builders import (
    ACCOUNT,
    POLL_S,
    RATES,
    BrokenStore,
    CountingStore,
    OpenBrake,
    Rig,
    accept_all,
    answer_of,
    end_other_sessions,
    make_campaign,
    number,
    refusal,
    spoil,
)
from tests.contract.alone import alone

ATTEMPTS = "SELECT state::text FROM attempt ORDER BY attempt_id"
BATCHES = "SELECT state::text FROM batch ORDER BY first_seq, batch_id"


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """The spool's folder, which outlives a rig."""
    return tmp_path / "spool"


@pytest.fixture
def rig(store: Store, spool: Path) -> Rig:
    """A dispatcher whose provider says what it is told."""
    return Rig(store, spool)


async def account_of(store: Store) -> Account:
    """The one account."""
    async with store.engine() as connection:
        (found,) = await accounts.list_accounts(connection)
    return found


def refuse_first(_: bytes, expected: int) -> Answered:
    """Accept all but the first message."""
    items: list[Any] = [{"messageId": f"id-{i}"} for i in range(expected)]
    items[0] = {"error": {"code": 17, "message": "bad number"}}
    return answer_of(items)


async def test_accepted_messages_are_sent(store: Store, rig: Rig) -> None:
    """A complete answer makes every message sent, with the provider's ids in the order of the request."""
    scene = await make_campaign(store, 25, chunk=10)
    rig.says(*[lambda body, _: answer_of([{"messageId": m["destination"]} for m in json.loads(body)["messages"]])] * 3)
    await rig.drain()
    assert await scene.states() == {"sent": 25}
    assert rig.script.sizes == [10, 10, 5]
    assert all(row["provider_id"].strip("+") == str(row["msisdn"]) for row in await scene.fetch("SELECT * FROM message"))
    assert await scene.column(BATCHES) == ["settled"] * 3
    assert rig.kept_answers() == []


async def test_an_item_with_an_error_is_rejected(store: Store, rig: Rig) -> None:
    """Of an accepted request the items refused one by one are rejected with the provider's words, the others sent."""
    scene = await make_campaign(store, 5)
    rig.says(refuse_first)
    await rig.drain()
    assert await scene.states() == {"sent": 4, "rejected": 1}
    (error,) = await scene.column("SELECT error FROM message WHERE state = 'rejected'")
    assert "bad number" in error


@pytest.mark.parametrize(
    "reply", [Unsent("dns"), refusal(429), refusal(429, retry_after="30"), refusal(401), refusal(403), refusal(404)]
)
async def test_what_was_not_accepted_goes_back(store: Store, rig: Rig, reply: Reply) -> None:
    """Not sent, throttled or held: the batch is pending, its messages queued, the account waits; then all goes out once."""
    scene = await make_campaign(store, 5)
    rig.says(reply)
    await rig.drain()
    assert await scene.states() == {"queued": 5}
    assert await scene.column(BATCHES) == ["pending"]
    assert (await account_of(store)).held_until is not None
    assert await rig.dispatcher.run_once() == POLL_S
    await scene.release_account()
    await rig.drain()
    assert await scene.states() == {"sent": 5}
    assert len(rig.script.bodies) == 2
    after = await account_of(store)
    assert (after.backoff_step, after.held_until) == (0, None)


async def test_retry_after_is_obeyed(store: Store, rig: Rig) -> None:
    """A throttled account waits as long as the provider asks."""
    scene = await make_campaign(store, 5)
    rig.says(refusal(429, retry_after="100"))
    await rig.drain()
    (left,) = await scene.column("SELECT extract(epoch FROM held_until - now()) FROM account")
    assert 90 < left <= 100


async def test_another_batchs_success_does_not_end_a_hold(store: Store, rig: Rig) -> None:
    """An answer to an earlier request does not shorten the wait that a later one was told."""
    scene = await make_campaign(store, 20, chunk=10)

    async def throttle_the_other(body: bytes, expected: int) -> Answered:
        rig.says(refusal(429, retry_after="100"))
        await rig.dispatcher.run_once()
        return accept_all(body, expected)

    rig.says(throttle_the_other)
    await rig.drain()
    assert await scene.states() == {"sent": 10, "queued": 10}
    (left,) = await scene.column("SELECT extract(epoch FROM held_until - now()) FROM account")
    assert left > 90


async def test_failures_back_off_further_each_time(store: Store, rig: Rig) -> None:
    """Each refused call of an account makes the next hold longer, shared by all processes."""
    scene = await make_campaign(store, 5)
    waits = []
    for _ in range(3):
        rig.says(refusal(403))
        await rig.drain()
        waits += await scene.column("SELECT extract(epoch FROM held_until - now()) FROM account")
        await scene.release_account()
    assert [round(wait / 15) for wait in waits] == [1, 2, 4]
    assert await scene.column("SELECT held_reason FROM account") == ["http_403"]


async def test_a_held_account_does_not_hold_others(store: Store, rig: Rig) -> None:
    """A campaign on another account goes on while one account waits."""
    held = await make_campaign(store, 5)
    rig.says(refusal(403))
    await rig.drain()
    free = await make_campaign(store, 5, first=100, account_id=AccountId("other"))
    await rig.drain()
    assert (await held.states(), await free.states()) == ({"queued": 5}, {"sent": 5})


@pytest.mark.parametrize("status", [413, 400, 422])
async def test_a_refused_request_is_halved(store: Store, rig: Rig, status: int) -> None:
    """A complete refusal of several messages is tried again in halves, in order, each message accepted once."""
    scene = await make_campaign(store, 9)
    rig.says(refusal(status), refusal(status))
    await rig.drain()
    assert await scene.states() == {"sent": 9}
    accepted = [message["destination"] for body in rig.script.bodies[2:] for message in json.loads(body)["messages"]]
    assert sorted(accepted) == [f"+{number(i)}" for i in range(9)]


async def test_a_refused_size_is_learned(store: Store, rig: Rig) -> None:
    """After a refusal of the size itself, later batches of that account are no larger than half of it."""
    scene = await make_campaign(store, 16, chunk=8)
    rig.says(refusal(413))
    await rig.drain()
    assert (await account_of(store)).learned_batch_size == 4
    assert rig.script.sizes == [8, 4, 4, 4, 4]
    assert await scene.states() == {"sent": 16}


async def test_a_learned_size_asks_for_permits_of_its_size(store: Store, spool: Path) -> None:
    """A request that may carry fewer messages asks for no more of the limits than it can use; a rest may need less."""
    asked: list[int] = []

    class Listening(OpenBrake):
        async def acquire(self, *who: Any, want: int, **how: Any) -> Any:
            asked.append(want)
            return await super().acquire(*who, want=want, **how)

    scene = await make_campaign(store, 16, chunk=8)
    await scene.execute("UPDATE account SET learned_batch_size = 3")
    rig = Rig(store, spool, brake=Listening())
    await rig.drain()
    assert (rig.script.sizes, asked) == ([3, 3, 2, 3, 3, 2], [3, 3, 3, 3, 3, 2])


async def test_a_refused_content_teaches_no_size(store: Store, rig: Rig) -> None:
    """One bad message in a batch of a good size does not make later batches smaller."""
    await make_campaign(store, 8)
    rig.says(refusal(422))
    await rig.drain()
    assert (await account_of(store)).learned_batch_size is None


async def test_a_refused_single_message_is_rejected(store: Store, rig: Rig) -> None:
    """A refusal of a request with one message is that message's end."""
    scene = await make_campaign(store, 1)
    rig.says(refusal(422))
    await rig.drain()
    assert await scene.states() == {"rejected": 1}
    assert await scene.column(ATTEMPTS) == ["refused"]


async def test_three_refused_in_a_row_hold_the_account(store: Store, rig: Rig) -> None:
    """The third single message refused without a success in between is not blamed on its number: the account is held."""
    scene = await make_campaign(store, 3, chunk=1)
    rig.says(*[refusal(422)] * 3)
    await rig.drain()
    assert await scene.states() == {"rejected": 2, "queued": 1}
    assert (await account_of(store)).held_reason == "http_422_repeated"
    await scene.release_account()
    await rig.drain()
    assert await scene.states() == {"rejected": 2, "sent": 1}


async def test_a_success_in_between_starts_the_count_again(store: Store, rig: Rig) -> None:
    """Refused numbers between accepted ones are just refused numbers."""
    scene = await make_campaign(store, 5, chunk=1)
    rig.says(refusal(422), refusal(422), accept_all, refusal(422), refusal(422))
    await rig.drain()
    assert await scene.states() == {"rejected": 4, "sent": 1}


@pytest.mark.parametrize(
    ("reply", "reason"),
    [(Disconnected("timeout"), "timeout"), (refusal(500), "http_500"), (refusal(302), "http_302"), (refusal(408), "http_408"),
     (Answered(200, None, b'{"messages":[{"mess'), "answer_not_json"), (answer_of([{"messageId": "a"}]), "answer_length")],
)  # fmt: skip
async def test_a_doubtful_answer_is_unknown_and_never_repeated(store: Store, rig: Rig, reply: Reply, reason: str) -> None:
    """When it is not certain what was accepted the whole range is held, the reason kept, and nothing sent again."""
    scene = await make_campaign(store, 5)
    rig.says(reply)
    await rig.drain()
    await scene.release_account()
    await rig.drain()
    assert await scene.states() == {"unknown": 5}
    assert (await scene.column(BATCHES), await scene.column("SELECT detail FROM attempt")) == (["unknown"], [reason])
    assert len(rig.script.bodies) == 1


async def test_ids_of_a_doubtful_answer_are_kept_as_hints(store: Store, rig: Rig) -> None:
    """Readable ids of an answer that cannot be trusted are evidence, not ids of messages."""
    scene = await make_campaign(store, 3)
    rig.says(answer_of([{"messageId": "a"}, {"messageId": "b"}]))
    await rig.drain()
    assert await scene.column("SELECT hints FROM attempt") == [["a", "b"]]
    assert await scene.column("SELECT DISTINCT provider_id FROM message") == [None]


async def test_an_answer_with_a_known_id_is_unknown(store: Store, rig: Rig) -> None:
    """An answer that repeats an id of another batch cannot be trusted, and changes nothing of that batch."""
    scene = await make_campaign(store, 4, chunk=2)
    rig.says(*[answer_of([{"messageId": "a"}, {"messageId": "b"}])] * 2)
    await rig.drain()
    assert await scene.states() == {"sent": 2, "unknown": 2}
    assert await scene.column("SELECT detail FROM attempt WHERE state = 'unknown'") == ["answer_repeats_known_id"]


class Crashing(Settler):
    """A settler that dies."""

    async def settle(self, *_: Any) -> None:
        """Die."""
        raise RuntimeError("crash")


async def crash_after_answer(store: Store, spool: Path, rig: Rig) -> None:
    """Leave an answer in the spool and its attempt open."""
    with pytest.raises(RuntimeError, match="crash"):
        await Rig(store, spool, rig.script, settler=Crashing).dispatcher.run_once()


async def test_a_crash_before_settling_is_mended_from_the_spool(store: Store, rig: Rig, spool: Path) -> None:
    """An answer received but not recorded is settled once by the next process, and nothing is sent again."""
    scene = await make_campaign(store, 5)
    await crash_after_answer(store, spool, rig)
    assert (await scene.states(), len(rig.kept_answers())) == ({"queued": 5}, 1)
    for _ in range(2):
        await rig.dispatcher.recorder.replay_spool()
        assert (await scene.states(), rig.kept_answers()) == ({"sent": 5}, [])
    await rig.drain()
    assert len(rig.script.bodies) == 1


async def test_a_spooled_answer_settles_an_attempt_given_up_as_unknown(store: Store, rig: Rig, spool: Path) -> None:
    """Even after the lease ran out and the messages are unknown, the answer on disk makes them sent."""
    scene = await make_campaign(store, 5)
    await crash_after_answer(store, spool, rig)
    await scene.execute("UPDATE attempt SET lease_until = now() - interval '1 second'")
    await give_up_lapsed_attempts(store, Findings(Metrics("test")))
    assert await scene.states() == {"unknown": 5}
    await rig.dispatcher.recorder.replay_spool()
    assert await scene.states() == {"sent": 5}
    assert await scene.column(BATCHES) == ["settled"]


async def test_a_damaged_spool_file_stops_nobody(store: Store, rig: Rig, spool: Path) -> None:
    """A file that is no answer (a power loss leaves such) is set aside, and its attempt is left to end as unknown."""
    scene = await make_campaign(store, 5)
    await crash_after_answer(store, spool, rig)
    (attempt_id,) = rig.kept_answers()
    rig.spool.put(attempt_id, b"")
    await rig.dispatcher.recorder.replay_spool()
    assert rig.kept_answers() == []
    assert await scene.column(ATTEMPTS) == ["open"]
    assert await asyncio.to_thread(lambda: [path.name for path in spool.iterdir()]) == [f"{attempt_id}.answer.set-aside"]


async def test_an_answer_of_an_unknown_attempt_is_set_aside(rig: Rig, store: Store, spool: Path) -> None:
    """A spool file whose attempt is not in this database does no harm and is not lost: the database may be the wrong one."""
    scene = await make_campaign(store, 1)
    answer = pack_reply(refusal(500))
    rig.spool.put(AttemptId(scene.campaign_id), answer)
    await rig.dispatcher.recorder.replay_spool()
    assert rig.kept_answers() == []
    assert await asyncio.to_thread((spool / f"{scene.campaign_id}.answer.set-aside").read_bytes) == answer
    assert await scene.states() == {"queued": 1}


@pytest.mark.parametrize(
    ("reply", "states", "batches"),
    [
        (accept_all, {"sent": 5}, ["settled"]),
        (refuse_first, {"sent": 4, "rejected": 1}, ["settled"]),
        (refusal(429), {"queued": 5}, ["pending"]),
        (refusal(403), {"queued": 5}, ["pending"]),
        (refusal(413), {"queued": 5}, ["pending", "pending"]),
        (Disconnected("timeout"), {"unknown": 5}, ["unknown"]),
    ],
)
async def test_a_late_answer_heals_an_unknown_attempt(
    store: Store, rig: Rig, reply: Any, states: dict[str, int], batches: list[str]
) -> None:
    """Whatever comes after the attempt was given up is recorded as if it had come in time, and the books balance."""
    scene = await make_campaign(store, 5)

    async def lapse(body: bytes, expected: int) -> Any:
        await scene.execute("UPDATE attempt SET lease_until = now() - interval '1 second'")
        await give_up_lapsed_attempts(store, Findings(Metrics("test")))
        assert await scene.states() == {"unknown": 5}
        return reply(body, expected) if callable(reply) else reply

    rig.says(lapse)
    await rig.dispatcher.run_once()
    assert await scene.states() == states
    assert await scene.column(BATCHES) == batches


async def test_a_paused_campaign_is_not_claimed(store: Store, rig: Rig) -> None:
    """Nothing of a paused campaign leaves, also when its lane was read before the pause."""
    scene = await make_campaign(store, 10, chunk=5)

    async def pause(body: bytes, expected: int) -> Answered:
        await scene.execute("UPDATE campaign SET state = 'paused'")
        return accept_all(body, expected)

    rig.dispatcher._parts.chooser._max_age_s = 3600
    rig.says(pause)
    await rig.drain()
    assert await scene.states() == {"sent": 5, "queued": 5}
    assert len(rig.script.bodies) == 1


async def test_who_opted_out_after_the_upload_is_left_out(store: Store, rig: Rig) -> None:
    """A number that opted out before the claim gets nothing and is canceled; everybody else is sent."""
    scene = await make_campaign(store, 20)
    async with store.engine() as connection:
        await opt_outs.add_opt_outs(connection, scene.tenant_id, [number(3), number(999)], "api")
    await rig.drain()
    assert await scene.states() == {"sent": 19, "canceled": 1}
    assert f"+{number(3)}" not in rig.script.destinations
    assert await scene.column("SELECT error FROM message WHERE state = 'canceled'") == ["opted_out"]


async def test_left_out_messages_stay_left_out_when_a_batch_comes_back(store: Store, rig: Rig) -> None:
    """After a hand-back, a halving and a cut, whoever was left out once is in no later request."""
    scene = await make_campaign(store, 20)
    async with store.engine() as connection:
        await opt_outs.add_opt_outs(connection, scene.tenant_id, [number(3), number(15)], "api")
        rig.says(refusal(429))
        await rig.drain()
        await opt_outs.remove_opt_outs(connection, scene.tenant_id, [number(3)])
    await scene.release_account()
    rig.says(refusal(400), accept_all, Disconnected("reset"))
    await rig.drain()
    assert await scene.states() == {"sent": 9, "unknown": 9, "canceled": 2}
    assert {f"+{number(3)}", f"+{number(15)}"}.isdisjoint(rig.script.destinations)


async def test_a_batch_in_which_everybody_opted_out_is_settled_unsent(store: Store, rig: Rig) -> None:
    """Nothing is sent for a batch without anybody left."""
    scene = await make_campaign(store, 2)
    async with store.engine() as connection:
        await opt_outs.add_opt_outs(connection, scene.tenant_id, [number(0), number(1)], "api")
    await rig.drain()
    assert (await scene.states(), await scene.column(BATCHES)) == ({"canceled": 2}, ["settled"])
    assert rig.script.bodies == []


async def test_what_outlived_its_validity_expires_unsent(store: Store, rig: Rig) -> None:
    """A batch claimed after the campaign's validity ended is expired, not sent."""
    scene = await make_campaign(store, 5, validity_s=60)
    await scene.execute("UPDATE campaign SET expires_at = now() - interval '1 second'")
    await rig.drain()
    assert (await scene.states(), rig.script.bodies) == ({"expired": 5}, [])


async def test_two_dispatchers_send_nothing_twice(store: Store, spool: Path) -> None:
    """Several dispatchers on one database share the batches: every number is written to exactly once."""
    scene = await make_campaign(store, 400, chunk=10)
    rigs = [Rig(store, spool / str(i), in_flight=3) for i in range(2)]
    async with asyncio.TaskGroup() as group:
        for rig in [*rigs, *rigs]:
            group.create_task(rig.drain())
    assert sorted(rigs[0].script.destinations + rigs[1].script.destinations) == [f"+{number(i)}" for i in range(400)]
    assert await scene.states() == {"sent": 400}


async def test_a_small_grant_cuts_the_batch(store: Store, spool: Path) -> None:
    """A permit for fewer segments than a batch has sends that many, in order, and the rest follows with the next permit."""
    scene = await make_campaign(store, 25)
    rig = Rig(store, spool, brake=OpenBrake(10))
    await rig.drain()
    assert rig.script.sizes == [10, 10, 5]
    assert rig.script.destinations == [f"+{number(i)}" for i in range(25)]
    assert await scene.states() == {"sent": 25}
    assert await scene.column("SELECT segments FROM attempt ORDER BY attempt_id") == [10, 10, 5]


async def test_batches_keep_to_the_bounds(store: Store, spool: Path) -> None:
    """No request carries more messages or bytes than the settings allow."""
    await make_campaign(store, 50)
    rig = Rig(store, spool, bounds=BatchBounds(messages=20, body_bytes=2000))
    await rig.drain()
    assert max(rig.script.sizes) <= 20
    assert max(map(len, rig.script.bodies)) <= 2000
    assert len(rig.script.destinations) == len(set(rig.script.destinations)) == 50


async def test_an_old_permit_is_not_used(store: Store, spool: Path) -> None:
    """A permit is renewed until it is good, for what was claimed, before anything leaves."""

    class SlowBrake(OpenBrake):
        """Its permit is refused once, then old when it arrives, then good."""

        answers: ClassVar = [Grant(0, 0.001, "segments"), Grant(5, expires_at=0), Grant(5, expires_at=math.inf)]
        renewed: ClassVar[list[int]] = []

        async def renew(self, grant: Grant, segments: int) -> Grant:
            """Answer; what was answered last is what is offered next, and a good one stays."""
            if self.renewed and grant is self.answers[-1]:
                return grant
            assert rig.script.bodies == []
            assert not self.renewed or grant is self.answers[len(self.renewed) - 1]
            self.renewed.append(segments)
            return self.answers[len(self.renewed) - 1]

    rig = Rig(store, spool, brake=SlowBrake())
    scene = await make_campaign(store, 5)
    await rig.dispatcher.run_once()
    assert (SlowBrake.renewed, await scene.states()) == ([5, 5, 5], {"sent": 5})


async def test_a_limit_that_goes_while_a_batch_is_claimed_blocks_nobody(store: Store, spool: Path) -> None:
    """The account is served on when its segments cease to be limited between the choice of a lane and its claim."""

    class Fading(OpenBrake):
        """Limited until somebody asks for a permit."""

        limits: ClassVar[list[bool]] = [True]

        def is_limited(self, account_id: AccountId) -> bool:
            """As it is."""
            del account_id
            return self.limits[0]

        async def acquire(self, account_id: AccountId, tenant_id: TenantId, *, want: int, is_urgent: bool = False) -> Grant:
            """Grant, and be unlimited from now on."""
            self.limits[0] = False
            return await super().acquire(account_id, tenant_id, want=want, is_urgent=is_urgent)

    scene = await make_campaign(store, 10, chunk=5)
    await Rig(store, spool, brake=Fading()).drain()
    assert await scene.states() == {"sent": 10}


async def test_claims_of_a_limited_account_follow_one_another(store: Store, spool: Path) -> None:
    """While one batch of it is claimed no other sender takes a permit; once it is on its way, the next one does."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    class Limited(OpenBrake):
        """Lets the first permit wait."""

        asked = 0

        def is_limited(self, account_id: AccountId) -> bool:
            """Always."""
            del account_id
            return True

        async def acquire(self, account_id: AccountId, tenant_id: TenantId, *, want: int, is_urgent: bool = False) -> Grant:
            """Grant, in time."""
            self.asked += 1
            begun.set()
            await go_on.wait()
            return await super().acquire(account_id, tenant_id, want=want, is_urgent=is_urgent)

    scene, brake = await make_campaign(store, 10, chunk=5), Limited()
    rig = Rig(store, spool, brake=brake)
    async with asyncio.TaskGroup() as group:
        group.create_task(rig.dispatcher.run_once())
        await begun.wait()
        assert await rig.dispatcher.run_once() > 0
        assert brake.asked == 1
        go_on.set()
    await rig.drain()
    assert (brake.asked, await scene.states()) == (2, {"sent": 10})


async def test_a_permit_that_is_not_needed_is_given_back(store: Store, spool: Path) -> None:
    """Where nothing was due after all, everybody had opted out, or the batch failed by itself, others may have it."""

    class Keeping(OpenBrake):
        """Counts what is given back."""

        released: ClassVar[list[int]] = []

        async def release(self, grant: Grant) -> None:
            """Count."""
            self.released.append(grant.granted)

    scene = await make_campaign(store, 5)
    async with store.engine() as connection:
        await opt_outs.add_opt_outs(connection, scene.tenant_id, [number(i) for i in range(5)], "api")
    rig = Rig(store, spool, brake=Keeping(), lanes_age_s=60)
    await rig.dispatcher.run_once()
    assert await scene.states() == {"canceled": 5}
    await rig.dispatcher.run_once()
    assert (rig.script.bodies, Keeping.released) == ([], [5, 5])
    await spoil(await make_campaign(store, 7, first=100))
    rig = Rig(store, spool, brake=Keeping())
    await rig.dispatcher.run_once()
    assert Keeping.released == [5, 5, 7]


async def test_nothing_is_claimed_without_a_permit(store: Store, spool: Path) -> None:
    """A refused permit leaves the batch pending and asks to come back soon."""
    scene = await make_campaign(store, 5)
    rig = Rig(store, spool, brake=ShutBrake())
    assert await rig.dispatcher.run_once() == 0
    assert 0 < await rig.dispatcher.run_once() <= LONGEST_REFUSAL_S
    assert await scene.column(BATCHES) == ["pending"]


class ShutBrake(OpenBrake):
    """A limiter that lets nothing through."""

    async def acquire(self, *_: Any, **__: Any) -> Any:
        """Refuse."""
        grant = await super().acquire(ACCOUNT, 1, want=1)  # type: ignore[arg-type]
        return type(grant)(0, retry_after_s=5)


async def test_a_database_lost_while_settling_is_waited_for(store: Store, rig: Rig) -> None:
    """When every session dies between the send and its settlement, the answer is recorded once the server is back."""
    scene = await make_campaign(store, 5)

    async def lose_sessions(body: bytes, expected: int) -> Answered:
        async with store.engine() as connection:
            await end_other_sessions(connection)
        return accept_all(body, expected)

    rig.says(lose_sessions)
    await rig.drain()
    assert await scene.states() == {"sent": 5}
    assert (len(rig.script.bodies), rig.kept_answers()) == (1, [])


async def test_a_settlement_whose_commit_was_not_answered_is_not_repeated(store: Store, spool: Path) -> None:
    """A settlement that was committed before the connection died is found settled when it is tried again."""
    broken = BrokenStore.of(store)
    scene = await make_campaign(store, 5)
    rig = Rig(broken, spool, claims_from=store)

    async def break_next(body: bytes, expected: int) -> Answered:
        broken.lose_after = 1
        return accept_all(body, expected)

    rig.says(break_next)
    await rig.drain()
    assert (await scene.states(), broken.lose_after) == ({"sent": 5}, 0)


@pytest.mark.parametrize("when", ["lose_before", "lose_after"])
async def test_a_claim_whose_commit_was_not_answered_is_handed_back(store: Store, spool: Path, when: str) -> None:
    """A claim in doubt sends nothing; if it was committed it is handed back, and then everything is sent once."""
    broken = BrokenStore.of(store)
    scene = await make_campaign(store, 5)
    rig = Rig(store, spool, claims_from=broken)
    setattr(broken, when, 1)
    with pytest.raises(UnavailableError):
        await rig.dispatcher.run_once()
    assert rig.script.bodies == []
    await rig.drain()
    assert len(rig.claimer.doubtful) == (when == "lose_before")  # what was not found may still be committed
    assert (await scene.states(), len(rig.script.bodies)) == ({"sent": 5}, 1)


@pytest.mark.parametrize("has_opt_outs", [False, True])
async def test_a_damaged_batch_dies_and_the_others_flow(store: Store, rig: Rig, *, has_opt_outs: bool) -> None:
    """A batch that cannot be rendered is dead after eight tries; its messages stay queued and all others are sent."""
    scene = await make_campaign(store, 20, chunk=10)
    if has_opt_outs:
        async with store.engine() as connection:
            await opt_outs.add_opt_outs(connection, scene.tenant_id, [number(999)], "api")
    await spoil(scene)
    for tries in range(1, 9):
        await rig.drain()
        assert await scene.column("SELECT attempts FROM batch WHERE first_seq = 0") == [tries]
        await scene.release_account()
    await rig.drain()
    assert await scene.column(BATCHES) == ["dead", "settled"]
    assert await scene.states() == {"queued": 10, "sent": 10}
    assert await scene.column("SELECT count(*) FROM attempt") == [1]
    assert await scene.column("SELECT failure FROM batch WHERE state = 'dead' AND failed_at <= now()") == ["PayloadError"]


async def test_a_crashed_sender_lets_the_others_finish(store: Store, spool: Path) -> None:
    """When one sender crashes the others settle what they have sent, nothing more is claimed, and the crash is raised."""
    scene = await make_campaign(store, 60, chunk=10)
    arrived, crashed = asyncio.Event(), asyncio.Event()
    rig = Rig(store, spool, in_flight=2)

    async def slow(body: bytes, expected: int) -> Answered:
        arrived.set()
        await crashed.wait()
        return accept_all(body, expected)

    async def crash(_: bytes, __: int) -> Exception:
        await arrived.wait()
        crashed.set()
        return RuntimeError("crash")

    rig.says(slow, crash)
    with pytest.raises(ExceptionGroup) as raised:
        await rig.dispatcher.run(asyncio.Event())
    assert [str(error) for error in raised.value.exceptions] == ["crash"]
    assert await scene.states() == {"sent": 10, "queued": 50}


async def test_halting_finishes_what_was_claimed(store: Store, spool: Path) -> None:
    """A halt in the middle of a request waits for its answer, records it and claims nothing more."""
    scene = await make_campaign(store, 60, chunk=10)
    halt = asyncio.Event()
    rig = Rig(store, spool, in_flight=1)

    async def halt_meanwhile(body: bytes, expected: int) -> Answered:
        halt.set()
        return accept_all(body, expected)

    rig.says(halt_meanwhile)
    await rig.dispatcher.run(halt)
    assert (await scene.states(), rig.script.sizes) == ({"sent": 10, "queued": 50}, [10])


async def test_a_huge_campaign_does_not_hold_up_another_tenant(store: Store, rig: Rig) -> None:
    """With ten batches of one tenant waiting, another tenant's single message is in one of the first two requests."""
    huge = await make_campaign(store, 100, chunk=10)
    small = await make_campaign(store, 1, tenant="other", first=5000)
    await rig.drain()
    assert f"+{number(5000)}" in rig.script.destinations[:11]
    assert (await huge.states(), await small.states()) == ({"sent": 100}, {"sent": 1})


async def test_statements_are_counted_by_the_batch(store: Store, spool: Path) -> None:
    """Sending 20,000 messages takes one UPDATE of messages a batch, and no statement a message."""
    counting = CountingStore.of(store)
    scene = await make_campaign(store, 20_000)
    rig = Rig(counting, spool)
    await rig.drain()
    assert await scene.states() == {"sent": 20_000}
    updates = [text for text in counting.statements if "UPDATE message" in text]
    assert len(updates) == len(rig.script.bodies) == 4
    assert len(counting.statements) <= 4 * 20


class Counted:
    """A way out that halts the dispatcher once so many messages have been tried."""

    def __init__(self, inner: Provider, messages: int) -> None:
        self.inner = inner
        self.left = messages
        self.halt = asyncio.Event()

    async def send_bulk(self, body: bytes, expected: int, is_free: IsFree = always) -> Reply:
        """Pass on."""
        reply = await self.inner.send_bulk(body, expected, is_free)
        self.left -= expected
        if self.left <= 0:
            self.halt.set()
        return reply


@pytest.mark.parametrize(("scenarios", "unknown"), [((), 0), (("T4:next=1",), 500), (("P2:next=1",), 500)])
async def test_a_campaign_goes_through_the_real_limiter_and_simulator(
    store: Store, spool: Path, valkey_url: str, scenarios: tuple[str, ...], unknown: int
) -> None:
    """With the real limiter and an independent provider each number is accepted once, whatever came of the answers."""
    scene = await make_campaign(store, 3000, chunk=500)
    redis = Redis(url=Secret(valkey_url), timeout=timedelta(seconds=5))
    limiter = Limiter.open(redis, RATES, "unlimited", metrics=Metrics("test"), clock=SystemClock())
    async with alone(limiter), Simulator(SimulatorSettings(port=0, keys={"key": ()}, scenarios=scenarios)) as simulator:
        async with MittoClient(Mitto(api_base=simulator.url, api_key=Secret("key"))) as client:
            counted = Counted(client, 3000)
            # After an answer that was lost the account waits for a moment, and nobody announces that it is over.
            await Rig(store, spool, counted, brake=limiter, poll_s=0.05).dispatcher.run(counted.halt)
        numbers = journaled_numbers(simulator.journal_path)
    assert await scene.states() == {state: n for state, n in (("sent", 3000 - unknown), ("unknown", unknown)) if n}
    assert sorted(numbers) == [f"+{number(i)}" for i in range(3000)]


def journaled_numbers(path: Path) -> list[str]:
    """Every number in an accepted request, as the provider wrote it down."""
    journal = Journal(path)
    try:
        bodies = [body for entry, body in journal.entries(0, journal.size) if isinstance(entry, AcceptedEntry)]
    finally:
        journal.close()
    return [message["destination"] for body in bodies for message in json.loads(body)["messages"]]
