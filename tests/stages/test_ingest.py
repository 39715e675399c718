"""Intake on a real store: whatever stops an upload, what is stored is whole, and the same bytes go on."""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
from msgspec import Struct

from penstock.clock import SystemClock
from penstock.config import Sms
from penstock.domain.campaign import CampaignState
from penstock.domain.counter import imbalance
from penstock.domain.errors import GatewayError, InvalidValueError, MalformedRequestError, StateConflictError, UnavailableError
from penstock.domain.ids import AccountId, CampaignId, TenantId, uuid7
from penstock.ingest import control
from penstock.ingest.audience import TOGETHER, Intake
from penstock.ingest.opening import open_upload
from penstock.ingest.upload import UploadRequest, UploadResult, UploadStoppedError
from penstock.store import campaigns, tenants, uploads
from penstock.store.pool import Connection, Store
from penstock.telemetry.metrics import Metrics

CHUNK = 10
CSV = UploadRequest(format="csv", upload_id="list")


class Draft(Struct, frozen=True):
    """A draft campaign and an intake for it."""

    store: Store
    intake: Intake
    tenant_id: TenantId
    campaign_id: CampaignId

    async def receive(self, source: AsyncIterator[bytes], request: UploadRequest = CSV) -> UploadResult:
        """Upload."""
        return await self.intake.receive(self.tenant_id, self.campaign_id, request, source)

    async def contents(self) -> tuple[list[tuple[int, int]], list[tuple[int, str]], dict[str, int]]:
        """Messages, skipped rows and books, after checking that they agree with one another."""
        async with self.store.engine() as connection:
            books = await campaigns.get_counts(connection, self.tenant_id, self.campaign_id)
            messages = await connection.fetch(
                "SELECT seq, msisdn FROM message WHERE campaign_id = $1 ORDER BY seq", self.campaign_id
            )
            skipped = await connection.fetch(
                "SELECT line, reason FROM skipped WHERE campaign_id = $1 ORDER BY line", self.campaign_id
            )
            batches = await connection.fetch(
                "SELECT first_seq, last_seq FROM batch WHERE campaign_id = $1 ORDER BY first_seq", self.campaign_id
            )
        assert imbalance(books) == 0
        assert books.get("queued", 0) == len(messages)
        assert [row["seq"] for row in messages] == list(range(len(messages)))
        assert sum(row["last_seq"] - row["first_seq"] + 1 for row in batches) == len(messages)
        return [tuple(row) for row in messages], [tuple(row) for row in skipped], books

    async def state(self) -> CampaignState:
        """The campaign's state."""
        async with self.store.engine() as connection:
            campaign = await campaigns.get_campaign(connection, self.tenant_id, self.campaign_id)
        assert campaign is not None
        return campaign.state


@pytest.fixture
async def draft(store: Store) -> Draft:
    """An empty draft."""
    async with store.engine() as connection:
        tenant_id = await tenants.create_tenant(connection, "first")
    assert tenant_id is not None
    intake = Intake(store, Sms(batch_size=CHUNK), Metrics("test"), clock=SystemClock(), random=os.urandom, piece_bytes=200)
    return await another_draft(Draft(store, intake, tenant_id, CampaignId(UUID(int=0))))


async def another_draft(like: Draft) -> Draft:
    """One more draft of the same tenant."""
    campaign_id = CampaignId(uuid7(int(SystemClock().now().timestamp() * 1000), os.urandom(10)))
    plan = control.Plan(name="Spring", text="Hi {name}", sender="Penstock")
    account_id = AccountId("account")
    async with like.store.engine() as connection, connection.transaction():
        await control.create_campaign(
            connection, plan, tenant_id=like.tenant_id, account_id=account_id, campaign_id=campaign_id
        )
    return Draft(like.store, like.intake, like.tenant_id, campaign_id)


def people(n: int) -> bytes:
    """A CSV file in which one row of seven is skipped."""
    lines = [f"+49151{i:08d},Name{i}" if i % 7 else f"+49151{max(i - 1, 1):08d},Twice" for i in range(1, n + 1)]
    return ("phone,name\n" + "\n".join(lines) + "\n").encode()


async def whole(body: bytes) -> AsyncIterator[bytes]:
    """Arrive in network-sized pieces."""
    for start in range(0, len(body), 150):
        yield body[start : start + 150]


async def cut(body: bytes, offset: int) -> AsyncIterator[bytes]:
    """The same, until the connection is lost."""
    async for piece in whole(body[:offset]):
        yield piece
    raise MalformedRequestError("The connection was lost.")


@pytest.mark.parametrize("seed", range(4))
async def test_upload_cut_at_any_byte_continues_to_the_same_rows(draft: Draft, seed: int) -> None:
    """After any number of cuts anywhere, the store is exactly as after one full upload."""
    body, chance = people(200), random.Random(seed)  # noqa: S311 - a seed makes the run repeatable
    stored = 0
    for _ in range(8):
        with pytest.raises((UploadStoppedError, MalformedRequestError)) as caught:
            await draft.receive(cut(body, chance.randrange(len(body))))
        if isinstance(caught.value, UploadStoppedError):
            assert caught.value.rows >= stored
            stored = caught.value.rows
        await draft.contents()
    result = await draft.receive(whole(body))
    twin = await another_draft(draft)
    assert await twin.receive(whole(body)) == result
    assert await twin.contents() == await draft.contents()


async def test_upload_cut_before_its_first_chunk_leaves_nothing(draft: Draft) -> None:
    """Without a stored chunk the upload is forgotten, so that another may come."""
    with pytest.raises(MalformedRequestError):
        await draft.receive(cut(people(50), 100))
    assert (await draft.receive(whole(people(5)), UploadRequest(format="csv"))).rows == 5


async def test_lost_database_keeps_whole_chunks_only(draft: Draft, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk whose transaction fails is not there at all; those before it are, and the upload says so."""
    real, calls = uploads.advance_upload, 0

    async def fails_third(connection: Connection, upload: uploads.Upload, chunk: object) -> bool:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise UnavailableError("gone")
        return await real(connection, upload, chunk)  # type: ignore[arg-type]

    monkeypatch.setattr(uploads, "advance_upload", fails_third)
    with pytest.raises(UploadStoppedError) as caught:
        await draft.receive(whole(people(100)))
    assert isinstance(caught.value.cause, UnavailableError)
    messages, skipped, books = await draft.contents()
    assert caught.value.rows == books["received"] == len(messages) + len(skipped)
    assert len(messages) == 2 * CHUNK
    assert (await draft.receive(whole(people(100)))).rows == 100


async def test_chunks_of_one_transaction_stand_or_fall_together(draft: Draft, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few chunks of a large piece share a commit: one that fails takes them along, and what was committed before stays."""
    intake = Intake(draft.store, Sms(batch_size=CHUNK), Metrics("test"), clock=SystemClock(), random=os.urandom)
    large, real, calls = msgspec.structs.replace(draft, intake=intake), uploads.advance_upload, 0

    async def fails_in_the_second(connection: Connection, upload: uploads.Upload, chunk: object) -> bool:
        nonlocal calls
        calls += 1
        if calls == TOGETHER + 2:
            raise UnavailableError("gone")
        return await real(connection, upload, chunk)  # type: ignore[arg-type]

    monkeypatch.setattr(uploads, "advance_upload", fails_in_the_second)
    with pytest.raises(UploadStoppedError) as caught:
        await large.receive(whole(people(100)))
    messages, skipped, books = await large.contents()
    assert len(messages) == TOGETHER * CHUNK
    assert caught.value.rows == books["received"] == len(messages) + len(skipped)
    assert (await large.receive(whole(people(100)))).rows == 100


async def test_defect_in_the_middle_is_not_hidden(draft: Draft, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unforeseen error comes out as itself, and what was stored can still be continued."""

    async def breaks(*_: object) -> None:
        raise RuntimeError("a defect")

    with monkeypatch.context() as patch:
        patch.setattr(uploads, "insert_skipped", breaks)
        with pytest.raises(RuntimeError, match="a defect"):
            await draft.receive(whole(people(100)))
    assert (await draft.receive(whole(people(100)))).rows == 100


async def test_discarding_during_an_upload_ends_it(draft: Draft) -> None:
    """The upload that lost its ground fails, and nothing of it comes back."""

    async def discarded_half_way() -> AsyncIterator[bytes]:
        async for piece in whole(people(100)):
            yield piece
        async with draft.store.engine() as connection, connection.transaction():
            await control.discard_recipients(connection, draft.tenant_id, draft.campaign_id)
        yield b"+4915177777777,Late\n"

    with pytest.raises(StateConflictError):
        await draft.receive(discarded_half_way())
    assert await draft.contents() == ([], [], {})


async def test_later_connection_takes_over_with_the_same_id(draft: Draft) -> None:
    """While one connection waits, another finishes the upload; the first is told at its next chunk."""
    body, begun, finish = people(100), asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield body[:100]
        begun.set()
        await finish.wait()
        yield body[100:]

    async with asyncio.TaskGroup() as group:
        earlier = group.create_task(refusal(draft, slow()))
        await begun.wait()
        assert (await draft.receive(whole(body))).rows == 100
        finish.set()
    assert "taken over" in earlier.result()
    _, _, books = await draft.contents()
    assert books["received"] == 100


async def refusal(draft: Draft, source: AsyncIterator[bytes]) -> str:
    """Upload what will be refused, and return the reason."""
    with pytest.raises(StateConflictError) as caught:
        await draft.receive(source)
    return caught.value.detail


async def test_upload_whose_process_died_before_its_first_chunk_does_not_block(draft: Draft) -> None:
    """An empty open upload is in the way while it is fresh, and forgotten when it is old."""
    async with draft.store.engine() as connection, connection.transaction():
        await open_upload(connection, draft.tenant_id, draft.campaign_id, CSV, UUID(int=1))
    other = UploadRequest(format="csv", upload_id="other")
    with pytest.raises(StateConflictError, match="Upload-Id: list"):
        await draft.receive(whole(people(5)), other)
    async with draft.store.engine() as connection:
        await connection.execute("UPDATE upload SET touched_at = now() - $1::interval", timedelta(minutes=2))
    assert (await draft.receive(whole(people(5)), other)).rows == 5


async def test_send_waits_for_the_end_of_an_upload(draft: Draft) -> None:
    """An open upload keeps a campaign a draft; once it is complete, sending starts."""
    with pytest.raises(UploadStoppedError):
        await draft.receive(cut(people(100), 1500))
    with pytest.raises(StateConflictError, match="not finished"):
        async with draft.store.engine() as connection, connection.transaction():
            await control.start_sending(connection, draft.tenant_id, draft.campaign_id, None, SystemClock().now())
    assert await draft.state() is CampaignState.DRAFT
    await draft.receive(whole(people(100)))
    async with draft.store.engine() as connection, connection.transaction():
        await control.start_sending(connection, draft.tenant_id, draft.campaign_id, None, SystemClock().now())
    assert await draft.state() is CampaignState.SENDING


async def test_changed_beginning_is_refused(draft: Draft) -> None:
    """An upload goes on behind the same bytes only."""
    with pytest.raises(UploadStoppedError):
        await draft.receive(cut(people(100), 1500))
    before = await draft.contents()
    with pytest.raises(UploadStoppedError) as caught:
        await draft.receive(whole(people(100).replace(b"Name2", b"Mane2")))
    assert isinstance(caught.value.cause, InvalidValueError)
    assert await draft.contents() == before


async def test_tenant_has_its_share_of_places(draft: Draft, monkeypatch: pytest.MonkeyPatch) -> None:
    """One upload too many is refused before anything is opened, and a place is free again afterwards."""
    monkeypatch.setattr(draft.intake._slots, "_most_of_a_tenant", 1)
    twin = await another_draft(draft)

    async def meanwhile() -> AsyncIterator[bytes]:
        yield people(5)
        with pytest.raises(UnavailableError):
            await twin.receive(whole(people(5)))

    await draft.receive(meanwhile())
    assert (await twin.receive(whole(people(5)))).rows == 5


@pytest.mark.parametrize("state", [state for state in CampaignState if state is not CampaignState.DRAFT])
async def test_only_a_draft_takes_recipients(draft: Draft, state: CampaignState) -> None:
    """Every other state is a conflict that names it, for uploading and discarding."""
    async with draft.store.engine() as connection:
        await connection.execute("UPDATE campaign SET state = $1::campaign_state", state.value)
    with pytest.raises(GatewayError, match=state.value):
        await draft.receive(whole(people(5)))
    with pytest.raises(StateConflictError, match=state.value):
        async with draft.store.engine() as connection, connection.transaction():
            await control.discard_recipients(connection, draft.tenant_id, draft.campaign_id)
