"""The simulator as a whole: parts put together, a listener, and the two tasks that report."""

import asyncio
import shutil
import signal
import sys
import tempfile
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import uvloop
from aiohttp import web

from penstock.simulator import ulid
from penstock.simulator.accepted import AcceptedRequests
from penstock.simulator.admin import Admin
from penstock.simulator.journal import Journal
from penstock.simulator.messaging import MessagingApi
from penstock.simulator.moment import now
from penstock.simulator.parts import Parts
from penstock.simulator.reports import ReportSchedule
from penstock.simulator.rules import Rules, parse_rule
from penstock.simulator.sender import ReportSender
from penstock.simulator.settings import SimulatorSettings
from penstock.simulator.summary import Summary

_WARM_SUFFIXES = 5000  # so that the first large request is as fast as the others
_GRACE_S = 0.5  # for answers in hand when it stops


class Simulator:
    """A running Mitto, in this process: `async with Simulator(settings) as simulator`."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self.settings = settings
        self.summary = Summary()
        self.rules = Rules()
        self.port = settings.port
        self.journal_path = settings.journal or Path(tempfile.mkdtemp(prefix="penstock-simulator-")) / "journal.ndjson"
        self._closing = AsyncExitStack()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.settings.host}:{self.port}"

    async def start(self) -> None:
        """Open files and the listener; when this returns, requests are answered."""
        ulid.suffixes(_WARM_SUFFIXES)
        for text in self.settings.scenarios:
            self.rules.add(parse_rule(text), now())
        async with AsyncExitStack() as opened:
            await self._open(opened)
            self._closing = opened.pop_all()

    async def stop(self) -> None:
        """Stop listening, then reporting, then close the files."""
        await self._closing.aclose()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _open(self, stack: AsyncExitStack) -> None:
        journal = self._open_journal(stack)
        sender = await stack.enter_async_context(ReportSender(self.settings, self.summary))
        requests = AcceptedRequests(journal)
        schedule = ReportSchedule(self.settings, journal, requests, self.summary, sender)
        task = asyncio.create_task(_report(schedule, sender))  # noqa: TID251 - lives from start to stop, awaited there
        stack.push_async_callback(_end, task)
        parts = Parts(
            settings=self.settings,
            summary=self.summary,
            rules=self.rules,
            journal=journal,
            requests=requests,
            schedule=schedule,
        )
        runner = web.AppRunner(_make_app(parts), access_log=None, shutdown_timeout=_GRACE_S)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, self.settings.host, self.settings.port).start()
        self.port = runner.addresses[0][1]

    def _open_journal(self, stack: AsyncExitStack) -> Journal:
        """Open the journal; without a path of its own it goes when the simulator stops."""
        if self.settings.journal is None:
            stack.callback(shutil.rmtree, self.journal_path.parent, ignore_errors=True)
        journal = Journal(self.journal_path)
        stack.callback(journal.close)
        journal.note({"started": now(), "seed": self.settings.seed})
        return journal


def _make_app(parts: Parts) -> web.Application:
    app = web.Application(client_max_size=0)  # size limits are a scenario
    Admin(parts.journal, parts.rules, parts.summary).add_routes(app.router)
    app.router.add_route("*", "/{path:.*}", MessagingApi(parts).handle)
    return app


async def _report(schedule: ReportSchedule, sender: ReportSender) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(schedule.run())
        tasks.create_task(sender.run())


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def run(settings: SimulatorSettings, stop: asyncio.Event) -> None:
    """Run until `stop` is set; says on standard output where it listens."""
    async with Simulator(settings) as simulator:
        sys.stdout.write(f"simulator listening on {simulator.url}\n")
        sys.stdout.flush()
        await stop.wait()


def serve_forever(settings: SimulatorSettings) -> None:
    """Run as a process of its own until SIGTERM or SIGINT."""

    async def serve() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await run(settings, stop)

    uvloop.run(serve())
