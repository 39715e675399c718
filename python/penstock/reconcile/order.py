"""The order of answers is proven: of every accepted batch two messages are looked up, and must have gone where the books say.

The answer to a bulk request names nobody: position is all that ties an id to a message. If the provider ever answers in another
order, reports would move the wrong messages, so the first contradiction stops the account until somebody has looked. A batch
that its own reports have proven is not looked up (witness.py).
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

import structlog

from penstock.domain.evidence import Seen
from penstock.domain.ids import message_id
from penstock.domain.look_up import LookUpKind, Result
from penstock.domain.order import Mapping, compare, pick
from penstock.store import accounts, look_ups, samples
from penstock.store.attempts import Attempt
from penstock.store.look_ups import LookUp
from penstock.store.pool import Connection, Store
from penstock.store.samples import Sample
from penstock.telemetry.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)

MOST_WAITING: Final = 600
"""Samples in the queue; further batches wait until there is room, the newest first."""
BATCHES_AT_ONCE: Final = 100
OLDEST: Final = timedelta(days=1)
"""A batch that could not be sampled in a day is not sampled any more."""
HOLD: Final = timedelta(days=3650)
"""Until an operator releases the account."""
HELD_REASON: Final = "answer_out_of_order"

_RESULTS: Final = {
    Mapping.CONFIRMED: Result.MATCHED,
    Mapping.CONTRADICTED: Result.CONTRADICTED,
    Mapping.UNPROVEN: Result.NOTHING,
}


async def queue_samples(store: Store, random: Callable[[], float], after: timedelta) -> None:
    """Choose two messages of every new batch, to be looked up `after` it was accepted."""
    async with store.engine() as connection:
        room = (MOST_WAITING - (await look_ups.count_waiting(connection))[LookUpKind.ORDER]) // 2
        if room <= 0:
            return
        attempts = await samples.list_unsampled(connection, OLDEST, min(room, BATCHES_AT_ONCE))
        if not attempts:
            return
        # In one transaction: its commit waits for the disk, as those do that batches are sent by.
        async with connection.transaction():
            for attempt in attempts:
                await _queue(connection, attempt, random, after)


async def _queue(connection: Connection, attempt: Attempt, random: Callable[[], float], after: timedelta) -> None:
    seqs = attempt.seqs()
    found = await samples.list_ids(connection, attempt, [seqs[position] for position in pick(len(seqs), random)])
    mapping = Mapping.SAMPLED if found else Mapping.UNPROVEN
    if await samples.note_mapping(connection, [attempt.attempt_id], mapping):
        await look_ups.queue_messages(connection, LookUpKind.ORDER, attempt.attempt_id, found, after)


class OrderJudge:
    """Judges what was seen of messages, and keeps the record."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        for mapping in _RESULTS:  # there from the start, so that the first contradiction is an increase
            metrics.order_checks.labels(mapping)

    async def judge(self, connection: Connection, look_up: LookUp, seen: Seen) -> Result | None:
        """Compare one sample with the books."""
        if look_up.attempt_id is None or look_up.seq is None:
            return Result.NOTHING
        sample = await samples.find_sample(connection, look_up.attempt_id, look_up.seq)
        if sample is None or sample.provider_id != look_up.provider_id:
            return Result.NOTHING
        if sample.has_references:
            self._metrics.references.labels(_returned(seen, sample, look_up.seq)).inc()
        mapping = compare(seen, sample.number, await samples.list_numbers(connection, look_up.attempt_id, seen.numbers))
        await self.record(connection, [sample], mapping)
        return _RESULTS[mapping]

    async def record(self, connection: Connection, shown: Sequence[Sample], mapping: Mapping) -> None:
        """What one message each of some batches showed, whoever saw it. A batch's first contradiction holds its account."""
        self._metrics.order_checks.labels(mapping).inc(len(shown))
        news = await samples.note_mapping(connection, [sample.attempt_id for sample in shown], mapping)
        if mapping is not Mapping.CONTRADICTED:
            return
        for sample in shown:
            if sample.attempt_id in news:
                await accounts.hold_account(connection, sample.account_id, HOLD, HELD_REASON)
                log.error("answer_out_of_order", batch_id=sample.batch_id, account_id=sample.account_id)


def _returned(seen: Seen, sample: Sample, seq: int) -> str:
    """What became of the reference that the message carried."""
    if seen.reference is None:
        return "missing"
    return "returned" if seen.reference == message_id(sample.campaign_id, seq) else "other"
