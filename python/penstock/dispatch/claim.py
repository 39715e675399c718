"""The transaction before the send: claim a due batch, cut it to what was granted, and write down what is about to happen.

When it commits, the attempt is on record and the body is ready; not one byte has left. Everything that may have changed since
the upload (pause, cancel, opt-outs, validity, an account's hold) is read here, under lock, and nowhere earlier.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from typing import Final

from msgspec import Struct

from penstock import _core, failpoint
from penstock.dispatch.bounds import BatchBounds, BatchFailedError, blamed_on, require_limit
from penstock.dispatch.join import Run, claim_run
from penstock.dispatch.marks import Marks
from penstock.dispatch.quiet import is_delayed
from penstock.domain.batch import mark
from penstock.domain.fairness import Lane
from penstock.domain.ids import AttemptId, message_id_prefix
from penstock.domain.message import MessageState
from penstock.failpoint import Point
from penstock.store import campaigns, dispatch
from penstock.store.attempts import Attempt
from penstock.store.dispatch import DueBatch, Intent, SendingCampaign
from penstock.store.pool import Connection, Store

LEASE: Final = timedelta(seconds=120)
"""How long an attempt may stay open, by the database's clock: twice the provider deadline."""

OPTED_OUT: Final = "opted_out"


class Claimed(Struct, frozen=True):
    """A batch that is this process's to send now."""

    attempt: Attempt
    body: bytes
    segments: int
    left_segments: int
    """Of a rolling lane: what is due there and did not go with it."""
    is_last_due: bool = False
    """A paced campaign has nothing more to send for now."""
    drift_s: float | None = None
    """Of single messages that were given a time: how much later they are."""


class LeftOut(Struct, frozen=True):
    """A batch of which nothing had to be sent: expired, everybody opted out, or it is quiet where they are."""


class NothingDue(Struct, frozen=True):
    """Nothing to claim in this lane."""

    is_held: bool = False
    """Whatever is due: the campaign or its account may not send now."""


class Claimer:
    """Claims for one process."""

    def __init__(  # noqa: PLR0913 - a stage takes its surroundings
        self, store: Store, bounds: BatchBounds, worker: str, new_attempt_id: Callable[[], AttemptId], marks: Marks, *,
        references: bool = False,
    ) -> None:  # fmt: skip
        """`references`: each message carries its id, which the provider may show again."""
        self.marks = marks
        self._references = references
        self._store = store
        self._bounds = bounds
        self._worker = worker
        self._new_attempt_id = new_attempt_id
        self.doubtful: set[AttemptId] = set()
        """Attempts whose claim ended without a word: if they exist, nothing of them was sent."""

    async def claim(
        self, lane: Lane, granted_segments: int, most_segments: int | None = None
    ) -> Claimed | LeftOut | NothingDue:
        """Take what was granted, or a first message that is larger, up to `most_segments`.

        Raises BatchFailedError, UnavailableError.
        """
        attempt_id = self._new_attempt_id()
        try:
            async with self._store.engine() as connection, connection.transaction():
                claimed = await self._claim(connection, lane, attempt_id, granted_segments)
                if isinstance(claimed, Claimed) and claimed.segments > granted_segments:
                    require_limit(claimed.attempt.batch_id, claimed.segments, most_segments)
                return claimed
        except BatchFailedError:
            raise
        except BaseException:
            self.doubtful.add(attempt_id)
            raise

    async def _claim(
        self, connection: Connection, lane: Lane, attempt_id: AttemptId, granted: int
    ) -> Claimed | LeftOut | NothingDue:
        campaign = await dispatch.lock_for_sending(connection, lane.tenant_id, lane.campaign_id)
        if campaign is None:
            return NothingDue(is_held=True)
        run = await self._lock_due(connection, lane, campaign, granted)
        if run is None:
            return NothingDue()
        with blamed_on(run.batch.batch_id):
            return await self._open(connection, lane, campaign, run, attempt_id=attempt_id, granted=granted)

    async def _open(  # noqa: PLR0913 - what was locked, and what is to be made of it
        self, connection: Connection, lane: Lane, campaign: SendingCampaign, run: Run, *, attempt_id: AttemptId, granted: int
    ) -> Claimed | LeftOut:
        batch = run.batch
        if campaign.is_expired:
            return await _expire(connection, lane, batch)
        if await is_delayed(connection, lane, campaign, batch):
            return LeftOut()
        with self.marks.at_work(batch.batch_id):
            excluded = await _leave_out_opted_out(connection, lane, batch)
            failpoint.reach(Point.SEND_AT_WORK)
            encoded = await self._encode(lane, campaign, batch, excluded, granted)
        if encoded.messages == 0:
            await dispatch.close_batch(connection, batch.batch_id)
            return LeftOut()
        attempt = Attempt(
            attempt_id=attempt_id, tenant_id=lane.tenant_id, campaign_id=lane.campaign_id, batch_id=batch.batch_id,
            account_id=campaign.account_id, first_seq=batch.first_seq, last_seq=encoded.last_seq, messages=encoded.messages,
            excluded=excluded, chunk_first_seq=batch.chunk_first_seq,
        )  # fmt: skip
        intent = Intent(
            segments=encoded.segments, left_segments=encoded.left_segments, digest=encoded.digest,
            codec=_core.CODEC_VERSION, worker=self._worker, lease=LEASE, has_references=self._references,
        )  # fmt: skip
        await dispatch.open_attempt(connection, attempt, intent)
        failpoint.reach(Point.SEND_AFTER_CLAIM)
        left_segments = run.left_segments + encoded.left_segments
        is_last_due = campaign.due_to is not None and encoded.last_seq + 1 >= campaign.due_to
        return Claimed(attempt, encoded.body, encoded.segments, left_segments, is_last_due, run.drift_s)

    async def _lock_due(self, connection: Connection, lane: Lane, campaign: SendingCampaign, granted: int) -> Run | None:
        """A campaign's next batch; of single messages all that can go in one request."""
        if lane.is_rolling:
            bounds = BatchBounds(self._most_in_a_request(campaign), self._bounds.body_bytes)
            return await claim_run(connection, lane, campaign, bounds, granted, marks=self.marks)
        batch = await dispatch.claim_due_batch(connection, lane.tenant_id, lane.campaign_id)
        return None if batch is None else Run(batch, 0)

    def _most_in_a_request(self, campaign: SendingCampaign) -> int:
        return min(self._bounds.messages, campaign.learned_batch_size or self._bounds.messages)

    async def _encode(
        self, lane: Lane, campaign: SendingCampaign, batch: DueBatch, excluded: bytes | None, granted: int
    ) -> _core.EncodedBatch:
        """A few milliseconds for a full batch, so it runs beside the event loop."""
        return await asyncio.to_thread(
            _core.encode_batch, batch.payload, _template(campaign.text),
            traffic_account_id=campaign.account_id, sender=campaign.sender,
            first_seq=batch.first_seq, last_seq=batch.last_seq, excluded=excluded,
            max_messages=self._most_messages(campaign, batch),
            max_segments=granted, max_bytes=self._bounds.body_bytes,
            reference=message_id_prefix(lane.campaign_id) if self._references else None,
        )  # fmt: skip

    def _most_messages(self, campaign: SendingCampaign, batch: DueBatch) -> int:
        """What one request may carry, and of a paced campaign what is due: one at least, the batch is due with its first."""
        most = self._most_in_a_request(campaign)
        return most if campaign.paced_to is None else max(1, min(most, campaign.paced_to - batch.first_seq))


@lru_cache(maxsize=256)
def _template(text: str) -> _core.Template:
    return _core.Template(text)


async def _expire(connection: Connection, lane: Lane, batch: DueBatch) -> LeftOut:
    n = await dispatch.expire_messages(connection, lane.tenant_id, lane.campaign_id, batch.first_seq, batch.last_seq)
    deltas = {MessageState.QUEUED: -n, MessageState.EXPIRED: n}
    await campaigns.add_counts(connection, lane.tenant_id, lane.campaign_id, deltas)
    await dispatch.close_batch(connection, batch.batch_id)
    return LeftOut()


async def _leave_out_opted_out(connection: Connection, lane: Lane, batch: DueBatch) -> bytes | None:
    """The batch's bitmap of left-out messages, with those added whose number opted out after the upload."""
    numbers = await dispatch.list_recent_opt_outs(connection, lane.tenant_id, batch.opt_outs_at)
    if not numbers:
        return batch.excluded
    found = await asyncio.to_thread(_core.find_numbers, batch.payload, numbers)
    seqs = [seq for seq in found if batch.first_seq <= seq <= batch.last_seq]
    n = await dispatch.cancel_messages(connection, lane.tenant_id, lane.campaign_id, seqs, OPTED_OUT)
    deltas = {MessageState.QUEUED: -n, MessageState.CANCELED: n}
    await campaigns.add_counts(connection, lane.tenant_id, lane.campaign_id, deltas)
    return mark(batch.excluded, [seq - batch.chunk_first_seq for seq in seqs], batch.chunk_messages)
