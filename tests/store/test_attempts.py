from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from penstock.domain.batch import BatchState
from penstock.domain.ids import AttemptId
from penstock.domain.message import MessageState
from penstock.store import attempts, dispatch
from penstock.store.attempts import Attempt, KnownIdError
from penstock.store.dispatch import Intent
from penstock.store.pool import Connection, Store
from tests.builders import ACCOUNT, Scene, make_campaign, new_id

BATCHES = "SELECT first_seq, last_seq, segments, state::text, attempts FROM batch ORDER BY first_seq"
QUEUED, UNKNOWN, SENT = MessageState.QUEUED, MessageState.UNKNOWN, MessageState.SENT


async def claim(connection: Connection, scene: Scene, *, last_seq: int | None = None, excluded: bytes | None = None) -> Attempt:
    """An open attempt on the next due batch, up to `last_seq`."""
    batch = await dispatch.claim_due_batch(connection, *scene.key)
    assert batch is not None
    last = batch.last_seq if last_seq is None else last_seq
    attempt = Attempt(
        attempt_id=AttemptId(new_id()), tenant_id=scene.tenant_id, campaign_id=scene.campaign_id, batch_id=batch.batch_id,
        account_id=ACCOUNT, first_seq=batch.first_seq, last_seq=last, messages=last - batch.first_seq + 1,
        excluded=excluded, chunk_first_seq=batch.chunk_first_seq,
    )  # fmt: skip
    left, lease = batch.last_seq - last, timedelta(minutes=2)
    intent = Intent(
        segments=attempt.messages,
        left_segments=left,
        digest=b"d" * 32,
        codec=1,
        worker="test",
        lease=lease,
        has_references=False,
    )
    await dispatch.open_attempt(connection, attempt, intent)
    return attempt


async def batches(scene: Scene) -> list[tuple[Any, ...]]:
    """The campaign's batches."""
    return [tuple(row) for row in await scene.fetch(BATCHES)]


async def states(scene: Scene) -> dict[str, int]:
    """Messages by state, whatever the books say."""
    return {row[0]: row[1] for row in await scene.fetch("SELECT state::text, count(*) FROM message GROUP BY 1")}


async def test_an_attempt_is_read_back_as_written(store: Store) -> None:
    """What is found by its id later is what was opened: enough to settle it in another process."""
    scene = await make_campaign(store, 10)
    async with store.engine() as connection:
        attempt = await claim(connection, scene, excluded=b"\x02\x00")
        assert await attempts.find_attempt(connection, attempt.attempt_id) == attempt
        assert await attempts.find_attempt(connection, AttemptId(new_id())) is None
    assert attempt.seqs() == [0, 2, 3, 4, 5, 6, 7, 8, 9]


async def test_opening_an_attempt_cuts_the_batch(store: Store) -> None:
    """What the attempt covers is being sent, the rest is a pending batch of its own that keeps what was left out."""
    scene = await make_campaign(store, 10)
    async with store.engine() as connection:
        await claim(connection, scene, last_seq=3, excluded=b"\x20\x00")
        rest = await dispatch.claim_due_batch(connection, *scene.key)
    assert await batches(scene) == [(0, 3, 4, "sending", 0), (4, 9, 6, "pending", 0)]
    assert rest is not None
    assert (rest.excluded, rest.chunk_first_seq, rest.chunk_messages) == (b"\x20\x00", 0, 10)


async def test_a_claimed_batch_is_passed_over(store: Store) -> None:
    """While one transaction holds the first batch another takes the second, and a third finds nothing."""
    scene = await make_campaign(store, 10, chunk=5)
    async with store.engine() as first, first.transaction(), store.engine() as second, second.transaction():
        one = await dispatch.claim_due_batch(first, *scene.key)
        two = await dispatch.claim_due_batch(second, *scene.key)
        async with store.engine() as third:
            assert await dispatch.claim_due_batch(third, *scene.key) is None
    assert one is not None
    assert two is not None
    assert (one.first_seq, two.first_seq) == (0, 5)


async def test_accepting_sets_ids_and_state(store: Store) -> None:
    """Accepted messages are sent with their ids; those in another state are left alone and not counted."""
    scene = await make_campaign(store, 4)
    async with store.engine() as connection:
        attempt = await claim(connection, scene)
        await dispatch.cancel_messages(connection, *scene.key, [3], "opted_out")
        assert await attempts.accept_messages(connection, attempt, [0, 2, 3], ["a", "b", "c"], QUEUED) == 2
        assert await attempts.accept_messages(connection, attempt, [0, 2], ["x", "y"], QUEUED) == 0
    assert await scene.column("SELECT provider_id FROM message ORDER BY seq") == ["a", None, "b", None]
    assert await states(scene) == {"sent": 2, "queued": 1, "canceled": 1}


async def test_an_id_of_another_message_is_refused(store: Store) -> None:
    """An answer with an id that is already known fails as a whole."""
    scene = await make_campaign(store, 4, chunk=2)
    async with store.engine() as connection:
        first = await claim(connection, scene)
        await attempts.accept_messages(connection, first, [0, 1], ["a", "b"], QUEUED)
        second = await claim(connection, scene)
        with pytest.raises(KnownIdError):
            await attempts.accept_messages(connection, second, [2, 3], ["c", "a"], QUEUED)
    assert await states(scene) == {"sent": 2, "queued": 2}


async def test_the_same_id_in_another_tenants_campaign_is_refused_too(store: Store) -> None:
    """Ids are the provider's, not the tenant's: a known one cannot be trusted wherever it is known."""
    mine, other = await make_campaign(store, 1), await make_campaign(store, 1, tenant="other")
    async with store.engine() as connection:
        await attempts.accept_messages(connection, await claim(connection, mine), [0], ["a"], QUEUED)
        attempt = await claim(connection, other)
        with pytest.raises(KnownIdError):
            await attempts.accept_messages(connection, attempt, [0], ["a"], QUEUED)


async def test_rejecting_keeps_the_providers_word(store: Store) -> None:
    """Rejected messages are final with their error; a second rejection changes nothing."""
    scene = await make_campaign(store, 3)
    async with store.engine() as connection:
        attempt = await claim(connection, scene)
        assert await attempts.reject_messages(connection, attempt, [0, 2], ["bad", "worse"], QUEUED) == 2
        assert await attempts.reject_messages(connection, attempt, [0], ["other"], QUEUED) == 0
    assert await scene.column("SELECT error FROM message WHERE final_at IS NOT NULL ORDER BY seq") == ["bad", "worse"]


async def test_a_late_answer_settles_from_unknown(store: Store) -> None:
    """An attempt given up as unknown can still be accepted; the books move from unknown to sent."""
    scene = await make_campaign(store, 3)
    async with store.engine() as connection:
        attempt = await claim(connection, scene)
        async with connection.transaction():
            await attempts.mark_unknown(connection, attempt, QUEUED, "timeout", ["hint"])
        assert await scene.states() == {"unknown": 3}
        assert await attempts.lock_attempt(connection, attempt.attempt_id) == "unknown"
        assert await attempts.accept_messages(connection, attempt, [0, 1, 2], ["a", "b", "c"], UNKNOWN) == 3
        await attempts.close_attempt(connection, attempt.attempt_id, "accepted", BatchState.SETTLED)
    assert await states(scene) == {"sent": 3}
    assert (await batches(scene))[0][3] == "settled"


async def test_a_range_moves_only_what_is_in_the_state(store: Store) -> None:
    """Moving an attempt's range touches neither its neighbours nor what was left out of it."""
    scene = await make_campaign(store, 10)
    async with store.engine() as connection:
        attempt = await claim(connection, scene, last_seq=4)
        await dispatch.cancel_messages(connection, *scene.key, [2], "opted_out")
        assert await attempts.move_range(connection, attempt, QUEUED, UNKNOWN) == 4
        assert await attempts.move_range(connection, attempt, UNKNOWN, QUEUED) == 4
        assert await attempts.move_range(connection, attempt, SENT, QUEUED) == 0
    assert await states(scene) == {"queued": 9, "canceled": 1}


async def test_closing_an_attempt_moves_only_its_own_batch(store: Store) -> None:
    """A batch that another attempt has claimed since is not touched by the first one's end."""
    scene = await make_campaign(store, 2)
    async with store.engine() as connection:
        first = await claim(connection, scene)
        await attempts.close_attempt(connection, first.attempt_id, "not_sent", BatchState.PENDING, detail="dns")
        second = await claim(connection, scene)
        await attempts.close_attempt(connection, first.attempt_id, "unknown", BatchState.UNKNOWN, detail="late")
        assert (await batches(scene))[0][3] == "sending"
        await attempts.close_attempt(connection, second.attempt_id, "accepted", BatchState.SETTLED)
    assert (await batches(scene))[0][3] == "settled"


async def test_a_batch_that_goes_back_waits(store: Store) -> None:
    """A batch handed back with a wait is not due before."""
    scene = await make_campaign(store, 2)
    async with store.engine() as connection:
        attempt = await claim(connection, scene)
        await attempts.close_attempt(connection, attempt.attempt_id, "throttled", BatchState.PENDING, wait=timedelta(minutes=1))
        assert await dispatch.claim_due_batch(connection, *scene.key) is None


@pytest.mark.parametrize(("n", "halves"), [(2, [(0, 0), (1, 1)]), (3, [(0, 1), (2, 2)]), (9, [(0, 4), (5, 8)]), (1, [(0, 0)])])
async def test_halves_cover_the_batch(store: Store, n: int, halves: list[tuple[int, int]]) -> None:
    """A halved batch is two pending batches that cover the same messages; one of one message stays whole."""
    scene = await make_campaign(store, n)
    async with store.engine() as connection:
        attempt = await claim(connection, scene)
        await attempts.halve_batch(connection, attempt.attempt_id, "http_413")
        assert await attempts.lock_attempt(connection, attempt.attempt_id) == "split"
    after = await batches(scene)
    assert [(first, last) for first, last, *_ in after] == halves
    assert {state for *_, state, _ in after} == {"pending"}
    assert sum(segments for _, _, segments, *_ in after) == n


async def lapsed(connection: Connection, limit: int) -> list[AttemptId]:
    """Attempts that nobody answers for."""
    return [found.attempt_id for found in await attempts.list_lapsed_attempts(connection, limit)]


async def test_lapsed_attempts_are_those_past_their_lease(store: Store) -> None:
    """Only open attempts whose lease is over are listed, the oldest first, so many at a time."""
    scene = await make_campaign(store, 8, chunk=2)
    async with store.engine() as connection:
        made = [await claim(connection, scene) for _ in range(4)]
        for minutes, attempt in enumerate(made[:3], start=1):
            lapse = "UPDATE attempt SET lease_until = now() - make_interval(mins => $2) WHERE attempt_id = $1"
            await connection.execute(lapse, attempt.attempt_id, minutes)
        await attempts.close_attempt(connection, made[0].attempt_id, "accepted", BatchState.SETTLED)
        assert await lapsed(connection, 10) == [made[2].attempt_id, made[1].attempt_id]
        assert await lapsed(connection, 1) == [made[2].attempt_id]


async def test_failures_of_a_batch_are_counted_until_it_is_dead(store: Store) -> None:
    """A batch that fails by itself waits each time and is dead at the limit; one that is being sent is not counted."""
    scene = await make_campaign(store, 2)
    (batch_id,) = await scene.column("SELECT batch_id FROM batch")
    async with store.engine() as connection:
        for expected in ("pending", "pending", "dead", None):
            assert await dispatch.count_batch_failure(connection, batch_id, "PayloadError", 3, timedelta(minutes=1)) == expected
    assert (await batches(scene))[0][3:] == ("dead", 3)


async def test_what_expires_is_what_was_queued(store: Store) -> None:
    """Only queued messages of the range expire."""
    scene = await make_campaign(store, 5)
    async with store.engine() as connection:
        attempt = replace(await claim(connection, scene), last_seq=1)
        await attempts.accept_messages(connection, attempt, [0], ["a"], QUEUED)
        assert await dispatch.expire_messages(connection, *scene.key, 0, 2) == 2
    assert await states(scene) == {"sent": 1, "expired": 2, "queued": 2}


async def test_a_campaign_may_send_while_it_is_sending_and_its_account_is_free(store: Store) -> None:
    """The claim's look at the campaign says no when it is paused or its account is held, and tells of expiry."""
    scene = await make_campaign(store, 1, validity_s=60)
    async with store.engine() as connection:
        found = await dispatch.lock_for_sending(connection, *scene.key)
        assert found is not None
        assert (found.is_expired, found.account_id, found.learned_batch_size) == (False, ACCOUNT, None)
        for change in ("UPDATE account SET held_until = now() + interval '1 minute'", "UPDATE campaign SET state = 'paused'"):
            await connection.execute(change)
            assert await dispatch.lock_for_sending(connection, *scene.key) is None
            assert await dispatch.list_due_lanes(connection, 10) == []
            await connection.execute("UPDATE account SET held_until = NULL")
        await connection.execute("UPDATE campaign SET state = 'sending', expires_at = now()")
        found = await dispatch.lock_for_sending(connection, *scene.key)
    assert found is not None
    assert found.is_expired


async def test_lanes_are_campaigns_with_due_batches(store: Store) -> None:
    """A lane is a sending campaign of an active tenant, with the segments of its next batch, the oldest first."""
    first, second = await make_campaign(store, 7, chunk=5), await make_campaign(store, 3, tenant="other")
    async with store.engine() as connection:
        lanes = await dispatch.list_due_lanes(connection, 10)
        assert [(lane.campaign_id, lane.segments) for lane in lanes] == [(first.campaign_id, 5), (second.campaign_id, 3)]
        assert await dispatch.list_due_lanes(connection, 1) == lanes[:1]
        await connection.execute("UPDATE tenant SET deactivated_at = now() WHERE name = 'other'")
        assert await dispatch.list_due_lanes(connection, 10) == lanes[:1]
        await connection.execute("UPDATE batch SET due_at = now() + interval '1 minute' WHERE first_seq = 0")
        assert [lane.segments for lane in await dispatch.list_due_lanes(connection, 10)] == [2]
