import asyncio

import pytest

from penstock import health
from penstock.health import Health


async def answers() -> None:
    """A dependency that is there."""


async def fails() -> None:
    """A dependency that is not."""
    raise ConnectionError("postgresql://canary")


async def hangs() -> None:
    """A dependency that never answers."""
    await asyncio.Event().wait()


async def test_ready_when_started_and_everything_answers() -> None:
    """A started process whose checks pass may take traffic."""
    assert await Health({"a": answers}, started=True).ready() == (True, {"a": "ok", "drain": "ok", "start": "ok"})


async def test_a_failed_check_is_told_by_its_kind_only() -> None:
    """A probe says which check failed and how, never the error's text."""
    ready, results = await Health({"a": answers, "b": fails}, started=True).ready()
    assert not ready
    assert results == {"a": "ok", "b": "ConnectionError", "drain": "ok", "start": "ok"}


async def test_a_check_that_hangs_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A probe always answers, also when a dependency does not."""
    monkeypatch.setattr(health, "CHECK_TIMEOUT_S", 0.01)
    ready, results = await Health({"a": hangs}, started=True).ready()
    assert (ready, results["a"]) == (False, "TimeoutError")


async def says() -> list[int]:
    """What somebody is told who asks."""
    return [1, 2]


async def test_a_detail_that_cannot_be_said_keeps_no_other_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is told by itself; one that fails or hangs is None."""
    monkeypatch.setattr(health, "CHECK_TIMEOUT_S", 0.01)
    told = await Health(details={"a": fails, "b": says, "c": hangs}).explain()
    assert told == {"a": None, "b": [1, 2], "c": None}


@pytest.mark.parametrize(("started", "draining"), [(False, False), (True, True), (False, True)])
async def test_not_ready_before_the_start_and_while_draining(*, started: bool, draining: bool) -> None:
    """Traffic comes only between the start and the drain."""
    ready, results = await Health(started=started, draining=draining).ready()
    assert not ready
    assert (results["start"], results["drain"]) == ("ok" if started else "starting", "draining" if draining else "ok")
