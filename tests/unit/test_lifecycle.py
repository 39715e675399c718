import asyncio
import gc
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from penstock.lifecycle import StoppedUnaskedError, keep_for_good, run_services, wait_for_halt


class Recorder:
    """A service that works until halted and writes down what happens to it."""

    def __init__(self, name: str, log: list[str], crash: Exception | None = None) -> None:
        self.name = name
        self.log = log
        self.crash = crash
        self.started = asyncio.Event()
        self.go = asyncio.Event()
        """When set, the service crashes or comes back unasked."""
        self.ended = asyncio.Event()

    async def run(self, halt: asyncio.Event) -> None:
        """Wait for the halt or the order to fail."""
        self.started.set()
        waits = [asyncio.ensure_future(event.wait()) for event in (halt, self.go)]  # noqa: TID251 - a test's own tasks
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if self.go.is_set() and self.crash:
            raise self.crash
        self.log.append(self.name)
        self.ended.set()


class Stubborn(Recorder):
    """A service that ignores the halt."""

    async def run(self, halt: asyncio.Event) -> None:
        """Wait for ever."""
        del halt
        self.started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.log.append(f"{self.name} cancelled")
            raise


class Slow(Recorder):
    """A door that, once halted, closes only after another service has ended."""

    def __init__(self, name: str, log: list[str], other: Recorder) -> None:
        super().__init__(name, log)
        self.other = other

    async def run(self, halt: asyncio.Event) -> None:
        """Wait for the halt, then for the other."""
        self.started.set()
        await halt.wait()
        self.log.append(f"{self.name} halted")
        await self.other.ended.wait()
        self.log.append(self.name)


async def run_until(
    services: list[Recorder], act: Callable[[asyncio.Event], None], grace_s: float = 5, eager: Sequence[Recorder] = ()
) -> bool:
    """Run services, act once all are up, and check that nothing is left running."""
    stop = asyncio.Event()
    before = asyncio.all_tasks()

    async def once_started() -> None:
        await asyncio.gather(*(service.started.wait() for service in services))
        act(stop)

    async with asyncio.TaskGroup() as group:
        group.create_task(once_started())
        run = group.create_task(_caught(run_services(services, stop, grace_s=grace_s, eager=eager)))
    assert asyncio.all_tasks() == before
    if isinstance(end := run.result(), ExceptionGroup):
        raise end
    return end


async def _caught(run: Coroutine[Any, Any, bool]) -> bool | ExceptionGroup:
    """Its result or what it raised."""
    try:
        return await run
    except ExceptionGroup as group:
        return group


async def test_stop_drains_last_first() -> None:
    """On stop the services end one after the other, from the end of the list."""
    log: list[str] = []
    services = [Recorder(name, log) for name in ("store", "send", "door")]
    assert await run_until(services, asyncio.Event.set)
    assert log == ["door", "send", "store"]


async def test_an_eager_service_is_halted_at_once() -> None:
    """What begins work stops beginning it while a slow door still drains; everything else waits for its turn."""
    log: list[str] = []
    sender = Recorder("send", log)
    services = [Recorder("store", log), sender, Slow("door", log, sender)]
    assert await run_until(services, asyncio.Event.set, eager=[sender])
    assert sorted(log[:2]) == ["door halted", "send"]
    assert log[2:] == ["door", "store"]


async def test_an_eager_service_is_halted_after_a_crash_too() -> None:
    """When another service crashes an eager one stops at once, its end is no crash, and the crash is raised."""
    log: list[str] = []
    sender, store = Recorder("send", log), Recorder("store", log, ValueError("crash"))
    services = [store, sender, Slow("door", log, sender)]
    with pytest.raises(ExceptionGroup) as raised:
        await run_until(services, lambda _: store.go.set(), eager=[sender])
    assert [str(error) for error in raised.value.exceptions] == ["crash"]
    assert (sorted(log[:2]), log[2:]) == (["door halted", "send"], ["door"])


async def test_a_crash_drains_the_others() -> None:
    """When one service crashes the others still finish in order, and the crash is raised at the end."""
    log: list[str] = []
    services = [Recorder("store", log), Recorder("send", log, ValueError("crash")), Recorder("door", log)]
    with pytest.raises(ExceptionGroup) as raised:
        await run_until(services, lambda _: services[1].go.set())
    assert [str(error) for error in raised.value.exceptions] == ["crash"]
    assert log == ["door", "store"]


async def test_an_early_return_is_a_crash() -> None:
    """A service that comes back unasked stops the process: half a gateway is worse than a restart."""
    log: list[str] = []
    services = [Recorder("store", log), Recorder("send", log)]
    with pytest.raises(ExceptionGroup) as raised:
        await run_until(services, lambda _: services[1].go.set())
    assert [type(error) for error in raised.value.exceptions] == [StoppedUnaskedError]
    assert log == ["send", "store"]


async def test_every_crash_is_raised() -> None:
    """Two services that crash are both reported."""
    log: list[str] = []
    services = [Recorder(name, log, ValueError(name)) for name in ("a", "b")]

    def fail_both(_: asyncio.Event) -> None:
        for service in services:
            service.go.set()

    with pytest.raises(ExceptionGroup) as raised:
        await run_until(services, fail_both)
    assert sorted(str(error) for error in raised.value.exceptions) == ["a", "b"]


async def test_a_service_that_ignores_the_halt_is_cancelled_and_the_rest_drains() -> None:
    """After the grace a stubborn service is cancelled; those before it still finish, and the lateness is told."""
    log: list[str] = []
    services = [Recorder("store", log), Stubborn("send", log), Recorder("door", log)]
    assert not await run_until(services, asyncio.Event.set, grace_s=0.01)
    assert log == ["door", "send cancelled", "store"]


async def test_cancelling_the_runner_leaves_nothing_running() -> None:
    """When the runner itself is cancelled, no service survives it."""
    log: list[str] = []
    services = [Stubborn("a", log), Stubborn("b", log)]
    async with asyncio.TaskGroup() as group:
        run = group.create_task(run_services(services, asyncio.Event(), grace_s=5))
        await asyncio.gather(*(service.started.wait() for service in services))
        run.cancel()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert sorted(log) == ["a cancelled", "b cancelled"]


async def test_waiting_for_halt_wakes_at_once() -> None:
    """A sleeping service wakes on halt, and says so; otherwise the time runs out."""
    halt = asyncio.Event()
    assert not await wait_for_halt(halt, 0.001)
    halt.set()
    assert await wait_for_halt(halt, 3600)


def test_what_exists_at_the_start_is_not_gone_through_again() -> None:
    """The collector looks at what is made later, and at nothing else."""
    before = len(gc.get_objects())
    keep_for_good()
    try:
        later = [[] for _ in range(100)]  # type: ignore[var-annotated]
        assert len(later) < len(gc.get_objects()) < before / 10
    finally:
        gc.unfreeze()
