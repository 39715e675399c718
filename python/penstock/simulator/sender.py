"""Carries delivery reports to the callback address: bounded concurrency, a rate, a timeout and, if asked for, retries."""

import asyncio
import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from penstock.simulator.plan import Plan
from penstock.simulator.report_body import Call, Report, write_calls
from penstock.simulator.settings import SimulatorSettings
from penstock.simulator.summary import Summary

_ACKNOWLEDGED = range(200, 300)
_RETRY_LOOK_S = 0.02  # retries are seconds apart
_MOST_DOUBLINGS = 30  # a number that a float holds, however often is tried


@dataclass(slots=True, frozen=True)
class Parcel:
    """Reports that are sent in one shape, one call after the other."""

    plan: Plan
    reports: Sequence[Report]


@dataclass(slots=True, frozen=True)
class _Errand:
    plan: Plan
    call: Call
    tries: int = 0


class ReportSender:
    """Sends parcels in the order they come, several at a time."""

    def __init__(self, settings: SimulatorSettings, summary: Summary) -> None:
        self._settings = settings
        self._summary = summary
        self._url = URL(settings.callback) if settings.callback else None
        self._parcels: deque[Parcel] = deque()
        self._late: list[tuple[float, int, _Errand]] = []
        self._tick = count()
        self._work = asyncio.Semaphore(0)
        self._free_at = 0.0
        self._session: aiohttp.ClientSession | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is anywhere to send reports to."""
        return self._url is not None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=self._settings.report_timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session:
            await self._session.close()

    def put(self, parcel: Parcel) -> None:
        """Queue a parcel; the queue holds slices of accepted requests and is bounded by them."""
        self._parcels.append(parcel)
        self._summary.reports_waiting += len(parcel.reports)
        self._work.release()

    async def run(self) -> None:
        """Send what is queued, until cancelled."""
        async with asyncio.TaskGroup() as workers:
            for _ in range(self._settings.report_concurrency):
                workers.create_task(self._work_on())
            if self._settings.report_attempts > 1:
                workers.create_task(self._retry())

    async def deliver(self, parcel: Parcel) -> None:
        """Send a parcel now."""
        for call in _calls(parcel):
            await self._carry(_Errand(parcel.plan, call))

    async def _work_on(self) -> None:
        while True:
            await self._work.acquire()
            parcel = self._parcels.popleft()
            self._summary.reports_waiting -= len(parcel.reports)
            await self.deliver(parcel)

    async def _retry(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            while self._late and self._late[0][0] <= loop.time():
                await self._carry(heapq.heappop(self._late)[2])
            await asyncio.sleep(_RETRY_LOOK_S)

    async def _carry(self, errand: _Errand) -> None:
        """Make one call; count it, or put it aside for another try."""
        await self._pace(errand.call.count)
        self._summary.report_requests += 1
        if await self._post(errand):
            self._summary.reports_sent += errand.call.count
            return
        tries = errand.tries + 1
        if tries >= self._settings.report_attempts:
            self._summary.reports_failed += errand.call.count
            return
        due = asyncio.get_running_loop().time() + self._gap_s(tries)
        heapq.heappush(self._late, (due, next(self._tick), _Errand(errand.plan, errand.call, tries)))

    def _gap_s(self, tries: int) -> float:
        """Between this try and the next."""
        settings = self._settings
        doublings: int = 2 ** min(tries - 1, _MOST_DOUBLINGS)
        return min(settings.report_retry_longest_s, settings.report_retry_gap_s * doublings)

    async def _pace(self, reports: int) -> None:
        if not self._settings.report_rate:
            return
        loop = asyncio.get_running_loop()
        start = max(loop.time(), self._free_at)
        self._free_at = start + reports / self._settings.report_rate
        await asyncio.sleep(start - loop.time())

    async def _post(self, errand: _Errand) -> bool:
        """Make the HTTP request; True if the receiver acknowledged it."""
        if self._session is None or self._url is None:
            return False
        call, headers = errand.call, dict(errand.plan.headers)
        if call.content_type:
            headers["Content-Type"] = call.content_type
        method, url = ("GET", self._url.update_query(call.query)) if call.query else ("POST", self._url)
        try:
            async with self._session.request(method, url, data=call.body or None, headers=headers) as answer:
                await answer.read()
                return answer.status in _ACKNOWLEDGED
        except (aiohttp.ClientError, TimeoutError):
            return False


def _calls(parcel: Parcel) -> Sequence[Call]:
    plan = parcel.plan
    return write_calls(parcel.reports, plan.shape, plan.keys, odd=plan.odd)
