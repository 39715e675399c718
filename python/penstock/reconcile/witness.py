"""Reports that name their recipient prove the order of answers for nothing: a few of them are held against the books.

What that costs does not grow with the number of reports: some of one flush are compared, and for a moment none of the next. A
batch that is proven so is not looked up any more: the budget goes to the others. Where reports name nobody all this does
nothing. Evidence that is lost, in a crash or because a report came before its message was settled, costs a look-up.
"""

from collections.abc import Callable
from typing import Final

from penstock.clock import Clock
from penstock.domain.evidence import Seen
from penstock.domain.look_up import LookUpKind
from penstock.domain.order import Mapping, compare, spread
from penstock.reconcile.order import OrderJudge
from penstock.store import look_ups, samples
from penstock.store.pool import Connection, Store
from penstock.store.samples import Sample

MOST_HEARD: Final = 32
"""Reports of a flush that are compared. Mostly they are about a few batches."""
MOST_DOUBTED: Final = 2
"""Of them those that name another number than the books: each costs reading the numbers of its whole batch."""
PAUSE_S: Final = 0.5
"""After so long the next flush is heard. It costs two to six milliseconds: about a hundredth of a core, whatever comes in."""


class Witness:
    """Hears the reports that one process applies."""

    def __init__(self, store: Store, read: Callable[[bytes], Seen | None], judge: OrderJudge, clock: Clock) -> None:
        """`read`: what one report shows."""
        self._store = store
        self._read = read
        self._judge = judge
        self._clock = clock
        self._not_before = float("-inf")

    async def hear(self, lines: bytes) -> None:
        """Compare some of the reports in these lines. Raises UnavailableError."""
        now = self._clock.monotonic()
        if now < self._not_before:
            return
        self._not_before = now + PAUSE_S
        shown = [seen for line in spread(lines, MOST_HEARD) if (seen := self._read(line)) is not None and seen.numbers]
        if not shown:
            return
        by_id: dict[str | None, Seen] = {seen.report.provider_id: seen for seen in shown}
        async with self._store.engine() as connection:
            found = await samples.find_named(connection, [seen.report.provider_id for seen in shown])
            pairs = [(sample, by_id[sample.provider_id]) for sample in found if sample.mapping != Mapping.CONTRADICTED]
            doubted = {sample.attempt_id: (sample, seen) for sample, seen in pairs if sample.number not in seen.numbers}
            agreeing = {sample.attempt_id: sample for sample, seen in pairs if sample.number in seen.numbers}
            for sample, seen in list(doubted.values())[:MOST_DOUBTED]:
                await self._doubt(connection, sample, seen)
            if news := [one for one in agreeing.values() if one.mapping != Mapping.CONFIRMED]:
                await self._confirm(connection, news)

    async def _doubt(self, connection: Connection, sample: Sample, seen: Seen) -> None:
        """A number of nobody in the batch is no evidence of anything: that leaves the batch to the look-ups."""
        batch = await samples.list_numbers(connection, sample.attempt_id, seen.numbers)
        if compare(seen, sample.number, batch) is Mapping.CONTRADICTED:
            async with connection.transaction():
                await self._judge.record(connection, [sample], Mapping.CONTRADICTED)

    async def _confirm(self, connection: Connection, agreeing: list[Sample]) -> None:
        sampled = [sample.attempt_id for sample in agreeing if sample.mapping is not None]
        async with connection.transaction():
            await self._judge.record(connection, agreeing, Mapping.CONFIRMED)
            if sampled:
                await look_ups.drop_waiting(connection, LookUpKind.ORDER, sampled)
