import asyncio
import struct
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from penstock import _core
from penstock.store import campaigns, uploads
from penstock.store.pool import Connection, Store
from penstock.store.uploads import Upload
from tests.builders import ACCOUNT, SENDER, TEXT, Scene, add_chunk, make_draft, number, parse_recipients, recipients_csv

BAD_ROWS = b"phone,name\n+4915100000000,A\nnonsense,B\n+4915100000000,C\n+4915100000001,\n+4915100000002,D\n"


async def open_upload(connection: Connection, scene: Scene, name: str = "first") -> Upload:
    """An open upload of the campaign."""
    return await uploads.create_upload(connection, *scene.key, upload_id=name, format="csv", phone_column=None, token=uuid4())


@pytest.fixture
async def draft(store: Store) -> Scene:
    """A campaign that takes recipients."""
    return await make_draft(store)


async def test_a_chunk_becomes_payload_messages_and_batch(store: Store, draft: Scene) -> None:
    """What the parser made is stored whole: numbers and segments row by row, one batch over all of them."""
    (chunk,) = parse_recipients(recipients_csv(25))
    async with store.engine() as connection:
        assert await add_chunk(connection, draft, chunk)
        payload = await connection.fetchval("SELECT payload FROM chunk")
    assert await draft.states() == {"queued": 25}
    assert [tuple(row) for row in await draft.fetch("SELECT seq, msisdn, segments FROM message ORDER BY seq")] == [
        (i, number(i), 1) for i in range(25)
    ]
    (batch,) = await draft.fetch("SELECT first_seq, last_seq, segments, state::text FROM batch")
    assert tuple(batch) == (0, 24, 25, "pending")
    assert payload == chunk.payload


async def test_chunks_follow_one_another(store: Store, draft: Scene) -> None:
    """Sequence and chunk numbers continue without gaps, and the campaign's segments add up."""
    async with store.engine() as connection:
        for chunk in parse_recipients(recipients_csv(25), chunk=10):
            assert await add_chunk(connection, draft, chunk)
        campaign = await campaigns.get_campaign(connection, *draft.key)
    assert campaign is not None
    assert (campaign.next_seq, campaign.segments) == (25, 25)
    assert [tuple(row) for row in await draft.fetch("SELECT first_seq, last_seq FROM batch ORDER BY 1")] == [
        (0, 9),
        (10, 19),
        (20, 24),
    ]


@pytest.mark.parametrize("state", ["scheduled", "sending", "paused", "completed", "canceled"])
async def test_only_a_draft_takes_recipients(store: Store, draft: Scene, state: str) -> None:
    """Once a campaign is no draft any more a chunk is refused and leaves nothing behind."""
    await draft.execute("UPDATE campaign SET state = $1::campaign_state", state)
    (chunk,) = parse_recipients(recipients_csv(5))
    async with store.engine() as connection:
        assert not await add_chunk(connection, draft, chunk)
    assert await draft.states() == {}


async def test_a_chunk_that_is_not_the_next_one_is_refused(store: Store, draft: Scene) -> None:
    """A chunk stored twice, or out of order, does not fit and is refused."""
    first, second = parse_recipients(recipients_csv(10), chunk=5)[:2]
    async with store.engine() as connection:
        assert not await add_chunk(connection, draft, second)
        assert await add_chunk(connection, draft, first)
        assert not await add_chunk(connection, draft, first)
        assert await add_chunk(connection, draft, second)
    assert await draft.states() == {"queued": 10}


async def test_two_connections_cannot_store_the_same_chunk(store: Store, draft: Scene) -> None:
    """Of two connections with the same chunk at once exactly one stores it."""
    (chunk,) = parse_recipients(recipients_csv(5))

    async def attempt() -> bool:
        async with store.engine() as connection:
            return await add_chunk(connection, draft, chunk)

    assert sorted(await asyncio.gather(attempt(), attempt(), attempt())) == [False, False, True]
    assert await draft.states() == {"queued": 5}


async def test_sending_waits_for_the_chunk_being_stored(store: Store, draft: Scene) -> None:
    """The campaign is locked while a chunk is stored: a send sees all of it or none of it."""
    (chunk,) = parse_recipients(recipients_csv(5))
    async with store.engine() as connection, connection.transaction():
        assert await uploads.insert_chunk(connection, *draft.key, chunk)
        async with store.engine() as other:
            await other.execute("SET lock_timeout = '10ms'")
            with pytest.raises(asyncpg.LockNotAvailableError):
                await campaigns.lock_campaign(other, *draft.key)
            await other.execute("RESET lock_timeout")


async def test_skipped_rows_keep_their_line_and_reason(store: Store, draft: Scene) -> None:
    """Every row that did not become a message is listed with its line, reason and the offending cell."""
    (chunk,) = parse_recipients(BAD_ROWS)
    async with store.engine() as connection, connection.transaction():
        upload = await open_upload(connection, draft)
        await uploads.insert_chunk(connection, *draft.key, chunk)
        await uploads.insert_skipped(connection, upload, chunk)
        assert await uploads.advance_upload(connection, upload, chunk)
        rows = await uploads.list_skipped(connection, *draft.key, (0, 0), 10)
        problems = await uploads.list_upload_problems(connection, upload, 1)
        counted = await uploads.count_upload_skipped(connection, upload)
        page = await uploads.list_skipped(connection, *draft.key, (0, rows[0].line), 1)
    assert [(row.line, row.reason) for row in rows] == [(line, reason) for line, reason, _ in chunk.problems(10)]
    assert (counted, problems, page) == (chunk.skipped, rows[:1], rows[1:2])


async def test_the_checkpoint_continues_the_parser(store: Store, draft: Scene) -> None:
    """A new process that reads the checkpoint continues behind the last chunk, with the same numbers and lines."""
    body = recipients_csv(20)
    chunks = parse_recipients(body, chunk=8)
    async with store.engine() as connection:
        upload = await open_upload(connection, draft)
        assert upload.checkpoint is None
        assert await add_chunk(connection, draft, chunks[0])
        assert await uploads.advance_upload(connection, upload, chunks[0])
        found = await uploads.find_open_upload(connection, *draft.key)
        numbers = await uploads.pack_numbers(connection, *draft.key)
    assert found is not None
    parser = _core.RecipientParser(
        "csv",
        _core.Template(TEXT),
        traffic_account_id=ACCOUNT,
        sender=SENDER,
        chunk_messages=8,
        first_seq=8,
        resume=found.checkpoint,
    )
    parser.remember(numbers)
    again = parser.feed(body) + parser.finish()
    assert [chunk.payload for chunk in again] == [chunk.payload for chunk in chunks[1:]]


async def test_whoever_comes_last_owns_the_upload(store: Store, draft: Scene) -> None:
    """After a second connection took the upload over, the first can neither advance, complete nor drop it."""
    (chunk,) = parse_recipients(recipients_csv(5))
    async with store.engine() as connection:
        first = await open_upload(connection, draft)
        second = await uploads.take_upload(connection, first, UUID(int=7))
        assert not await uploads.advance_upload(connection, first, chunk)
        assert not await uploads.complete_upload(connection, first)
        await uploads.drop_empty_upload(connection, first)
        assert await uploads.advance_upload(connection, second, chunk)
        assert [await uploads.complete_upload(connection, second) for _ in range(2)] == [True, False]
        found = await uploads.find_upload(connection, *draft.key, "first")
    assert found is not None
    assert (found.state, found.accepted, found.skipped, found.rows) == ("complete", 5, 0, 5)


async def test_one_upload_is_open_at_a_time(store: Store, draft: Scene) -> None:
    """A second upload beside an open one is refused by the database; after it is complete it is not."""
    async with store.engine() as connection:
        first = await open_upload(connection, draft)
        with pytest.raises(asyncpg.UniqueViolationError):
            await open_upload(connection, draft, "second")
        assert await uploads.complete_upload(connection, first)
        await open_upload(connection, draft, "second")
        assert [item.upload_id for item in await uploads.list_uploads(connection, *draft.key)] == ["first", "second"]


async def test_an_empty_upload_leaves_nothing_behind(store: Store, draft: Scene) -> None:
    """An upload that failed before its first chunk, or was abandoned there, is forgotten; one with rows is not."""
    (chunk,) = parse_recipients(recipients_csv(5))
    async with store.engine() as connection:
        await uploads.drop_empty_upload(connection, await open_upload(connection, draft))
        assert await uploads.find_open_upload(connection, *draft.key) is None
        upload = await open_upload(connection, draft, "abandoned")
        await uploads.drop_abandoned_upload(connection, *draft.key, timedelta(hours=1))
        assert await uploads.find_open_upload(connection, *draft.key) is not None
        await uploads.drop_abandoned_upload(connection, *draft.key, timedelta(seconds=-1))
        assert await uploads.find_open_upload(connection, *draft.key) is None
        upload = await open_upload(connection, draft, "with rows")
        assert await uploads.advance_upload(connection, upload, chunk)
        await uploads.drop_abandoned_upload(connection, *draft.key, timedelta(seconds=-1))
        assert await uploads.find_open_upload(connection, *draft.key) is not None


async def test_packed_numbers_are_all_of_them(store: Store, draft: Scene) -> None:
    """The packed form holds every number of the campaign and none of another."""
    async with store.engine() as connection:
        assert await uploads.pack_numbers(connection, *draft.key) == b""
        for chunk in parse_recipients(recipients_csv(5), chunk=2):
            await add_chunk(connection, draft, chunk)
        other = await make_draft(store)
        await add_chunk(connection, other, parse_recipients(recipients_csv(3, first=100))[0])
        packed = await uploads.pack_numbers(connection, *draft.key)
    assert sorted(struct.unpack(">5q", packed)) == [number(i) for i in range(5)]


async def test_discarding_starts_over(store: Store, draft: Scene) -> None:
    """A discarded draft has no rows, numbers, books or uploads left, takes the same file again, and others keep theirs."""
    chunks = parse_recipients(recipients_csv(5))
    other = await make_draft(store)
    async with store.engine() as connection:
        for scene in (draft, other):
            await open_upload(connection, scene)
            await add_chunk(connection, scene, chunks[0])
        await uploads.discard_recipients(connection, *draft.key)
        assert await uploads.list_uploads(connection, *draft.key) == []
        assert await campaigns.get_counts(connection, *draft.key) == {}
        assert await add_chunk(connection, draft, chunks[0])
    assert (await draft.states(), await other.states()) == ({"queued": 5}, {"queued": 5})


async def test_segments_are_summed_by_upload(store: Store, draft: Scene) -> None:
    """Each upload's segments are its own, also when its chunks are several."""
    async with store.engine() as connection:
        made = []
        for name, first, count in [("first", 0, 5), ("second", 50, 7)]:
            upload = await open_upload(connection, draft, name)
            first_seq = 0 if first == 0 else 5
            for chunk in parse_recipients(recipients_csv(count, first), chunk=3, first_seq=first_seq):
                await add_chunk(connection, draft, chunk)
                await uploads.advance_upload(connection, upload, chunk)
            await uploads.complete_upload(connection, upload)
            made.append(upload)
        assert [await uploads.sum_upload_segments(connection, upload) for upload in made] == [5, 7]
