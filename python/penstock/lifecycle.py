"""Services and the one runner for them: started together, drained last-first, also when one of them crashes."""

import asyncio
import gc
from collections.abc import Collection, Sequence
from typing import Protocol

import structlog

log = structlog.stdlib.get_logger(__name__)


class Service(Protocol):
    """Anything that loops."""

    @property
    def name(self) -> str:
        """Short and stable: it names the task and stands in the logs."""

    async def run(self, halt: asyncio.Event) -> None:
        """Work until `halt` is set; then return soon, having finished or handed back what was held."""


class StartError(RuntimeError):
    """A service cannot begin, for a reason that its operator can mend; the message says how."""


class StoppedUnaskedError(RuntimeError):
    """A service came back although nobody had asked it to stop."""


def keep_for_good() -> None:
    """Tell the collector that whatever exists now will stay: for when everything is loaded and nothing is served yet.

    Else it goes through all of it now and then, and everybody waits: 80 to 90 ms, once in some thousand requests.
    """
    gc.collect()
    gc.freeze()


async def run_services(
    services: Sequence[Service], stop: asyncio.Event, *, grace_s: float, eager: Collection[Service] = ()
) -> bool:
    """Run until `stop` is set or a service dies, then drain last-first; say whether all stopped in time.

    The list's order is the drain order reversed: put writers first and doors last. `eager` services are told to stop at once,
    with the last: what begins work must not begin more while a door drains. This is not a bare TaskGroup because a
    TaskGroup cancels every task at the first crash, and answers already received but not yet written would be lost exactly
    when they matter. Raises an ExceptionGroup of what the services raised.
    """
    halts = [asyncio.Event() for _ in services]
    tasks = [
        asyncio.create_task(_watch(service, halt), name=service.name)  # noqa: TID251 - the runner is where tasks are born
        for service, halt in zip(services, halts, strict=True)
    ]
    for task in tasks:
        task.add_done_callback(lambda _: stop.set())
    try:
        await stop.wait()
        for service, halt in zip(services, halts, strict=True):
            if service in eager:
                halt.set()
        in_time = await _drain(halts, tasks, grace_s)
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    if errors := [end for end in ends if isinstance(end, Exception)]:
        raise ExceptionGroup("services failed", errors)
    return in_time


async def _drain(halts: Sequence[asyncio.Event], tasks: Sequence["asyncio.Task[None]"], grace_s: float) -> bool:
    """Stop the services one by one from the end of the list, sharing one deadline."""
    deadline = asyncio.get_running_loop().time() + grace_s
    in_time = True
    for halt, task in zip(reversed(halts), reversed(tasks), strict=True):
        halt.set()
        left = max(0.1, deadline - asyncio.get_running_loop().time())
        _, late = await asyncio.wait({task}, timeout=left)
        if late:
            in_time = False
            log.warning("service_stopped_late", service=task.get_name())
            task.cancel()
            await asyncio.wait({task})
    return in_time


async def _watch(service: Service, halt: asyncio.Event) -> None:
    await service.run(halt)
    if not halt.is_set():
        raise StoppedUnaskedError(service.name)


async def wait_for_halt(halt: asyncio.Event, timeout_s: float) -> bool:
    """Sleep up to `timeout_s`, but wake at once on halt; say whether it was set."""
    try:
        await asyncio.wait_for(halt.wait(), timeout_s)
    except TimeoutError:
        return False
    return True


async def wait_for_either(halt: asyncio.Event, other: asyncio.Event, timeout_s: float) -> None:
    """Sleep up to `timeout_s`, but wake at once on either."""
    loop = asyncio.get_running_loop()
    waits = [loop.create_task(halt.wait()), loop.create_task(other.wait())]
    try:
        await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
