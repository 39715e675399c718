"""What waits in a rolling campaign goes out together: requests are limited, so a request should carry all it can.

Neighbouring batches that were never tried become one, in the transaction that claims it: the first keeps its chunk and takes
the messages of the others, whose chunks and batches go. What comes after sees an ordinary batch in an ordinary chunk.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from penstock import _core
from penstock.dispatch.bounds import BatchBounds, blamed_on
from penstock.dispatch.marks import Marks
from penstock.domain.fairness import Lane
from penstock.store import runs
from penstock.store.dispatch import DueBatch, SendingCampaign
from penstock.store.pool import Connection
from penstock.store.runs import Folded, RunBatch, RunChunk

MOST_BATCHES: Final = 1000
"""Batches of one rolling campaign that a claim looks at."""


class Run(Struct, frozen=True):
    """A locked batch to be sent, and what stays behind it."""

    batch: DueBatch
    left_segments: int
    """Of the lane's other due batches, as far as the claim has seen."""
    drift_s: float | None = None


async def claim_run(  # noqa: PLR0913 - what is asked for, and what the claim works with
    connection: Connection, lane: Lane, campaign: SendingCampaign, bounds: BatchBounds, granted: int, *, marks: Marks
) -> Run | None:
    """Lock the lane's next due batch with as many of its neighbours as go with it. Raises BatchFailedError."""
    due = await runs.lock_due_batches(connection, lane.tenant_id, lane.campaign_id, MOST_BATCHES)
    if not due:
        return None
    run = neighbours(due, bounds.messages)
    with blamed_on(run[0].batch_id):
        chunks = await runs.list_chunks(connection, lane.tenant_id, lane.campaign_id, [batch.chunk_no for batch in run])
        first, chunk = run[0], chunks[0]
        if len(run) > 1:
            with marks.at_work(first.batch_id):
                folded = await _join(campaign, run, chunks, bounds, granted)
            if folded.others:
                await runs.fold_run(connection, lane.tenant_id, lane.campaign_id, folded)
                first, chunk = _as_folded(folded, chunks)
    left = sum(batch.segments for batch in due) - first.segments
    return Run(_due_batch(first, chunk), left, due[0].drift_s)


def neighbours(due: Sequence[RunBatch], most: int) -> list[RunBatch]:
    """The first batch and those whose messages follow on it without a gap, at most so many messages together."""
    run, whole = [due[0]], {batch.first_seq: batch for batch in due if batch.is_whole}
    while run[0].is_whole and (behind := whole.get(run[-1].last_seq + 1)) is not None:
        if behind.last_seq - run[0].first_seq >= most:
            break
        run.append(behind)
    return run


async def _join(
    campaign: SendingCampaign, run: Sequence[RunBatch], chunks: Sequence[RunChunk], bounds: BatchBounds, granted: int
) -> Folded:
    """About a millisecond for a full batch, so it runs beside the event loop."""
    joined = await asyncio.to_thread(
        _core.join_payloads, [chunk.payload for chunk in chunks], _core.Template(campaign.text),
        traffic_account_id=campaign.account_id, sender=campaign.sender, max_messages=bounds.messages,
        max_segments=granted, max_bytes=bounds.body_bytes,
    )  # fmt: skip
    return Folded(
        first=run[0], others=run[1 : joined.payloads], payload=joined.payload, messages=joined.messages,
        segments=joined.segments,
    )  # fmt: skip


def _as_folded(run: Folded, chunks: Sequence[RunChunk]) -> tuple[RunBatch, RunChunk]:
    """The batch and its chunk as they are stored now."""
    first = run.first
    batch = RunBatch(
        first.batch_id, first.chunk_no, first.first_seq, first.first_seq + run.messages - 1, run.segments, 0, None,
        is_whole=True,
    )  # fmt: skip
    opt_outs_at = min(chunk.opt_outs_at for chunk in chunks[: len(run.others) + 1])
    return batch, RunChunk(first.chunk_no, first.first_seq, run.messages, run.payload, opt_outs_at)


def _due_batch(batch: RunBatch, chunk: RunChunk) -> DueBatch:
    return DueBatch(
        batch_id=batch.batch_id, chunk_no=batch.chunk_no, first_seq=batch.first_seq, last_seq=batch.last_seq,
        segments=batch.segments, attempts=batch.attempts, excluded=batch.excluded, chunk_first_seq=chunk.first_seq,
        chunk_messages=chunk.messages, payload=chunk.payload, opt_outs_at=chunk.opt_outs_at,
    )  # fmt: skip
