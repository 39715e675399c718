"""When reports fall due: final states are written to the journal on time, and their reports handed to the sender.

The heap holds slices of requests, not messages, so a million messages waiting for their report are some thousand entries.
"""

import asyncio
import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from random import Random

from penstock.simulator import ulid
from penstock.simulator.accepted import Accepted, AcceptedRequests, Slice
from penstock.simulator.fate import Fate, Finals, pick
from penstock.simulator.journal import FinalEntry, Journal
from penstock.simulator.moment import now, render_moment
from penstock.simulator.plan import Extra, Kind
from penstock.simulator.report_body import Report
from penstock.simulator.sender import Parcel, ReportSender
from penstock.simulator.settings import SimulatorSettings
from penstock.simulator.summary import Summary

FAILURE_TEXT = "The message could not be delivered."


@dataclass(slots=True, frozen=True)
class Job:
    """Reports of one kind about one slice."""

    accepted: Accepted
    slice: Slice
    kind: Kind
    extra: Extra | None = None


class ReportSchedule:
    """Lets messages reach their final states and has that reported."""

    def __init__(
        self, settings: SimulatorSettings, journal: Journal, requests: AcceptedRequests, summary: Summary, sender: ReportSender
    ) -> None:
        self.fate = Fate(settings.finals)
        self._with_reference = settings.report_reference
        self._with_recipient = settings.report_recipient
        self._journal = journal
        self._requests = requests
        self._summary = summary
        self._sender = sender
        self._heap: list[tuple[float, int, Job]] = []
        self._tick = count()
        self._wake = asyncio.Event()

    def add(self, accepted: Accepted) -> None:
        """Schedule everything that will be reported about a request, unless its plan holds it back."""
        if accepted.plan.held:
            return
        for due, job in _jobs(accepted):
            heapq.heappush(self._heap, (due, next(self._tick), job))
        self._wake.set()

    async def report_now(self, accepted: Accepted) -> None:
        """Report a held request at once and return when the receiver has answered."""
        for _, job in sorted(_jobs(accepted), key=lambda entry: entry[0]):
            parcel = self._perform(job, now())
            if parcel:
                await self._sender.deliver(parcel)

    async def run(self) -> None:
        """Perform jobs as they fall due, until cancelled."""
        while True:
            self._wake.clear()
            at = now()
            while self._heap and self._heap[0][0] <= at:
                parcel = self._perform(heapq.heappop(self._heap)[2], at)
                if parcel:
                    self._sender.put(parcel)
                await asyncio.sleep(0)  # a burst of due slices must not keep the door closed
            wait = self._heap[0][0] - now() if self._heap else None
            try:
                async with asyncio.timeout(None if wait is None else max(wait, 0.0)):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _perform(self, job: Job, at: float) -> Parcel | None:
        """Decide the final states if this is their moment; return what to send, if anything."""
        accepted, span = job.accepted, job.slice
        finals = accepted.decide(self.fate)
        if job.kind == "final":
            self._settle(accepted, span, finals)
        if not self._sender.is_open:
            return None
        positions = [p for p in range(span.start, span.stop) if p not in accepted.refused]
        plan = accepted.plan
        if plan.silent and job.kind != "stranger":
            positions = [p for p in positions if p not in accepted.unreported()]
        if job.extra and job.extra.share < 1:
            kept = pick(Random(f"{job.kind}/{accepted.seed}/{accepted.ordinal}/{span.start}"), len(positions), job.extra.share)
            positions = [positions[index] for index in kept]
        stamp = (
            at if job.extra and job.extra.restamped else span.due + (job.extra.lag_s if job.kind == "sent" and job.extra else 0)
        )
        moment = render_moment(stamp)
        reports = [self._report(job, position, finals.at(position), moment) for position in positions]
        return Parcel(plan, reports) if reports else None

    def _settle(self, accepted: Accepted, span: Slice, finals: Finals) -> None:
        """Write the final states of a slice to the journal."""
        others = {position: final for position, final in finals.others.items() if span.start <= position < span.stop}
        refused = tuple(sorted(position for position in accepted.refused if span.start <= position < span.stop))
        entry = FinalEntry(
            prefix=accepted.prefix,
            start=span.start,
            stop=span.stop,
            at=now(),
            usual=finals.usual,
            others=others,
            refused=refused,
        )
        self._journal.append(entry)
        counts = self._summary.finals
        counts[finals.usual] += span.stop - span.start - len(refused)
        for position, final in others.items():
            if position not in accepted.refused:
                counts[final] += 1
                counts[finals.usual] -= 1

    def _report(self, job: Job, position: int, final: str, at: str) -> Report:
        accepted = job.accepted
        message_id = accepted.prefix + ulid.suffixes(accepted.count)[position]
        status = final
        if job.kind == "sent":
            status = "Sent"
        elif job.kind == "conflict":
            status = "Failure" if final == "Delivered" else "Delivered"
        elif job.kind == "stranger":
            message_id = strange_id(message_id, position)
        asked = self._requests.message(accepted, position) if self._with_reference or self._with_recipient else None
        reference = asked.reference if asked and self._with_reference else None
        recipient = asked.destination if asked and self._with_recipient else None
        return Report(message_id, status, at, describe(accepted, status), reference, recipient)


def describe(accepted: Accepted, status: str) -> str | None:
    """Return the text that goes with a status: why, if the message failed."""
    if status in ("Delivered", "Sent", "Pending"):
        return None
    return accepted.plan.description or FAILURE_TEXT


def strange_id(message_id: str, position: int) -> str:
    """Make an id that was never issued: well-formed, or (every second one) no ULID at all."""
    return f"not-an-id-{position}" if position % 2 else message_id[:10] + message_id[10:][::-1]


def _jobs(accepted: Accepted) -> Iterator[tuple[float, Job]]:
    for span in accepted.slices:
        yield span.due, Job(accepted, span, "final")
        for extra in accepted.plan.extras:
            yield max(accepted.at, span.due + extra.lag_s), Job(accepted, span, extra.kind, extra)
